#include "report/width.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace clavier::report {
namespace {

constexpr std::uint32_t kBroken = 0xFFFD;

struct Character {
  std::uint32_t code = kBroken;
  std::size_t bytes = 1;
};

/// As the first byte of a character has it, from two on; else 0.
std::size_t length_of(unsigned char lead) {
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
}

/// The first character of a text that is not empty; U+FFFD of one byte if it is no UTF-8.
Character first(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = length_of(lead);
  if (length == 0 || text.size() < length) return {};
  std::uint32_t code = lead & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

struct Range {
  std::uint32_t from, to;
};

bool in(std::uint32_t code, std::span<const Range> ranges) {
  return std::ranges::any_of(
      ranges, [&](const Range& range) { return range.from <= code && code <= range.to; });
}

constexpr Range kZero[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},    {0x610, 0x61A},
                           {0x64B, 0x65F},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},  {0x200B, 0x200F},
                           {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20FF},  {0xFE00, 0xFE0F},
                           {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
                           {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
                           {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                           {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                           {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

/// What a terminal obeys instead of showing it (controls), and what reorders or hides the letters
/// around it: marks of direction, line separators, invisible ones, tags. Joiners of emoji and of
/// scripts stay.
constexpr Range kHidden[] = {{0x00, 0x1F},     {0x7F, 0x9F},      {0x61C, 0x61C},
                             {0x180E, 0x180E}, {0x200B, 0x200B},  {0x200E, 0x200F},
                             {0x2028, 0x202E}, {0x2060, 0x206F},  {0xFEFF, 0xFEFF},
                             {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};

std::size_t columns_of(std::uint32_t code) {
  if (code < 0x300) return 1;
  if (in(code, kZero)) return 0;
  return in(code, kWide) ? 2 : 1;
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = first(text);
    if (next.code == kBroken)
      out += "\xEF\xBF\xBD";
    else if (next.code == '\n' || next.code == '\t' || !in(next.code, kHidden))
      out += text.substr(0, next.bytes);
    else if (!text.starts_with("\r\n"))
      out += next.code > 0xFFFF ? fmt::format("\\U{:08x}", next.code)
                                : fmt::format("\\u{:04x}", next.code);
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::string clean(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return visible(line);
}

std::size_t begun(std::string_view text) {
  if (text.ends_with('\r')) return 1;
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto lead = static_cast<unsigned char>(text[text.size() - back]);
    if (lead < 0x80) return 0;
    if (lead >= 0xC0) return length_of(lead) > back ? back : 0;
  }
  return 0;
}

std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character next = first(text);
    columns += columns_of(next.code);
    text.remove_prefix(next.bytes);
  }
  return columns;
}

std::string fit_ends(std::string_view text, std::size_t columns) {
  if (width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string begin = fit(text, (columns + 2) / 2);
  std::string_view end = text;
  while (!end.empty() && width(begin) + width(end) > columns) end.remove_prefix(first(end).bytes);
  return begin.append(end);
}

std::string fit(std::string_view text, std::size_t columns) {
  if (width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t used = 0, bytes = 0;
  while (bytes < text.size()) {
    const Character next = first(text.substr(bytes));
    used += columns_of(next.code);
    if (used > columns - 1) break;
    bytes += next.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

}  // namespace clavier::report
