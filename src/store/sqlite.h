#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace clavier::store {

class Statement;

/// Of the library in use, such as "3.40.1".
std::string sqlite_version();

/// Beside the database lies a write-ahead log with something in it.
bool has_wal(const std::filesystem::path& file);

/// A thin owner of one SQLite connection. One thread.
class Database {
 public:
  enum class Access { kRead, kWrite };

  /// Fails with kIo if the file cannot be opened, kNotFound if it is to be read and is not there.
  static Result<Database> open(const std::filesystem::path& file, Access access);
  Database(Database&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), name_(std::move(other.name_)) {}
  Database& operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(name_, other.name_);
    return *this;
  }
  /// REQUIRES: its statements are gone.
  ~Database();

  /// Runs statements that answer nothing.
  Status run(const char* sql);
  /// The first column of the first row; 0 without a row.
  Result<std::int64_t> number(const char* sql);
  Result<std::string> text(const char* sql);
  Result<Statement> prepare(const char* sql);

  /// No transaction is open.
  bool idle() const;
  void set_patience(int milliseconds);
  /// Copies the WAL into the database and starts it anew. False if a reader was in the way.
  bool restart_wal();
  /// The last failure as an Error that names the file and says what to do.
  Error failure() const;

  sqlite3* handle() const { return handle_; }

 private:
  Database(sqlite3* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  sqlite3* handle_;
  std::string name_;
};

/// A prepared statement. Parameters and columns count from 0. One thread.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Statement();

  void bind(int parameter, std::int64_t value);
  void bind(int parameter, double value);
  /// The text is not copied: it must live until `reset`.
  void bind(int parameter, std::string_view value);
  void bind_null(int parameter);
  template <typename T>
  void bind(int parameter, const std::optional<T>& value) {
    value ? bind(parameter, *value) : bind_null(parameter);
  }

  enum class Outcome { kRow, kDone, kFailed };
  /// Runs to the next row. After kFailed the database's `failure` tells why.
  Outcome step();
  /// Ready to be run again; frees its locks.
  void reset();

  bool is_null(int column) const;
  std::int64_t whole(int column) const;
  double real(int column) const;
  /// Valid until the next `step` or `reset`. Empty for NULL.
  std::string_view text(int column) const;

 private:
  sqlite3_stmt* handle_;
};

}  // namespace clavier::store
