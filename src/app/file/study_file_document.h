#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "study/value.h"

namespace clavier::app {

/// Of a study file.
inline constexpr std::size_t kMaxTextBytes = 4 << 20;

/// A place in a text, both from 1; columns count characters, not bytes.
struct Place {
  int line = 1;
  int column = 1;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// One node of a TOML file, with where it stands and its keys in the order of the file.
struct TomlNode {
  enum class Kind { kTable, kArray, kScalar, kDate };
  struct Entry;

  Kind kind = Kind::kTable;
  Place begin, end;             ///< `end` is behind the last character; of a [table], its header.
  bool is_inline = false;       ///< A table written as { … }.
  Value scalar;                 ///< Of a scalar; of a date, its text.
  std::vector<Entry> entries;   ///< Of a table.
  std::vector<TomlNode> items;  ///< Of an array.

  bool is_table() const { return kind == Kind::kTable; }
  bool is_array() const { return kind == Kind::kArray; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  /// Null if this is no table or has no such key. Valid as long as this node.
  const TomlNode* find(std::string_view key) const;
  const Entry* entry(std::string_view key) const;
  /// Scalars, and arrays of such, as a value; nothing for tables and dates.
  std::optional<Value> value() const;
  /// What it is, for messages: "a table", "text", "a whole number", …
  std::string_view kind_name() const;
  /// A short scalar as it is written, else what it is.
  std::string shown() const;
};

struct TomlNode::Entry {
  std::string key;
  Place place;
  TomlNode node;
};

/// A syntax error and where it stands.
struct TomlError {
  Place place;
  std::string message;
};

/// Parses any bytes; size, nesting and depth of keys are bounded.
/// This pair of files is the only one that knows the TOML library.
std::variant<TomlNode, TomlError> parse_toml(std::string_view text);

/// Where the key of this dotted name stands ("trainer.data.validation"; items of lists by number,
/// from 0), else the deepest table or list on the way to it.
Place place_of(const TomlNode& root, std::string_view name);

/// The scalar of this key, if it is there and of this type.
template <typename T>
T scalar_or(const TomlNode* table, std::string_view key, T fallback) {
  const TomlNode* node = table ? table->find(key) : nullptr;
  const T* value = node && node->is_scalar() ? node->scalar.as<T>() : nullptr;
  return value ? *value : std::move(fallback);
}

/// As JSON, keys in the order of the file; dates become text.
Json json_of(const TomlNode& node);

/// `key` as it must be written in TOML: bare where possible.
std::string toml_key(std::string_view key);
/// A dotted name as a dotted TOML key.
std::string toml_dotted_key(std::string_view name);
/// As TOML text that reads back equal but for null, which TOML has not: left out of tables, else
/// "nan".
std::string toml_value(const Value& value);
std::string toml_text(const Json& json);
/// The lines of the table `name` and of the tables below it. Keys with null are left out.
/// REQUIRES: `table` is one.
std::string toml_table(const Json& table, std::string_view name);

}  // namespace clavier::app
