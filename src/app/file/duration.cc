#include "app/file/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <span>

namespace clavier::app {
namespace {

struct Unit {
  std::string_view names;  ///< Each between blanks.
  double size;
};

constexpr double kLongestSeconds = 100.0 * 365 * 86400;
constexpr double kMostBytes = 1e15;

constexpr std::array<Unit, 7> kTimeUnits{{{" us ", 1e-6},
                                          {" ms ", 1e-3},
                                          {" s sec secs second seconds ", 1},
                                          {" m min mins minute minutes ", 60},
                                          {" h hour hours ", 3600},
                                          {" d day days ", 86400},
                                          {" w week weeks ", 604800}}};
constexpr std::array<Unit, 4> kByteUnits{
    {{" B ", 1}, {" KB KiB ", 1024}, {" MB MiB ", 1 << 20}, {" GB GiB ", 1 << 30}}};

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::optional<double> unit_size(std::string_view name, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (unit.names.find(fmt::format(" {} ", name)) != std::string_view::npos) return unit.size;
  return {};
}

/// The sum of `number unit` pairs; nothing if it is not of that form.
std::optional<double> sum_of_parts(std::string_view text, std::span<const Unit> units,
                                   std::optional<double> bare) {
  double sum = 0;
  bool first = true;
  for (skip_blanks(text); !text.empty() || first; skip_blanks(text), first = false) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0) || number > 1e18) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    skip_blanks(text);
    if (text.empty()) return first && bare ? std::optional(number * *bare) : std::nullopt;
    const std::size_t length = std::min(text.find_first_of(" \t0123456789.+-"), text.size());
    const auto size = unit_size(text.substr(0, length), units);
    if (length == 0 || !size) return {};
    text.remove_prefix(length);
    sum += number * *size;
  }
  return sum;
}

}  // namespace

Result<StudyDuration> parse_duration(std::string_view text) {
  const auto total = sum_of_parts(text, kTimeUnits, 1);
  if (!total)
    return invalid(
        fmt::format("\"{}\" is not a duration such as \"30min\", \"1h 20m\" or \"45s\"", text));
  if (*total > kLongestSeconds) return invalid(fmt::format("\"{}\" is over 100 years", text));
  return StudyDuration(static_cast<std::int64_t>(*total * 1e6 + 0.5));
}

std::string to_text(StudyDuration duration) {
  std::int64_t left = duration.count();
  std::string out;
  const auto part = [&](std::int64_t size, std::string_view unit) {
    if (left >= size) out += fmt::format("{}{}{}", out.empty() ? "" : " ", left / size, unit);
    left %= size;
  };
  part(86'400'000'000, "d");
  part(3'600'000'000, "h");
  part(60'000'000, "m");
  if (left % 1'000'000 == 0)
    part(1'000'000, "s");
  else if (left % 1000 == 0)
    out += fmt::format("{}{}s", out.empty() ? "" : " ", static_cast<double>(left / 1000) / 1e3);
  else
    out += fmt::format("{}{}us", out.empty() ? "" : " ", left);
  return out.empty() ? "0s" : out;
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  const auto total = sum_of_parts(text, kByteUnits, {});
  if (!total || *total > kMostBytes)
    return invalid(fmt::format("\"{}\" is not a size such as \"64MB\" or \"1.5GB\"", text));
  return static_cast<std::int64_t>(*total + 0.5);
}

std::string bytes_to_text(std::int64_t bytes) {
  const std::int64_t gb = 1 << 30, mb = 1 << 20, kb = 1 << 10;
  if (bytes >= gb && bytes % gb == 0) return fmt::format("{}GB", bytes / gb);
  if (bytes >= mb && bytes % mb == 0) return fmt::format("{}MB", bytes / mb);
  if (bytes >= kb && bytes % kb == 0) return fmt::format("{}KB", bytes / kb);
  return fmt::format("{}B", bytes);
}

}  // namespace clavier::app
