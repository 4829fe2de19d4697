#include "store/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

namespace clavier::store {
namespace {

constexpr int kPatienceMs = 5000;
constexpr std::uintmax_t kLeastPage = 512;

namespace fs = std::filesystem;

/// Links in the path to the folder are the user's; one in place of the file is none of ours.
std::string without_links(const fs::path& file) {
  std::error_code error;
  const fs::path folder =
      fs::canonical(file.parent_path().empty() ? "." : file.parent_path(), error);
  return (error ? file : folder / file.filename()).string();
}

/// The name under which SQLite takes the file as one that nobody changes: it then needs neither
/// locks nor memory that processes share, which it could not make in a folder it may not write.
std::string immutable(const std::string& file) {
  std::string uri = "file:";
  for (const char c : file)
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02X}", c);
    else
      uri += c;
  return uri + "?immutable=1";
}

}  // namespace

std::string sqlite_version() { return sqlite3_libversion(); }

bool has_wal(const fs::path& file) {
  std::error_code absent;
  const auto bytes = fs::file_size(file.string() + "-wal", absent);
  return !absent && bytes > 0;
}

Result<Database> Database::open(const std::filesystem::path& file, Access access) {
  std::error_code ignored;
  const auto status = fs::symlink_status(file, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status))
    return corrupt(
        fmt::format("{} is not a study log, but a link or no file at all", file.string()));
  // SQLite takes a torn beginning for an empty database.
  if (const auto bytes = fs::file_size(file, ignored); !ignored && bytes > 0 && bytes < kLeastPage)
    return corrupt(fmt::format("{} is not a study log", file.string()));
  if (access == Access::kRead && !fs::exists(status))
    return not_found(fmt::format("there is no study log {}", file.string()));
  std::string name = without_links(file);
  // Readers, too, open for writing if they may: a WAL left by a killed process needs recovery.
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_READWRITE |
              (access == Access::kWrite ? SQLITE_OPEN_CREATE : 0);
  const bool read_only_folder =
      access == Access::kRead &&
      ::faccessat(AT_FDCWD, fs::path(name).parent_path().c_str(), W_OK, AT_EACCESS) != 0;
  if (read_only_folder && !has_wal(file)) {
    name = immutable(name);
    flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  }
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  Database database(handle, file.string());
  if (code != SQLITE_OK)
    return io_error(fmt::format("cannot open {}: {}", file.string(),
                                handle ? sqlite3_errmsg(handle) : "out of memory"));
  sqlite3_extended_result_codes(handle, 1);
  database.set_patience(kPatienceMs);
  if (access == Access::kRead) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (Status only = database.run("PRAGMA query_only = ON"); !only.ok()) return only.error();
    if (read_only_folder && has_wal(file) &&
        !database.number("SELECT count(*) FROM sqlite_master").ok())
      return unavailable(fmt::format(
          "{} was not closed in order, and its last part ({}-wal) can only be read where "
          "its folder may be written: copy the folder and look at the copy",
          file.string(), file.filename().string()));
  }
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

Status Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
  return ok_status();
}

Result<std::int64_t> Database::number(const char* sql) {
  Statement statement = TRY(prepare(sql));
  switch (statement.step()) {
    case Statement::Outcome::kRow: return statement.whole(0);
    case Statement::Outcome::kDone: return std::int64_t{0};
    case Statement::Outcome::kFailed: break;
  }
  return failure();
}

Result<std::string> Database::text(const char* sql) {
  Statement statement = TRY(prepare(sql));
  switch (statement.step()) {
    case Statement::Outcome::kRow: return std::string(statement.text(0));
    case Statement::Outcome::kDone: return std::string();
    case Statement::Outcome::kFailed: break;
  }
  return failure();
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr) !=
      SQLITE_OK)
    return failure();
  return Statement(handle);
}

bool Database::idle() const { return sqlite3_get_autocommit(handle_) != 0; }

void Database::set_patience(int milliseconds) { sqlite3_busy_timeout(handle_, milliseconds); }

bool Database::restart_wal() {
  return sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr) ==
         SQLITE_OK;
}

Error Database::failure() const {
  const std::string message = sqlite3_errmsg(handle_);
  switch (sqlite3_errcode(handle_) & 0xff) {
    case SQLITE_NOTADB: return corrupt(fmt::format("{} is not a study log", name_));
    case SQLITE_CORRUPT:
      return corrupt(fmt::format(
          "{} is damaged ({}); `sqlite3 FILE .recover` may save a part of it", name_, message));
    case SQLITE_FULL:
      return unavailable(
          fmt::format("no space left to write {}; free some and start again", name_));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(fmt::format("{} is locked by another program; try again", name_));
    case SQLITE_READONLY: return io_error(fmt::format("{} cannot be written: {}", name_, message));
    default: break;
  }
  return io_error(
      fmt::format("{}: {} (system error {}); check that the disk is not full and start again",
                  name_, message, sqlite3_system_errno(handle_)));
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(handle_, parameter + 1, value);
}
void Statement::bind(int parameter, double value) {
  sqlite3_bind_double(handle_, parameter + 1, value);
}
void Statement::bind(int parameter, std::string_view value) {
  sqlite3_bind_text64(handle_, parameter + 1, value.data(), value.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}
void Statement::bind_null(int parameter) { sqlite3_bind_null(handle_, parameter + 1); }

Statement::Outcome Statement::step() {
  switch (sqlite3_step(handle_)) {
    case SQLITE_ROW: return Outcome::kRow;
    case SQLITE_DONE: return Outcome::kDone;
    default: return Outcome::kFailed;
  }
}

void Statement::reset() { sqlite3_reset(handle_); }

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}
std::int64_t Statement::whole(int column) const { return sqlite3_column_int64(handle_, column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }
std::string_view Statement::text(int column) const {
  const auto* first = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  return first ? std::string_view(first, static_cast<std::size_t>(size)) : std::string_view();
}

}  // namespace clavier::store
