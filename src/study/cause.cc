#include "study/cause.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace clavier {
namespace {

constexpr std::string_view kBreaks = " \t\r\n()[]{}<>,;:=|*\"'`";
constexpr std::string_view kEndsPath = " \t\r\n()<>\"'`";
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kQuotes{
    {{"'", "'"}, {"\"", "\""}, {"`", "`"}, {"\u201c", "\u201d"}, {"\u2018", "\u2019"}}};
constexpr std::array<std::string_view, 14> kUnits{"B",   "kB",  "KB",  "MB",    "GB", "TB", "KiB",
                                                  "MiB", "GiB", "TiB", "bytes", "s",  "ms", "%"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// The length of the quotation that `text` begins with; 0 if none. An apostrophe is not closed.
std::size_t quotation(std::string_view text) {
  for (const auto& [open, close] : kQuotes) {
    if (!text.starts_with(open)) continue;
    const auto end = text.find(close, open.size());
    return end == std::string_view::npos ? 0 : end + close.size();
  }
  return 0;
}

/// The last `File "…/train.py", line 12` of a traceback as "train.py:12".
std::optional<std::string> raised_at(std::string_view log_tail) {
  constexpr std::string_view kFile = "File \"", kLine = "\", line ";
  const auto file = log_tail.rfind(kFile);
  if (file == std::string_view::npos) return {};
  std::string_view place = log_tail.substr(file + kFile.size());
  const auto end = place.find(kLine);
  if (end == std::string_view::npos) return {};
  std::string_view path = place.substr(0, end);
  std::string_view line = place.substr(end + kLine.size());
  line = line.substr(
      0, static_cast<std::size_t>(std::ranges::find_if_not(line, is_digit) - line.begin()));
  if (const auto slash = path.rfind('/'); slash != std::string_view::npos)
    path = path.substr(slash + 1);
  return std::string(path) + ":" + std::string(line);
}

/// What stands before the first colon or bracket, if it can be the name of an exception.
std::string_view exception_type(std::string_view error) {
  const std::string_view type = error.substr(0, error.find_first_of(":("));
  const std::string_view name = type.substr(0, type.find(' '));
  const bool one_word = type.find_first_not_of(' ', name.size()) == std::string_view::npos;
  return one_word && std::ranges::all_of(name, [](char c) { return is_word(c) || c == '.'; })
             ? name
             : std::string_view();
}

}  // namespace

std::string cause_of(std::string_view error, std::string_view log_tail) {
  if (const std::string_view type = exception_type(error); !type.empty())
    if (const auto place = raised_at(log_tail)) return std::string(type) + " at " + *place;
  std::string cause;
  while (!error.empty()) {
    const bool apostrophe = !cause.empty() && is_word(cause.back());
    if (const std::size_t quoted = apostrophe ? 0 : quotation(error)) {
      cause += "\"\"";
      error.remove_prefix(quoted);
      continue;
    }
    std::size_t length = std::min(error.find_first_of(kBreaks), error.size());
    if (error.substr(0, length).find_first_of("/\\") != std::string_view::npos)
      length = std::min(error.find_first_of(kEndsPath), error.size());
    if (length == 0) {
      cause += error.front();
      error.remove_prefix(1);
      continue;
    }
    const std::string_view token = error.substr(0, length);
    const std::string_view word = token.substr(0, token.find_last_not_of('.') + 1);
    error.remove_prefix(length);
    if (token.find_first_of("/\\") != std::string_view::npos)
      cause += '/';
    else if (std::ranges::any_of(token, is_digit))
      cause += '#';
    else if (cause.ends_with("# ") && std::ranges::find(kUnits, word) != kUnits.end())
      cause.pop_back();
    else
      cause += token;
  }
  return cause;
}

bool disk_was_full(std::string_view error) {
  return error.find("No space left on device") != std::string_view::npos ||
         error.find("Disk quota exceeded") != std::string_view::npos;
}

}  // namespace clavier
