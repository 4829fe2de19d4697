#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/id.h"
#include "study/config.h"
#include "study/report.h"
#include "study/text.h"
#include "study/text_fields.h"
#include "study/text_names.h"

/// The fields of a record are said once, for both ways: what is written is what is read back.
/// Private to `text*.cc`.
namespace clavier::text {

/// Each record has a function `fields(io, record)` that calls `io` for each field, in the order of
/// the text. `io` is a FieldWriter and the record const, or a FieldReader.
template <typename T, typename Type>
concept Of = std::is_same_v<std::remove_const_t<T>, Type>;

/// Dotted names stay as they are, so that the order of the entries survives.
void append_flat(std::string& out, const Config& config);
void append(std::string& out, std::span<const Metric> metrics);
Value read_value(const Place& place);
Config read_config(const Place& place);
std::vector<Metric> read_metrics(const Place& place);

template <typename T>
void write(std::string& out, const T& value);
template <typename T>
void read(const Place& place, T& value);

template <template <typename...> typename, typename>
inline constexpr bool kIs = false;
template <template <typename...> typename Of, typename... Ts>
inline constexpr bool kIs<Of, Of<Ts...>> = true;

/// No text, no items, no value: such fields may be left out.
template <typename T>
bool is_nothing(const T& value) {
  if constexpr (kIs<std::optional, T>)
    return !value;
  else
    return value.empty();
}

class FieldWriter {
 public:
  explicit FieldWriter(JsonTable& table) : table_(table) {}

  void operator()(std::string_view name, const auto& value) { write(table_.field(name), value); }
  /// Left out where it is `otherwise`.
  template <typename T>
  void operator()(std::string_view name, const T& value, const std::type_identity_t<T>& otherwise) {
    if (!(value == otherwise)) (*this)(name, value);
  }
  /// Left out where it is nothing.
  void some(std::string_view name, const auto& value) {
    if (!is_nothing(value)) (*this)(name, value);
  }
  /// Always there, though a reader does without.
  void lenient(std::string_view name, const auto& value) { (*this)(name, value); }
  void word(std::string_view name, const auto& words, auto value) {
    table_.put(name, words[value]);
  }
  void check(bool, std::string_view, std::string_view) {}

 private:
  JsonTable& table_;
};

class FieldReader {
 public:
  explicit FieldReader(const Place& place) : place_(place) {}

  void operator()(std::string_view name, auto& value) { read(place_.at(name), value); }
  template <typename T>
  void operator()(std::string_view name, T& value, const std::type_identity_t<T>& otherwise) {
    value = otherwise;
    lenient(name, value);
  }
  void some(std::string_view name, auto& value) { lenient(name, value); }
  void lenient(std::string_view name, auto& value) {
    if (place_.has(name)) read(place_.at(name), value);
  }
  template <typename T>
  void word(std::string_view name, const auto& words, T& value) {
    value = words.read(place_.at(name));
  }
  /// What must hold of the field `name`, or of the whole record, once it was read.
  void check(bool holds, std::string_view name, std::string_view problem) {
    if (!holds) (name.empty() ? place_ : place_.at(name)).fail(problem);
  }

 private:
  const Place& place_;
};

template <typename T>
void write(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    out += fmt::format_int(value).c_str();
  } else if constexpr (std::is_integral_v<T>) {
    append_json(out, std::int64_t{value});
  } else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, std::string>) {
    append_json(out, value);
  } else if constexpr (kIs<Id, T>) {
    append_json(out, value.value);
  } else if constexpr (std::is_same_v<T, Config>) {
    append_flat(out, value);
  } else if constexpr (std::is_same_v<T, std::vector<Metric>>) {
    append(out, std::span<const Metric>(value));
  } else if constexpr (kIs<std::vector, T>) {
    append_list(out, value, [](std::string& to, const auto& item) { write(to, item); });
  } else if constexpr (kIs<std::optional, T>) {
    write(out, *value);
  } else if constexpr (kIs<std::pair, T>) {
    append_list(out, std::array{&value.first, &value.second},
                [](std::string& to, const auto* item) { write(to, *item); });
  } else if constexpr (kIs<std::map, T>) {
    JsonTable table(out);
    for (const auto& [name, item] : value) write(table.field(name), item);
    table.close();
  } else {
    JsonTable table(out);
    FieldWriter io(table);
    fields(io, value);
    table.close();
  }
}

template <typename T>
void read(const Place& place, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = place.truth();
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    const auto* large = place.json().as<std::uint64_t>();
    const std::int64_t small = large ? 0 : place.whole();
    if (small < 0) place.fail("is negative");
    value = large ? *large : static_cast<std::uint64_t>(small);
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    value = place.whole();
  } else if constexpr (std::is_same_v<T, int>) {
    const std::int64_t whole = place.whole();
    if (whole < 0 || whole > INT32_MAX) return place.fail("is out of range");
    value = static_cast<int>(whole);
  } else if constexpr (std::is_same_v<T, double>) {
    value = place.real();
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = place.text();
  } else if constexpr (kIs<Id, T>) {
    value.value = place.whole();
    if (value.value < -1) place.fail("is not an id");
  } else if constexpr (std::is_same_v<T, Config>) {
    value = read_config(place);
  } else if constexpr (std::is_same_v<T, std::vector<Metric>>) {
    value = read_metrics(place);
  } else if constexpr (kIs<std::vector, T>) {
    place.each([&](const Place& item) { read(item, value.emplace_back()); });
  } else if constexpr (kIs<std::optional, T>) {
    read(place, value.emplace());
  } else if constexpr (kIs<std::pair, T>) {
    std::vector<typename T::first_type> both;
    read(place, both);
    if (both.size() != 2) return place.fail("is not a pair");
    value = {std::move(both[0]), std::move(both[1])};
  } else if constexpr (kIs<std::map, T>) {
    const auto* table = place.json().template as<Json::Table>();
    if (!table) return place.fail("is not a table");
    for (const Json::Field& field : *table) read(place.at(field.name), value[field.name]);
  } else {
    FieldReader io(place);
    fields(io, value);
  }
}

template <typename T>
std::string record_text(const T& record) {
  std::string out;
  write(out, record);
  return out;
}
template <typename T>
Result<T> record_of(const Json& json) {
  return read_record<T>(json, [](const Place& place) {
    T record{};
    read(place, record);
    return record;
  });
}

}  // namespace clavier::text
