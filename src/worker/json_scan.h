#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// JSON read in place, one pass, without building a tree: a report's fields are worth copying,
/// the rest is not. Takes any bytes; nesting is bounded.
namespace clavier::worker::json {

inline constexpr int kMaxDepth = 64;

/// Walks the members of one object. Single use.
class ObjectReader {
 public:
  /// `text` must outlive the reader and everything it hands out.
  explicit ObjectReader(std::string_view text) : text_(text) {}

  /// Moves to the next member; false after the last one and on any error (see `status`).
  bool next();
  /// Without quotes and escapes. Valid until `next`.
  std::string_view key() const { return key_; }
  /// As it stands in the text, without surrounding space.
  std::string_view value() const { return value_; }
  /// Well once the whole text turned out to be one object and nothing else.
  Status status() const;

 private:
  bool fail(const char* problem);
  void skip_space();
  bool skip_string();
  bool skip_scalar();
  bool skip_value();
  bool read_key();

  std::string_view text_;
  std::size_t at_ = 0;
  enum class Place { kStart, kInside, kEnd } place_ = Place::kStart;
  const char* problem_ = nullptr;
  std::string_view key_;
  std::string_view value_;
  std::string unescaped_;
};

/// A number, NaN, Infinity or -Infinity; beyond the range of a double: infinite or zero.
std::optional<double> number(std::string_view raw);
/// A whole number, also when written as 3.0.
std::optional<std::int64_t> integer(std::string_view raw);
std::optional<bool> boolean(std::string_view raw);
/// A string's content; a lone surrogate becomes U+FFFD.
std::optional<std::string> string(std::string_view raw);

bool valid_utf8(std::string_view bytes);
/// As it is if valid, else with '?' for every byte beyond ASCII.
std::string to_utf8(std::string_view bytes);

}  // namespace clavier::worker::json
