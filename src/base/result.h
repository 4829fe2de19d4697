#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace clavier {

/// What the caller may do about a failure, not who raised it.
enum class ErrorCode {
  kInvalid,      ///< The input is wrong: change it.
  kNotFound,     ///< The named thing does not exist.
  kConflict,     ///< Somebody else holds it, or it exists already.
  kCorrupt,      ///< Stored data cannot be read back.
  kIo,           ///< The system refused (disk full, permission, …): try again after repair.
  kUnavailable,  ///< Not now, or not on this machine.
};

/// An expected failure. `message` says what, where and what to do about it, without a final dot.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;
};

/// A value or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& { return require_value(), std::get<0>(state_); }
  T& value() & { return require_value(), std::get<0>(state_); }
  T&& value() && { return require_value(), std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const& { return require_failure(), std::get<1>(state_); }
  Error&& error() && { return require_failure(), std::get<1>(std::move(state_)); }

 private:
  void require_value() const { CHECK(ok(), "value() of a failed Result"); }
  void require_failure() const { CHECK(!ok(), "error() of a successful Result"); }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void value() const { CHECK(ok(), "value() of a failed Status"); }

  const Error& error() const& { return require_failure(), *error_; }
  Error&& error() && { return require_failure(), *std::move(error_); }

 private:
  void require_failure() const { CHECK(!ok(), "error() of a successful Status"); }
  std::optional<Error> error_;
};

using Status = Result<void>;
inline Status ok_status() { return {}; }

inline Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }
inline Error not_found(std::string message) { return {ErrorCode::kNotFound, std::move(message)}; }
inline Error conflict(std::string message) { return {ErrorCode::kConflict, std::move(message)}; }
inline Error corrupt(std::string message) { return {ErrorCode::kCorrupt, std::move(message)}; }
inline Error io_error(std::string message) { return {ErrorCode::kIo, std::move(message)}; }
inline Error unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message)};
}

}  // namespace clavier

// A fresh name for each use, so that one TRY may stand inside another.
#define CLAVIER_TRY_AS(result, expression)                \
  __extension__({                                         \
    auto result = (expression);                           \
    if (!result.ok()) return ::std::move(result).error(); \
    ::std::move(result).value();                          \
  })
#define CLAVIER_TRY_NUMBERED(number, expression) CLAVIER_TRY_AS(try_result_##number, expression)
#define CLAVIER_TRY_EXPANDED(number, expression) CLAVIER_TRY_NUMBERED(number, expression)

/// Passes a failure on to the caller, else is the value: `auto space = TRY(parse(text));`
#define TRY(...) CLAVIER_TRY_EXPANDED(__COUNTER__, (__VA_ARGS__))
