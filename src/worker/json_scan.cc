#include "worker/json_scan.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/utf8.h"

namespace clavier::worker::json {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The four hexadecimal digits at `at`.
std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) return {};
  std::uint32_t code = 0;
  const char* first = text.data() + at;
  const auto [end, error] = std::from_chars(first, first + 4, code, 16);
  if (error != std::errc{} || end != first + 4) return {};
  return code;
}

constexpr bool is_high(std::uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
constexpr bool is_low(std::uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

/// Reads the \uXXXX (or pair of them) whose digits start at `at`; moves `at` behind it.
bool append_unicode_escape(std::string_view text, std::size_t& at, std::string& out) {
  const auto first = hex4(text, at);
  if (!first) return false;
  at += 4;
  std::uint32_t code = *first;
  if (is_high(code) && text.substr(at, 2) == "\\u") {
    const auto second = hex4(text, at + 2);
    if (second && is_low(*second)) {
      code = 0x10000 + ((code - 0xD800) << 10) + (*second - 0xDC00);
      at += 6;
    }
  }
  append_utf8(out, is_high(code) || is_low(code) ? 0xFFFD : code);
  return true;
}

bool unescape(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const auto escape = text.find('\\', at);
    out.append(text.substr(at, escape - at));
    if (escape == std::string_view::npos) return true;
    if (escape + 1 >= text.size()) return false;
    const char kind = text[escape + 1];
    at = escape + 2;
    switch (kind) {
      case '"':
      case '\\':
      case '/': out += kind; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u':
        if (!append_unicode_escape(text, at, out)) return false;
        break;
      default: return false;
    }
  }
  return true;
}

}  // namespace

bool ObjectReader::fail(const char* problem) {
  problem_ = problem;
  return false;
}

Status ObjectReader::status() const {
  if (problem_) return invalid(fmt::format("{} at byte {}", problem_, at_ + 1));
  return {};
}

void ObjectReader::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool ObjectReader::next() {
  if (place_ == Place::kEnd || problem_) return false;
  skip_space();
  if (place_ == Place::kStart) {
    if (at_ >= text_.size() || text_[at_] != '{') return fail("not a JSON object");
    ++at_;
    skip_space();
  }
  if (at_ >= text_.size()) return fail("the object is not closed");
  if (text_[at_] == '}') {
    ++at_;
    skip_space();
    if (at_ != text_.size()) return fail("text after the object");
    place_ = Place::kEnd;
    return false;
  }
  if (place_ == Place::kInside) {
    if (text_[at_] != ',') return fail("',' or '}' expected");
    ++at_;
    skip_space();
  }
  place_ = Place::kInside;
  if (!read_key()) return false;
  const auto from = at_;
  if (!skip_value()) return false;
  value_ = text_.substr(from, at_ - from);
  return true;
}

bool ObjectReader::read_key() {
  const auto from = at_ + 1;
  if (!skip_string()) return false;
  key_ = text_.substr(from, at_ - 1 - from);
  if (key_.find('\\') != std::string_view::npos) {
    if (!unescape(key_, unescaped_)) return fail("a wrong escape");
    key_ = unescaped_;
  }
  skip_space();
  if (at_ >= text_.size() || text_[at_] != ':') return fail("':' expected");
  ++at_;
  skip_space();
  return true;
}

bool ObjectReader::skip_string() {
  if (at_ >= text_.size() || text_[at_] != '"') return fail("a string expected");
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    if (text_[at_] == '\\') ++at_;
  }
  at_ = text_.size();
  return fail("a string is not closed");
}

bool ObjectReader::skip_scalar() {
  const auto from = at_;
  while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' &&
         !is_space(text_[at_]))
    ++at_;
  const auto word = text_.substr(from, at_ - from);
  if (!word.empty() && (is_digit(word.front()) || word.front() == '-')) return true;
  if (word == "true" || word == "false" || word == "null" || word == "NaN" || word == "Infinity")
    return true;
  at_ = from;
  return fail("a value expected");
}

/// Iterative, so that depth costs no stack. Commas and colons inside nested values are not
/// checked here: whoever reads such a value parses it in full.
bool ObjectReader::skip_value() {
  char closing[kMaxDepth];
  int depth = 0;
  do {
    skip_space();
    if (at_ >= text_.size()) return fail("a value is not complete");
    const char c = text_[at_];
    if (c == '"') {
      if (!skip_string()) return false;
    } else if (c == '{' || c == '[') {
      if (depth == kMaxDepth) return fail("nested too deeply");
      closing[depth++] = c == '{' ? '}' : ']';
      ++at_;
    } else if (c == '}' || c == ']') {
      if (depth == 0 || closing[depth - 1] != c) return fail("a bracket that closes nothing");
      --depth;
      ++at_;
    } else if (depth > 0 && (c == ',' || c == ':')) {
      ++at_;
    } else if (!skip_scalar()) {
      return false;
    }
  } while (depth > 0);
  return true;
}

std::optional<double> number(std::string_view raw) {
  if (raw == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (raw == "Infinity") return std::numeric_limits<double>::infinity();
  if (raw == "-Infinity") return -std::numeric_limits<double>::infinity();
  const auto digits = raw.substr(!raw.empty() && raw.front() == '-' ? 1 : 0);
  if (digits.empty() || !is_digit(digits.front())) return {};
  double value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (end != raw.data() + raw.size()) return {};
  if (error == std::errc::result_out_of_range)
    return std::strtod(std::string(raw).c_str(), nullptr);
  if (error != std::errc{}) return {};
  return value;
}

std::optional<std::int64_t> integer(std::string_view raw) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error == std::errc{} && end == raw.data() + raw.size()) return value;
  const auto real = number(raw);
  // Beyond 2^53 a double no longer says which whole number was meant.
  if (!real || std::abs(*real) > 9007199254740992.0 || std::trunc(*real) != *real) return {};
  return static_cast<std::int64_t>(*real);
}

std::optional<bool> boolean(std::string_view raw) {
  if (raw == "true") return true;
  if (raw == "false") return false;
  return {};
}

std::optional<std::string> string(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"' || raw.back() != '"') return {};
  std::string out;
  if (!unescape(raw.substr(1, raw.size() - 2), out)) return {};
  return out;
}

bool valid_utf8(std::string_view bytes) { return find_not_utf8(bytes) == bytes.npos; }

std::string to_utf8(std::string_view bytes) {
  std::string out(bytes);
  if (!valid_utf8(bytes))
    for (char& c : out)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return out;
}

}  // namespace clavier::worker::json
