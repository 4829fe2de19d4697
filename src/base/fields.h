#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

/// Tables of keys: what a key is called, which values it takes, what it means and which member of a
/// struct it stands for are said once; reading, checking, writing back and describing follow.
namespace clavier {

/// What is known of a key besides its type.
struct FieldInfo {
  std::string_view key;
  /// Of numbers, items of lists of numbers included; durations in seconds. Lists of texts have at
  /// least `low` items.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::string_view help = {};   ///< A few words.
  std::string_view range = {};  ///< What the value must be, for people; empty: told by the type.
};

/// The least number above 0 and the greatest below 1, for ranges without their ends.
inline constexpr double kAbove0 = std::numeric_limits<double>::denorm_min();
inline constexpr double kBelow1 = 1 - std::numeric_limits<double>::epsilon() / 2;

/// Why a value does not fit.
struct Misfit {
  std::string expected;      ///< What must stand there; a whole sentence if `at` is null.
  const Json* at = nullptr;  ///< The value, or the item of it, that is something else.
};
using Fit = std::optional<Misfit>;  ///< Nothing: it fits.

Misfit misfit(const FieldInfo& info, std::string_view expected, const Json& at);
/// "at least 1", "from 0 to 1", …: what of its range a number misses.
std::string range_text(const FieldInfo& info, double number);

/// How values of a type are read and written; further types have theirs beside them. A value that
/// does not fit leaves `out` in some valid state. Null is written for what is not set.
template <typename T>
struct FieldCodec;

/// Words for the enumerators of an enumeration, from 0 on: `static constexpr std::array list`.
template <typename Enum>
struct FieldWords;

template <typename T>
struct PlainCodec {
  static Fit read(const FieldInfo& info, const Json& json, T& out);
  static Json write(const T& value) { return Json(value); }
};
template <>
struct FieldCodec<bool> : PlainCodec<bool> {};
/// Whole numbers only: 1.0 is none.
template <>
struct FieldCodec<std::int64_t> : PlainCodec<std::int64_t> {};
/// Finite.
template <>
struct FieldCodec<double> : PlainCodec<double> {};
template <>
struct FieldCodec<std::string> : PlainCodec<std::string> {};
template <>
struct FieldCodec<std::vector<std::string>> : PlainCodec<std::vector<std::string>> {};
template <>
struct FieldCodec<std::map<std::string, double>> {
  static Fit read(const FieldInfo& info, const Json& json, std::map<std::string, double>& out);
  static Json write(const std::map<std::string, double>& value);
};

/// Other whole numbers, whose range is that of the field.
template <std::integral T>
struct FieldCodec<T> {
  static Fit read(const FieldInfo& info, const Json& json, T& out) {
    std::int64_t whole = 0;
    auto misfit = FieldCodec<std::int64_t>::read(info, json, whole);
    if (!misfit) out = static_cast<T>(whole);
    return misfit;
  }
  static Json write(T value) { return value; }
};

template <typename T>
struct FieldCodec<std::optional<T>> {
  static Fit read(const FieldInfo& info, const Json& json, std::optional<T>& out) {
    return FieldCodec<T>::read(info, json, out.emplace());
  }
  static Json write(const std::optional<T>& value) {
    return value ? FieldCodec<T>::write(*value) : Json();
  }
};

template <>
struct FieldCodec<std::vector<double>> {
  static Fit read(const FieldInfo& info, const Json& json, std::vector<double>& out);
  static Json write(const std::vector<double>& value) {
    return value.empty() ? Json() : Json(value);
  }
};

/// The place of a word in a list.
Fit read_word(const FieldInfo& info, const Json& json, std::span<const std::string_view> words,
              std::size_t& out);

template <typename Enum>
requires std::is_enum_v<Enum>
struct FieldCodec<Enum> {
  static Fit read(const FieldInfo& info, const Json& json, Enum& out) {
    std::size_t place = 0;
    auto misfit = read_word(info, json, FieldWords<Enum>::list, place);
    if (!misfit) out = static_cast<Enum>(place);
    return misfit;
  }
  static Json write(Enum value) {
    return Json(FieldWords<Enum>::list[static_cast<std::size_t>(value)]);
  }
};

/// A key that stands for a member of `Spec`, which knows its type.
template <typename Spec>
struct Field : FieldInfo {
  Fit (*read)(const FieldInfo&, const Json&, Spec&);
  Json (*write)(const Spec&);
};

template <typename Spec, typename T>
Spec owner_of(T Spec::*);

/// The member that `First`, `Rest…` lead to, read and written by `Codec`.
template <template <typename> typename Codec, auto First, auto... Rest>
constexpr auto field_by(const FieldInfo& info) {
  using Spec = decltype(owner_of(First));
  using Member = std::remove_cvref_t<decltype(((std::declval<Spec&>().*First).*....*Rest))>;
  return Field<Spec>{
      info,
      [](const FieldInfo& about, const Json& json, Spec& spec) {
        return Codec<Member>::read(about, json, ((spec.*First).*....*Rest));
      },
      [](const Spec& spec) { return Codec<Member>::write(((spec.*First).*....*Rest)); }};
}
template <auto First, auto... Rest>
constexpr auto field(const FieldInfo& info) {
  return field_by<FieldCodec, First, Rest...>(info);
}

/// Null if there is no such key.
template <typename Fields>
auto find_field(const Fields& fields, std::string_view key) -> decltype(&*std::begin(fields)) {
  for (const auto& field : fields)
    if (field.key == key) return &field;
  return nullptr;
}

template <typename Fields>
std::vector<std::string> keys_of(const Fields& fields) {
  std::vector<std::string> keys;
  for (const auto& field : fields) keys.emplace_back(field.key);
  return keys;
}

}  // namespace clavier
