#include "store/sqlite_log.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/check.h"
#include "store/file_system.h"
#include "store/schema.h"

/// Opening goes from what changes nothing to what does: the lock, a look whether the database is
/// ours, the journal, the tables. A file of somebody else's stays as it is.
/// The WAL is emptied by us, after a commit, and not by SQLite within one: where readers come and
/// go it would never begin anew. We wait a little for readers; if one is in the way, appending goes
/// on and the next attempt comes a quarter of the limit later. Readers page: a transaction that
/// stays open for as long as a slow visitor takes would keep the WAL from being emptied.
namespace clavier::store {
namespace {

/// What the writer waits at most for readers when it starts the WAL anew.
constexpr int kRestartPatienceMs = 20;
constexpr int kPatienceMs = 5000;
/// Until it is copied, a study lives in its WAL alone, which users take for a temporary file.
constexpr std::int64_t kWorthCopyingBytes = 1 << 20;
constexpr StudyDuration kRestartEvery = std::chrono::minutes(1);

/// WAL where memory can be shared between processes, else a rollback journal.
Status choose_journal(Database& database, const std::filesystem::path& file,
                      const LogOptions& options) {
  if (!options.rollback_journal && !is_network_file_system(file.parent_path())) {
    const std::string mode = TRY(database.text("PRAGMA journal_mode = WAL"));
    if (mode == "wal") return ok_status();
  }
  const std::string mode = TRY(database.text("PRAGMA journal_mode = TRUNCATE"));
  if (mode != "truncate")
    return io_error(fmt::format("{} cannot be written: no journal possible", file.string()));
  return ok_status();
}

Error lost(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return corrupt(fmt::format(
      "{} holds no step, but what lies beside it is of a study that was begun: its log "
      "was lost. Put {} and {}-wal back as they were, or start over (clavier run --fresh)",
      file.string(), name, name));
}

int count_wal_pages(void* counter, sqlite3*, const char*, int pages) {
  *static_cast<std::int64_t*>(counter) = pages;
  return SQLITE_OK;
}

}  // namespace

SqliteLog::SqliteLog(std::filesystem::path file, std::optional<StudyLock> lock, Database database,
                     const LogOptions& options)
    : file_(std::move(file)),
      lock_(std::move(lock)),
      database_(std::move(database)),
      metric_(options.metric),
      writer_(metric_),
      wal_limit_bytes_(options.wal_limit_bytes) {}

Result<SqliteLog> SqliteLog::open(const std::filesystem::path& file, const LogOptions& options) {
  StudyLock lock = TRY(StudyLock::take(file.string() + ".lock"));
  const bool left_over = has_wal(file);
  Database database = TRY(Database::open(file, Database::Access::kWrite));
  // Before the first write: a foreign database must stay as it is.
  const auto known = check_schema(database, file);
  if (!known.ok() && known.error().code != ErrorCode::kNotFound) return known.error();
  if (!known.ok() && options.begun) return lost(file);
  TRY(choose_journal(database, file, options));
  TRY(database.run(options.power_safe ? "PRAGMA synchronous = FULL"
                                      : "PRAGMA synchronous = NORMAL"));
  TRY(database.run("PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0"));
  TRY(create_or_check_schema(database, file, options.metric));
  SqliteLog log(file, std::move(lock), std::move(database), options);
  TRY(log.prepare_to_read());
  TRY(log.prepare_to_write());
  if (options.begun && !log.last_.valid()) return lost(file);
  // Of a killed process: a second accident must not find everything in it alone.
  if (left_over) log.restart_wal();
  return log;
}

Result<SqliteLog> SqliteLog::open_to_read(const std::filesystem::path& file) {
  Database database = TRY(Database::open(file, Database::Access::kRead));
  const LogOptions options{.metric = TRY(check_schema(database, file))};
  SqliteLog log(file, {}, std::move(database), options);
  TRY(log.prepare_to_read());
  return log;
}

Status SqliteLog::prepare_to_read() {
  select_ = TRY(database_.prepare(
      "SELECT id, time_us, kind, trial, launch, iteration, value, seconds, metrics, decisions, body"
      " FROM step WHERE id >= ? ORDER BY id LIMIT ?"));
  select_last_ = TRY(database_.prepare("SELECT max(id) FROM step"));
  return ok_status();
}

Status SqliteLog::prepare_to_write() {
  begin_ = TRY(database_.prepare("BEGIN IMMEDIATE"));
  commit_ = TRY(database_.prepare("COMMIT"));
  rollback_ = TRY(database_.prepare("ROLLBACK"));
  insert_ = TRY(database_.prepare("INSERT INTO step VALUES(?,?,?,?,?,?,?,?,?,?,?)"));
  page_bytes_ = TRY(database_.number("PRAGMA page_size"));
  TRY(query_last());
  sqlite3_wal_hook(database_.handle(), count_wal_pages, wal_pages_.get());
  return ok_status();
}

Status SqliteLog::append(std::span<const Step> steps) {
  if (steps.empty()) return ok_status();
  CHECK(insert_.has_value(), "append to a log opened for reading");
  for (std::size_t i = 0; i < steps.size(); ++i)
    CHECK(steps[i].turn.id.value == last_.value + 1 + static_cast<std::int64_t>(i),
          "steps must follow each other");
  if (Status written = write_rows(steps); !written.ok()) {
    insert_->reset();
    if (!database_.idle()) {
      rollback_->step();
      rollback_->reset();
    }
    return written;
  }
  last_ = steps.back().turn.id;
  restart_long_wal(steps.back().turn.time);
  return ok_status();
}

Status SqliteLog::write_rows(std::span<const Step> steps) {
  // A single row is a transaction by itself.
  const bool several = steps.size() > 1;
  const auto run = [&](Statement& statement) {
    const auto outcome = statement.step();
    Status status =
        outcome == Statement::Outcome::kDone ? ok_status() : Status(database_.failure());
    statement.reset();
    return status;
  };
  if (several) TRY(run(*begin_));
  for (const Step& step : steps) {
    bind(writer_.write(step));
    TRY(run(*insert_));
  }
  return several ? run(*commit_) : ok_status();
}

void SqliteLog::bind(const Row& row) {
  Statement& insert = *insert_;
  const auto bind_text = [&](int parameter, std::string_view text) {
    text.empty() ? insert.bind_null(parameter) : insert.bind(parameter, text);
  };
  insert.bind(0, row.id);
  insert.bind(1, row.time_us);
  insert.bind(2, row.kind);
  insert.bind(3, row.trial);
  insert.bind(4, row.launch);
  insert.bind(5, row.iteration);
  insert.bind(6, row.value);
  insert.bind(7, row.seconds);
  bind_text(8, row.metrics);
  bind_text(9, row.decisions);
  bind_text(10, row.body);
}

/// What is in the WAL is committed already: a failure here only leaves it long.
bool SqliteLog::restart_wal() {
  database_.set_patience(kRestartPatienceMs);
  const bool restarted = database_.restart_wal();
  database_.set_patience(kPatienceMs);
  if (restarted) *wal_pages_ = 0;
  return restarted;
}

void SqliteLog::restart_long_wal(StudyTime now) {
  const std::int64_t bytes = *wal_pages_ * page_bytes_;
  const bool due = bytes >= kWorthCopyingBytes && now - restarted_at_ >= kRestartEvery;
  if (bytes < next_restart_bytes_ && !due) return;
  const bool restarted = restart_wal();
  restarted_at_ = now;
  next_restart_bytes_ = restarted ? wal_limit_bytes_ : bytes + wal_limit_bytes_ / 4;
}

StepId SqliteLog::last() {
  if (!lock_) (void)query_last();
  return last_;
}

Status SqliteLog::query_last() {
  const auto outcome = select_last_->step();
  Status status =
      outcome == Statement::Outcome::kFailed ? Status(database_.failure()) : ok_status();
  if (outcome == Statement::Outcome::kRow && !select_last_->is_null(0))
    last_ = {select_last_->whole(0)};
  select_last_->reset();
  return status;
}

Status SqliteLog::read(StepId from, Metrics metrics,
                       const std::function<Status(const Step&)>& visit) {
  StepId next{std::max<std::int64_t>(from.value, 0)};
  while (true) {
    // Outside the transaction: a slow visitor must not keep the WAL from being restarted.
    const Page page = read_page(next, metrics);
    for (const Step& step : page.steps) {
      if (step.turn.id != next)
        return corrupt(fmt::format("{}: step {} is missing", file_.string(), next.value));
      TRY(visit(step));
      ++next.value;
    }
    if (!page.end.ok() || page.steps.empty()) return page.end;
  }
}

SqliteLog::Page SqliteLog::read_page(StepId from, Metrics metrics) {
  Statement& row = *select_;
  row.bind(0, from.value);
  row.bind(1, std::int64_t{kPageRows});
  Page page;
  Statement::Outcome outcome;
  while ((outcome = row.step()) == Statement::Outcome::kRow) {
    const auto whole = [&](int column) -> std::optional<std::int64_t> {
      return row.is_null(column) ? std::optional<std::int64_t>() : row.whole(column);
    };
    const auto real = [&](int column) -> std::optional<double> {
      return row.is_null(column) ? std::optional<double>() : row.real(column);
    };
    auto step = read_row(Row{.id = row.whole(0),
                             .time_us = row.whole(1),
                             .kind = row.text(2),
                             .trial = whole(3),
                             .launch = whole(4),
                             .iteration = whole(5),
                             .value = real(6),
                             .seconds = real(7),
                             .metrics = metrics == Metrics::kParse ? row.text(8) : "",
                             .decisions = row.text(9),
                             .body = row.text(10)},
                         metric_, metrics);
    if (!step.ok()) {
      page.end = corrupt(fmt::format("{}: step {} cannot be read: {}", file_.string(), row.whole(0),
                                     step.error().message));
      break;
    }
    page.steps.push_back(std::move(step).value());
  }
  if (outcome == Statement::Outcome::kFailed) page.end = database_.failure();
  row.reset();
  return page;
}

}  // namespace clavier::store
