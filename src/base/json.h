#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/id.h"
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

  Json() = default;
  Json(std::same_as<bool> auto truth) : data(truth) {}
  Json(int number);
  Json(std::int64_t number);
  Json(std::uint64_t number);
  Json(double number);
  /// Explicit: a text may also be meant as one to be parsed.
  explicit Json(const char* text);
  explicit Json(std::string_view text);
  explicit Json(std::string text);
  Json(List list);
  Json(Table table);
  template <typename T>
  requires std::constructible_from<Json, const T&> Json(const std::vector<T>& items);

  /// Any bytes: fails with kInvalid, naming the byte, for what is not one JSON value, is nested
  /// deeper than kMaxDepth or holds a number beyond the range of a double. Bytes above 127 in
  /// strings are taken as they are; an escaped lone surrogate U+DC80…U+DCFF is the raw byte
  /// 0x80…0xFF (Python's `surrogateescape`), any other lone surrogate fails. `first_byte`: the
  /// number that the text's first byte has in messages.
  static Result<Json> parse(std::string_view text, std::size_t first_byte = 0);

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  /// Any number.
  std::optional<double> number() const;
  /// The last field of that name, if this is a table that has one.
  const Json* find(std::string_view name) const;
  /// Its value, if it is of this type.
  template <typename T>
  const T* find_as(std::string_view name) const {
    const Json* field = find(name);
    return field ? field->as<T>() : nullptr;
  }
  /// Replaces the field of that name or appends it. REQUIRES: this is a table.
  void set(std::string_view name, const auto& value) { replace(name, Json(value)); }

  friend bool operator==(const Json&, const Json&) = default;

  static constexpr int kMaxDepth = 64;

 private:
  void replace(std::string_view name, Json value);
};

struct Json::Field {
  std::string name;
  Json value;

  Field() = default;
  /// From whatever a value can be made of.
  template <typename T>
  Field(std::string_view field, T&& from) : name(field), value(std::forward<T>(from)) {}
  friend bool operator==(const Field&, const Field&) = default;
};

template <typename T>
requires std::constructible_from<Json, const T&> Json::Json(const std::vector<T>& items)
    : data(List(items.begin(), items.end())) {}

struct JsonLayout {
  int indent = 0;       ///< Blanks per level, each field on a line of its own; 0: all on one line.
  bool sorted = false;  ///< Fields by name instead of as they stand.
};

/// As Python's `json.dumps` writes it; `parse` reads it back equal.
std::string to_text(const Json& json, JsonLayout layout = {});
/// Appends the shortest form that reads back to the same number, as Python's `repr` chooses it;
/// always with a point or an exponent, so that it stays a real. NaN, Infinity, -Infinity.
void append_json(std::string& out, double number);
void append_json(std::string& out, std::int64_t number);
/// Quoted and escaped. Bytes that are not UTF-8 become U+DC80…U+DCFF, which `parse` turns back.
void append_json(std::string& out, std::string_view text);

/// Appends `{"name": value, …}` field by field: what is written often is not built first.
class JsonTable {
 public:
  /// `out` and the separators must outlive this object.
  explicit JsonTable(std::string& out, std::string_view comma = ", ", std::string_view colon = ": ")
      : out_(out), comma_(comma), colon_(colon) {
    out_ += '{';
  }
  void close() { out_ += '}'; }

  /// The text to which the field's value is to be appended. `name` needs no escapes.
  std::string& field(std::string_view name) {
    if (!empty_) out_ += comma_;
    empty_ = false;
    out_ += '"';
    out_ += name;
    out_ += '"';
    return out_ += colon_;
  }
  void put(std::string_view name, std::int64_t value) { append_json(field(name), value); }
  void put(std::string_view name, int value) { put(name, std::int64_t{value}); }
  void put(std::string_view name, double value) { append_json(field(name), value); }
  void put(std::string_view name, bool value) { field(name) += value ? "true" : "false"; }
  void put(std::string_view name, std::string_view value) { append_json(field(name), value); }
  void put(std::string_view name, const char* value) { put(name, std::string_view(value)); }
  template <typename Tag>
  void put(std::string_view name, Id<Tag> id) {
    put(name, id.value);
  }

 private:
  std::string& out_;
  std::string_view comma_, colon_;
  bool empty_ = true;
};

/// Appends `[a, b, …]`.
template <typename Items, typename Append>
void append_list(std::string& out, const Items& items, Append append_item) {
  out += '[';
  const char* separator = "";
  for (const auto& item : items) {
    out += separator;
    append_item(out, item);
    separator = ", ";
  }
  out += ']';
}

}  // namespace clavier
