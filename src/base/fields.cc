#include "base/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace clavier {
namespace {

constexpr double kMany = 1e15;
constexpr double kNearZero = 1e-12;

bool within(const FieldInfo& info, double number) {
  return number >= info.low && number <= info.high;
}

std::optional<double> finite(const Json& json) {
  const auto number = json.number();
  return number && std::isfinite(*number) ? number : std::nullopt;
}

}  // namespace

Misfit misfit(const FieldInfo& info, std::string_view expected, const Json& at) {
  return {std::string(info.range.empty() ? expected : info.range), &at};
}

std::string range_text(const FieldInfo& info, double number) {
  if (info.low > 0 && info.low <= kNearZero) return "above 0";
  if (info.high >= kMany && number > info.high) return fmt::format("at most {:.0f}", info.high);
  if (info.high >= kMany) return fmt::format("at least {}", info.low);
  if (std::isinf(info.low)) return fmt::format("at most {}", info.high);
  return fmt::format("from {} to {}", info.low, info.high);
}

template <>
Fit PlainCodec<bool>::read(const FieldInfo& info, const Json& json, bool& out) {
  const auto* flag = json.as<bool>();
  if (!flag) return misfit(info, "true or false", json);
  out = *flag;
  return {};
}

template <>
Fit PlainCodec<std::int64_t>::read(const FieldInfo& info, const Json& json, std::int64_t& out) {
  const auto* whole = json.as<std::int64_t>();
  if (!whole) return misfit(info, "a whole number", json);
  const auto number = static_cast<double>(*whole);
  if (!within(info, number)) return misfit(info, range_text(info, number), json);
  out = *whole;
  return {};
}

template <>
Fit PlainCodec<double>::read(const FieldInfo& info, const Json& json, double& out) {
  const auto number = finite(json);
  if (!number) return misfit(info, "a number", json);
  if (!within(info, *number)) return misfit(info, range_text(info, *number), json);
  out = *number;
  return {};
}

template <>
Fit PlainCodec<std::string>::read(const FieldInfo& info, const Json& json, std::string& out) {
  const auto* text = json.as<std::string>();
  if (!text) return misfit(info, "text", json);
  out = *text;
  return {};
}

template <>
Fit PlainCodec<std::vector<std::string>>::read(const FieldInfo& info, const Json& json,
                                               std::vector<std::string>& out) {
  constexpr std::string_view kExpected = "a list of texts";
  const auto* list = json.as<Json::List>();
  if (!list || static_cast<double>(list->size()) < info.low) return misfit(info, kExpected, json);
  out.clear();
  for (const Json& item : *list) {
    const auto* text = item.as<std::string>();
    if (!text) return misfit(info, kExpected, item);
    out.push_back(*text);
  }
  return {};
}

Fit FieldCodec<std::vector<double>>::read(const FieldInfo& info, const Json& json,
                                          std::vector<double>& out) {
  const auto* list = json.as<Json::List>();
  if (!list || list->empty()) return misfit(info, "a list of numbers such as [1.0, 1.8]", json);
  out.clear();
  for (const Json& item : *list)
    if (auto wrong = FieldCodec<double>::read(info, item, out.emplace_back())) return wrong;
  return {};
}

Fit FieldCodec<std::map<std::string, double>>::read(const FieldInfo& info, const Json& json,
                                                    std::map<std::string, double>& out) {
  constexpr std::string_view kExpected = "amounts by name such as { licenses = 1 }";
  const auto* table = json.as<Json::Table>();
  if (!table) return misfit(info, kExpected, json);
  out.clear();
  for (const Json::Field& each : *table) {
    const auto amount = finite(each.value);
    if (!amount || *amount < 0) return misfit(info, kExpected, each.value);
    out[each.name] = *amount;
  }
  return {};
}

Json FieldCodec<std::map<std::string, double>>::write(const std::map<std::string, double>& value) {
  Json::Table table;
  for (const auto& [name, amount] : value) table.push_back({name, amount});
  return table;
}

Fit read_word(const FieldInfo& info, const Json& json, std::span<const std::string_view> words,
              std::size_t& out) {
  const auto* text = json.as<std::string>();
  const auto at = text ? std::ranges::find(words, std::string_view(*text)) : words.end();
  if (at == words.end())
    return misfit(info, fmt::format("one of {}", fmt::join(words, ", ")), json);
  out = static_cast<std::size_t>(at - words.begin());
  return {};
}

}  // namespace clavier
