#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "store/row.h"
#include "store/sqlite.h"
#include "store/step_log.h"
#include "store/study_lock.h"

namespace clavier::store {

/// The step log in a SQLite file. See StepLog for the contract.
class SqliteLog {
 public:
  static Result<SqliteLog> open(const std::filesystem::path& file, const LogOptions& options);
  static Result<SqliteLog> open_to_read(const std::filesystem::path& file);

  Status append(std::span<const Step> steps);
  /// Of a reader: as of now, or what it last knew if the file cannot be read.
  StepId last();
  Status read(StepId from, Metrics metrics, const std::function<Status(const Step&)>& visit);

  /// Rows per transaction of a reader.
  static constexpr int kPageRows = 512;

 private:
  SqliteLog(std::filesystem::path file, std::optional<StudyLock> lock, Database database,
            const LogOptions& options);
  Status prepare_to_read();
  Status prepare_to_write();
  Status query_last();
  Status write_rows(std::span<const Step> steps);
  void bind(const Row& row);
  bool restart_wal();
  void restart_long_wal(StudyTime now);
  /// Steps that could be read, and why there are no more of them in it, if that is a failure.
  struct Page {
    std::vector<Step> steps = {};
    Status end = {};
  };
  Page read_page(StepId from, Metrics metrics);

  std::filesystem::path file_;
  std::optional<StudyLock> lock_;
  Database database_;  // before its statements, after the lock
  std::string metric_;
  RowWriter writer_;
  StepId last_ = {};
  std::int64_t page_bytes_ = 0;
  StudyTime restarted_at_{};
  /// Pages in the WAL; SQLite tells it at each commit, so its address must not change.
  std::unique_ptr<std::int64_t> wal_pages_ = std::make_unique<std::int64_t>(0);
  std::int64_t wal_limit_bytes_;
  std::int64_t next_restart_bytes_ = wal_limit_bytes_;
  std::optional<Statement> begin_, commit_, rollback_, insert_, select_, select_last_;
};

}  // namespace clavier::store
