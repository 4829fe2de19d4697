#include "base/json.h"

#include <fmt/compile.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/match.h"
#include "base/utf8.h"

namespace clavier {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

class Parser {
 public:
  Parser(std::string_view text, std::size_t first_byte) : text_(text), first_byte_(first_byte) {}

  Result<Json> document() {
    Json json;
    if (value(json, 0)) {
      skip_blanks();
      if (at_ == text_.size()) return json;
      fail("more follows after the value");
    }
    return invalid(fmt::format("not JSON at byte {}: {}", first_byte_ + failed_at_, problem_));
  }

 private:
  bool fail(const char* problem) {
    problem_ = problem;
    failed_at_ = at_;
    return false;
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool word(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return fail("a value was expected");
    at_ += expected.size();
    return true;
  }

  bool value(Json& out, int depth) {
    skip_blanks();
    if (at_ == text_.size()) return fail("the text ends early");
    switch (text_[at_]) {
      case '{': return table(out, depth + 1);
      case '[': return list(out, depth + 1);
      case '"': return string(out.data.emplace<std::string>());
      case 'n': return word("null");
      case 't': out.data = true; return word("true");
      case 'f': out.data = false; return word("false");
      case 'N': out.data = std::numeric_limits<double>::quiet_NaN(); return word("NaN");
      case 'I': out.data = std::numeric_limits<double>::infinity(); return word("Infinity");
      default: return number(out);
    }
  }

  bool list(Json& out, int depth) {
    if (depth > Json::kMaxDepth) return fail("nested too deeply");
    ++at_;
    auto& items = out.data.emplace<Json::List>();
    if (take(']')) return true;
    do {
      if (!value(items.emplace_back(), depth)) return false;
    } while (take(','));
    return take(']') || fail("',' or ']' was expected");
  }

  bool table(Json& out, int depth) {
    if (depth > Json::kMaxDepth) return fail("nested too deeply");
    ++at_;
    auto& fields = out.data.emplace<Json::Table>();
    if (take('}')) return true;
    do {
      skip_blanks();
      auto& field = fields.emplace_back();
      if (at_ == text_.size() || text_[at_] != '"') return fail("a name was expected");
      if (!string(field.name)) return false;
      if (!take(':')) return fail("':' was expected");
      if (!value(field.value, depth)) return false;
    } while (take(','));
    return take('}') || fail("',' or '}' was expected");
  }

  bool string(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
      std::size_t end = at_;
      while (end < text_.size() && is_plain(text_[end])) ++end;
      out.append(text_, at_, end - at_);
      at_ = end;
      if (at_ == text_.size()) break;
      if (text_[at_] == '"') return ++at_, true;
      if (text_[at_] != '\\') return fail("a control character stands in a string");
      if (!escape(out)) return false;
    }
    return fail("a string has no end");
  }

  /// Leaves `at_` on the last character of the escape.
  bool escape(std::string& out) {
    if (++at_ == text_.size()) return fail("a string has no end");
    switch (text_[at_]) {
      case '"':
      case '\\':
      case '/': out += text_[at_]; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': return unicode(out);
      default: return fail("unknown escape");
    }
  }

  bool unicode(std::string& out) {
    unsigned code = 0;
    if (!hex(code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      unsigned low = 0;
      if (!text_.substr(at_ + 1).starts_with("\\u")) return fail("half a surrogate pair");
      at_ += 2;
      if (!hex(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return fail("half a surrogate pair");
      append_utf8(out, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
    } else if (code >= 0xDC00 && code < 0xE000) {
      if (code < 0xDC80 || code > 0xDCFF) return fail("half a surrogate pair");
      out += static_cast<char>(code - 0xDC00);
    } else {
      append_utf8(out, code);
    }
    return true;
  }

  bool hex(unsigned& code) {
    if (text_.size() - at_ <= 4) return fail("a string has no end");
    const char* first = text_.data() + at_ + 1;
    if (std::from_chars(first, first + 4, code, 16).ptr != first + 4) return fail("bad \\u escape");
    at_ += 4;
    return true;
  }

  bool number(Json& out) {
    const std::size_t start = at_;
    std::size_t end = start;
    const auto digits = [&] {
      const std::size_t first = end;
      while (end < text_.size() && is_digit(text_[end])) ++end;
      return end > first;
    };
    if (text_[end] == '-') ++end;
    if (text_.substr(start).starts_with("-Infinity")) {
      out.data = -std::numeric_limits<double>::infinity();
      at_ += 9;
      return true;
    }
    const std::size_t whole = end;
    if (!digits()) return fail("a value was expected");
    if (text_[whole] == '0' && end - whole > 1) return fail("a number starts with 0");
    bool real = false;
    if (end < text_.size() && text_[end] == '.') {
      real = true;
      ++end;
      if (!digits()) return fail("a number ends early");
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      real = true;
      ++end;
      if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
      if (!digits()) return fail("a number ends early");
    }
    if (!convert(text_.substr(start, end - start), real, out)) return fail("number out of range");
    at_ = end;
    return true;
  }

  static bool convert(std::string_view digits, bool real, Json& out) {
    const char* first = digits.data();
    const char* last = first + digits.size();
    if (!real) {
      std::int64_t whole = 0;
      if (std::from_chars(first, last, whole).ec == std::errc{}) return out.data = whole, true;
      std::uint64_t large = 0;
      if (std::from_chars(first, last, large).ec == std::errc{}) return out.data = large, true;
    }
    double number = 0;
    if (std::from_chars(first, last, number).ec != std::errc{}) return false;
    out.data = number;
    return true;
  }

  std::string_view text_;
  std::size_t first_byte_;
  std::size_t at_ = 0;
  std::size_t failed_at_ = 0;
  const char* problem_ = "";
};

/// One value after the other, those of a list or table on lines of their own where the layout says
/// so.
class Writer {
 public:
  Writer(std::string& out, JsonLayout layout) : out_(out), layout_(layout) {}

  void value(const Json& json, std::size_t depth) {
    match(
        json.data, [&](std::monostate) { out_ += "null"; },
        [&](bool truth) { out_ += truth ? "true" : "false"; },
        [&](std::int64_t whole) { append_json(out_, whole); },
        [&](std::uint64_t large) { out_ += fmt::format_int(large).str(); },
        [&](double real) { append_json(out_, real); },
        [&](const std::string& text) { append_json(out_, text); },
        [&](const Json::List& list) {
          items(list, "[]", depth, [&](const Json& item) { value(item, depth + 1); });
        },
        [&](const Json::Table& table) {
          std::vector<const Json::Field*> fields;
          for (const Json::Field& field : table) fields.push_back(&field);
          const auto name = [](const Json::Field* field) -> const std::string& {
            return field->name;
          };
          if (layout_.sorted) std::ranges::stable_sort(fields, {}, name);
          items(fields, "{}", depth, [&](const Json::Field* field) {
            append_json(out_, field->name);
            out_ += ": ";
            value(field->value, depth + 1);
          });
        });
  }

 private:
  template <typename Items, typename Append>
  void items(const Items& items, const char* brackets, std::size_t depth, Append append) {
    out_ += brackets[0];
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += layout_.indent > 0 ? "," : ", ";
      first = false;
      new_line(depth + 1);
      append(item);
    }
    if (!first) new_line(depth);
    out_ += brackets[1];
  }

  void new_line(std::size_t depth) {
    if (layout_.indent == 0) return;
    out_ += '\n';
    out_.append(depth * static_cast<std::size_t>(layout_.indent), ' ');
  }

  std::string& out_;
  JsonLayout layout_;
};

}  // namespace

// Here, where a field is a complete type.
Json::Json(int number) : data(std::int64_t{number}) {}
Json::Json(std::int64_t number) : data(number) {}
Json::Json(double number) : data(number) {}
Json::Json(const char* text) : data(std::string(text)) {}
Json::Json(std::string_view text) : data(std::string(text)) {}
Json::Json(std::string text) : data(std::move(text)) {}
Json::Json(List list) : data(std::move(list)) {}
Json::Json(Table table) : data(std::move(table)) {}

Json::Json(std::uint64_t number) {
  if (number <= INT64_MAX)
    data = static_cast<std::int64_t>(number);
  else
    data = number;
}

Result<Json> Json::parse(std::string_view text, std::size_t first_byte) {
  return Parser(text, first_byte).document();
}

std::optional<double> Json::number() const {
  if (const auto* real = as<double>()) return *real;
  if (const auto* whole = as<std::int64_t>()) return static_cast<double>(*whole);
  if (const auto* large = as<std::uint64_t>()) return static_cast<double>(*large);
  return {};
}

const Json* Json::find(std::string_view name) const {
  const auto* table = as<Table>();
  if (!table) return nullptr;
  const auto at = std::find_if(table->rbegin(), table->rend(),
                               [&](const Field& field) { return field.name == name; });
  return at == table->rend() ? nullptr : &at->value;
}

void Json::replace(std::string_view name, Json value) {
  auto* table = std::get_if<Table>(&data);
  CHECK(table, "a field of what is no table");
  const auto at = std::ranges::find(*table, name, &Field::name);
  if (at == table->end())
    table->emplace_back(name, std::move(value));
  else
    at->value = std::move(value);
}

std::string to_text(const Json& json, JsonLayout layout) {
  std::string out;
  Writer(out, layout).value(json, 0);
  return out;
}

void append_json(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "NaN";
    return;
  }
  if (std::isinf(number)) {
    out += number > 0 ? "Infinity" : "-Infinity";
    return;
  }
  char buffer[32];
  const char* end = fmt::format_to(buffer, FMT_COMPILE("{}"), number);
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  out += digits;
  if (digits.find_first_of(".e") == digits.npos) out += ".0";
}

void append_json(std::string& out, std::int64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_plain(c) && static_cast<unsigned char>(c) < 0x80) {
      out += c;
      ++at;
    } else if (static_cast<unsigned char>(c) < 0x80) {
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default: fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      }
      ++at;
    } else if (const std::size_t length = utf8_length(text.substr(at)); length > 0) {
      out.append(text, at, length);
      at += length;
    } else {
      fmt::format_to(std::back_inserter(out), "\\udc{:02x}", static_cast<unsigned char>(c));
      ++at;
    }
  }
  out += '"';
}

}  // namespace clavier
