#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace clavier {

/// A JSON value as it stands in a text: fields and their duplicates keep their order, whole numbers
/// keep all their digits, NaN, Infinity and -Infinity are numbers as Python writes them.
struct Json {
  struct Field;
  using List = std::vector<Json>;
  using Table = std::vector<Field>;
  /// std::uint64_t holds only what std::int64_t cannot.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List, Table>
      data;

  /// Any bytes: fails with kInvalid, naming the byte, for what is not one JSON value, is nested
  /// deeper than kMaxDepth or holds a number beyond the range of a double. Bytes above 127 in
  /// strings are taken as they are; an escaped lone surrogate U+DC80…U+DCFF is the raw byte
  /// 0x80…0xFF (Python's `surrogateescape`), any other lone surrogate fails.
  static Result<Json> parse(std::string_view text);

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  /// Any number.
  std::optional<double> number() const;
  /// The last field of that name, if this is a table that has one.
  const Json* find(std::string_view name) const;

  static constexpr int kMaxDepth = 64;
};

struct Json::Field {
  std::string name;
  Json value;
};

/// Appends the shortest form that reads back to the same number, as Python's `repr` chooses it;
/// always with a point or an exponent, so that it stays a real. NaN, Infinity, -Infinity.
void append_json(std::string& out, double number);
void append_json(std::string& out, std::int64_t number);
/// Quoted and escaped. Bytes that are not UTF-8 become U+DC80…U+DCFF, which `parse` turns back.
void append_json(std::string& out, std::string_view text);

}  // namespace clavier
