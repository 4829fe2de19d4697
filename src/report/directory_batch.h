#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "study/ids.h"

namespace clavier::report {

/// Text to be appended to the files of many trials at once. Before a batch is written, a small
/// marker file says how long each file was and what the writer knew then: after a crash in the
/// middle of it, the files are cut back to that and the batch is made again. No file stays open.
///
/// A trial whose files cannot be used (a link, a pipe, a directory in their place, no permission)
/// is left out with a warning until the next run, which makes all files again.
class DirectoryBatch {
 public:
  /// What one trial's files get.
  struct Pending {
    std::string directory;  ///< A name in the study's folder.
    /// The trial's first launch: whatever its files hold is of another life.
    bool fresh = false;
    std::string result, progress, error;  ///< Appended to result.json, progress.csv, error.txt.
    std::string params;                   ///< Replaces params.json if not empty.
  };

  /// `warn` gets at most kMaxWarnings lines.
  DirectoryBatch(std::filesystem::path folder, std::function<void(const std::string&)> warn)
      : folder_(std::move(folder)), warn_(std::move(warn)) {}

  /// Cuts off what the last batch wrote. Its `knowledge`; nothing if there is none or the files
  /// are not what the marker says (shorter, after a power cut), or if a trial was left out: then
  /// all must be made again.
  std::optional<Json> recover();

  /// For the next `write`. Valid until then. `directory` must be a plain name (see `is_plain`).
  Pending& pending(TrialId trial, const std::string& directory);
  std::size_t trials() const { return pending_.size(); }

  /// Writes everything pending. `knowledge` is JSON, as of before the first of it. After a failure
  /// nothing is pending and the marker lets the next `recover` tidy up.
  Status write(std::string_view knowledge);
  /// With nothing pending: `recover` will answer `knowledge` and cut nothing.
  Status settle(std::string_view knowledge) { return write(knowledge); }

  /// The last whole line of a trial's result.json and the header of its progress.csv, without their
  /// ends; empty if there is none.
  std::string last_result(const std::string& directory) const;
  std::string progress_header(const std::string& directory) const;
  /// How many directories, or links in their place, the study's folder holds.
  std::int64_t directories() const;

  /// One component of a path that stays in its folder.
  static bool is_plain(std::string_view name);
  static constexpr std::string_view kMarker = ".trial_directories.json";
  static constexpr std::size_t kMaxMarkerBytes = 256 << 20;
  static constexpr int kMaxWarnings = 5;

 private:
  Result<Folder> open(const std::string& directory) const;
  Result<std::string> describe_files(const Folder& study);
  bool cut_back(const Folder& study, const Json& files) const;
  Status leave_out(const std::string& directory, const Error& error);

  std::filesystem::path folder_;
  std::function<void(const std::string&)> warn_;
  std::map<TrialId, Pending> pending_;
  std::set<std::string> left_out_;  ///< Directories.
};

/// The last whole line of a file, without its end; empty if there is none.
std::string last_line(const Folder& folder, const char* name);
/// The first record of a CSV file, without its end; empty if there is none.
std::string first_record(const Folder& folder, const char* name);

}  // namespace clavier::report
