#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "study/step.h"

namespace clavier::store {

/// How much of each report a reader wants; parsing all metrics costs twenty times the fold.
enum class Metrics { kSkip, kParse };

struct LogOptions {
  /// fsync at every commit: survives power loss too. Without it a killed process loses nothing.
  bool power_safe = false;
  /// Instead of SQLite's write-ahead log, for file systems that do not carry it. Those known to be
  /// shared between hosts are detected.
  bool rollback_journal = false;
  /// The name of the objective metric, kept in its own typed column.
  std::string metric;
  /// Once SQLite's write-ahead log has grown so far it is copied into the database and started
  /// anew; a reader that is in the way puts this off by a quarter of it.
  std::int64_t wal_limit_bytes = 64 << 20;
  /// What lies beside the file shows that the study was begun: an empty log is a lost one then, and
  /// is refused with kCorrupt instead of begun anew.
  bool begun = false;
};

/// The append-only step log of one study: a SQLite database with one writer (`docs/log.md`).
/// Not thread-safe. Any number of readers in other processes may read while it is written.
class StepLog {
 public:
  /// Opens or creates for writing and takes the study's lock: kConflict if another tuner has it
  /// (the message names its process).
  static Result<StepLog> open(const std::filesystem::path& file, const LogOptions& options);
  /// Whether the file is a log of ours, damaged or not. Cheap.
  static bool exists(const std::filesystem::path& file);
  /// For reading only; sees what is committed at each call of `read`.
  static Result<StepLog> open_to_read(const std::filesystem::path& file);
  /// Keeps everything in memory.
  static Result<StepLog> in_memory(const LogOptions& options);
  /// Forgets everything at once: for studies that need no record.
  static StepLog none();

  StepLog(StepLog&&) noexcept;
  StepLog& operator=(StepLog&&) noexcept;
  ~StepLog();

  /// All of them in one transaction, durable on return. Ids go on from `last() + 1`.
  /// After a failure (disk full) nothing of them is in the log and the call may be repeated.
  Status append(std::span<const Step> steps);
  /// The id of the last step; invalid when empty.
  StepId last() const;
  /// Visits steps from `from` on, in order, until the visitor fails. Short transactions.
  Status read(StepId from, Metrics metrics, const std::function<Status(const Step&)>& visit) const;

 private:
  class Backend;
  explicit StepLog(std::unique_ptr<Backend> backend);
  std::unique_ptr<Backend> backend_;
};

}  // namespace clavier::store
