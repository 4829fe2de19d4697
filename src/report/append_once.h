#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace clavier::report {

struct AppendOnceOptions {
  std::filesystem::path folder;  ///< The study's; must exist.
  std::string_view marker;       ///< A file in it, of this output alone.
  /// The files that each trial's directory has and that are appended to. Their number and order
  /// belong to the marker's format.
  std::vector<std::string> files;
  /// One line for the user; called at most `AppendOnce::kMaxWarnings` times.
  std::function<void(const std::string&)> warn;
};

/// Appends to the files of many trials, each text exactly once, whatever crashes: what outputs of a
/// file per trial have in common. Texts are gathered in batches. Before one is written, a small
/// marker file says how long each file was and what the writer knew then: after a crash in the
/// middle of it, the files are cut back to that and the batch is made again. No file stays open.
///
/// A trial whose files cannot be used (a link, a pipe, a directory in their place, no permission)
/// is left out with a warning until the next run, which makes all files again.
class AppendOnce {
 public:
  /// What the files in one directory get.
  struct Pending {
    /// The trial's first launch: whatever its files hold is of another life.
    bool fresh = false;
    std::vector<std::string> appended;            ///< To `files`, one each.
    std::map<std::string, std::string> replaced;  ///< Whole files, by name.
  };

  explicit AppendOnce(AppendOnceOptions options) : options_(std::move(options)) {}

  /// Cuts off what the last batch wrote. Its `knowledge`; nothing if there is none or the files
  /// are not what the marker says (shorter, after a power cut), or if a trial was left out: then
  /// all must be made again.
  std::optional<Json> recover();

  /// For the next `write`. Valid until then. `directory` must be a plain name (see `is_plain`).
  Pending& pending(const std::string& directory);
  /// Directories with something pending.
  std::size_t size() const { return pending_.size(); }

  /// Writes everything pending. `knowledge` is JSON, as of before the first of it. After a failure
  /// nothing is pending and the marker lets the next `recover` tidy up.
  Status write(std::string_view knowledge);
  /// With nothing pending: `recover` will answer `knowledge` and cut nothing.
  Status settle(std::string_view knowledge) { return write(knowledge); }

  /// A trial's directory as it is. kNotFound if there is none.
  Result<Folder> open(const std::string& directory) const;
  /// How many directories, or links in their place, the study's folder holds.
  std::int64_t directories() const;

  /// One component of a path that stays in its folder.
  static bool is_plain(std::string_view name);
  static constexpr std::size_t kMaxMarkerBytes = 256 << 20;
  static constexpr int kMaxWarnings = 5;

 private:
  Result<Folder> prepare(const Folder& study, const std::string& directory, bool fresh) const;
  Result<std::string> describe_files(const Folder& study);
  Status write_files(const Folder& study, const std::string& name, const Pending& pending) const;
  bool cut_back(const Folder& study, const Json& files) const;
  Status leave_out(const std::string& directory, const Error& error);

  AppendOnceOptions options_;
  std::map<std::string, Pending> pending_;  ///< By directory.
  std::set<std::string> left_out_;          ///< Directories.
};

/// The last whole line of a file, without its end; empty if there is none.
std::string last_line(const Folder& folder, const char* name);
/// The first record of a CSV file, without its end; empty if there is none.
std::string first_record(const Folder& folder, const char* name);

}  // namespace clavier::report
