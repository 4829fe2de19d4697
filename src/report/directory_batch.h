#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "study/ids.h"

namespace clavier::report {

/// Text to be appended to the files of many trials at once. Before a batch is written, a small
/// marker file says how long each file was and what the writer knew then: after a crash in the
/// middle of it, the files are cut back to that and the batch is made again. No file stays open.
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

  explicit DirectoryBatch(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Cuts off what the last batch wrote. Its `knowledge`; nothing if there is none or the files
  /// are not what the marker says (shorter, after a power cut): then all must be made again.
  std::optional<Json> recover();

  /// For the next `write`. Valid until then. `directory` must be a plain name (see `is_plain`).
  Pending& pending(TrialId trial, const std::string& directory);
  std::size_t trials() const { return pending_.size(); }

  /// Writes everything pending. `knowledge` is JSON, as of before the first of it. After a failure
  /// nothing is pending and the marker lets the next `recover` tidy up.
  Status write(std::string_view knowledge);
  /// With nothing pending: `recover` will answer `knowledge` and cut nothing.
  Status settle(std::string_view knowledge) { return write(knowledge); }

  std::filesystem::path result_file(const std::string& directory) const;
  std::filesystem::path progress_file(const std::string& directory) const;

  /// One component of a path that stays in its folder.
  static bool is_plain(std::string_view name);
  static constexpr std::string_view kMarker = ".trial_directories.json";

 private:
  Result<std::string> describe_files();
  bool cut_back(const Json& files) const;
  Status write_marker(std::string_view knowledge, std::string_view files) const;
  Status write_files(const Pending& pending) const;

  std::filesystem::path folder_;
  std::map<TrialId, Pending> pending_;
};

/// The last whole line of a file, without its end; empty if there is none.
std::string last_line(const std::filesystem::path& file);
/// The first record of a CSV file, without its end; empty if there is none.
std::string first_record(const std::filesystem::path& file);

}  // namespace clavier::report
