#include "app/study_file_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/match.h"
#include "study/text.h"

// The library's own error type instead of exceptions, and its inline build of that variant: the
// packaged shared library is compiled for exceptions. Some of its assertions can be made to fail by
// a file (`[,`); the code behind them reports the error, unless NDEBUG turns them into assumptions.
#undef NDEBUG
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

namespace clavier::app {
namespace {

constexpr std::size_t kMaxTextBytes = 4 << 20;
constexpr int kMaxDepth = 60;
constexpr int kMaxKeyParts = 60;

Place place_of(const toml::source_position& position) {
  return {static_cast<int>(position.line), static_cast<int>(position.column)};
}

/// The number of parts of the longest dotted key, seen by a lexer that knows only quotes and
/// comments. The library recurses once per part when it frees a table.
class KeyDepth {
 public:
  explicit KeyDepth(std::string_view text) : text_(text) {}

  std::optional<Place> first_too_deep() {
    for (std::size_t at = 0; at < text_.size();) {
      const char c = text_[at];
      if (c == '"' || c == '\'') {
        at = behind_string(at);
        continue;
      }
      if (c == '#') at = std::min(text_.find('\n', at), text_.size() - 1);
      if (c == '.' && ++dots_ > kMaxKeyParts) return place(at);
      if (std::string_view("=,[]{}\n").find(text_[at]) != std::string_view::npos) dots_ = 0;
      ++at;
    }
    return {};
  }

 private:
  std::size_t behind_string(std::size_t at) const {
    const char quote = text_[at];
    const std::string three(3, quote);
    const bool is_long = text_.substr(at).starts_with(three);
    for (std::size_t i = at + (is_long ? 3 : 1); i < text_.size(); ++i) {
      if (text_[i] == '\\' && quote == '"') {
        ++i;
      } else if (is_long ? text_.substr(i).starts_with(three) : text_[i] == quote) {
        i += is_long ? 3 : 1;
        while (is_long && i < text_.size() && text_[i] == quote) ++i;
        return i;
      } else if (!is_long && text_[i] == '\n') {
        return i;
      }
    }
    return text_.size();
  }
  Place place(std::size_t at) const {
    const auto line = std::ranges::count(text_.substr(0, at), '\n');
    const auto start = text_.substr(0, at).rfind('\n');
    return {static_cast<int>(line) + 1,
            static_cast<int>(start == std::string_view::npos ? at + 1 : at - start)};
  }

  std::string_view text_;
  int dots_ = 0;
};

Value scalar_of(const toml::node& node) {
  if (const auto* v = node.as_boolean()) return Value(v->get());
  if (const auto* v = node.as_integer()) return Value(std::int64_t{v->get()});
  if (const auto* v = node.as_floating_point()) return Value(v->get());
  if (const auto* v = node.as_string()) return Value(v->get());
  std::ostringstream date;
  node.visit([&](const auto& n) {
    if constexpr (toml::is_date<decltype(n)> || toml::is_time<decltype(n)> ||
                  toml::is_date_time<decltype(n)>)
      date << n.get();
  });
  return Value(date.str());
}

std::variant<TomlNode, TomlError> convert(const toml::node& from, int depth) {
  TomlNode node;
  node.begin = place_of(from.source().begin);
  node.end = place_of(from.source().end);
  if (depth > kMaxDepth) return TomlError{node.begin, "nested too deep"};
  if (const toml::table* table = from.as_table()) {
    node.is_inline = table->is_inline();
    for (auto&& [key, value] : *table) {
      auto child = convert(value, depth + 1);
      if (auto* error = std::get_if<TomlError>(&child)) return *error;
      node.entries.push_back({std::string(key.str()), place_of(key.source().begin),
                              std::get<TomlNode>(std::move(child))});
    }
    std::ranges::stable_sort(node.entries, {}, &TomlNode::Entry::place);
  } else if (const toml::array* array = from.as_array()) {
    node.kind = TomlNode::Kind::kArray;
    for (const toml::node& value : *array) {
      auto child = convert(value, depth + 1);
      if (auto* error = std::get_if<TomlError>(&child)) return *error;
      node.items.push_back(std::get<TomlNode>(std::move(child)));
    }
  } else {
    node.kind = from.is_date() || from.is_time() || from.is_date_time() ? TomlNode::Kind::kDate
                                                                        : TomlNode::Kind::kScalar;
    node.scalar = scalar_of(from);
  }
  return node;
}

/// "Error while parsing string: encountered end-of-file" without the preamble.
std::string plain_message(std::string_view description) {
  constexpr std::string_view kPreamble = "Error while parsing ";
  if (!description.starts_with(kPreamble)) return std::string(description);
  description.remove_prefix(kPreamble.size());
  const std::size_t colon = description.find(": ");
  if (colon == std::string_view::npos) return std::string(description);
  return fmt::format("in this {}: {}", description.substr(0, colon), description.substr(colon + 2));
}

bool is_bare(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  });
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  return out + '"';
}

}  // namespace

const TomlNode::Entry* TomlNode::entry(std::string_view key) const {
  const auto at = std::ranges::find(entries, key, &Entry::key);
  return at == entries.end() ? nullptr : &*at;
}

const TomlNode* TomlNode::find(std::string_view key) const {
  const Entry* found = entry(key);
  return found ? &found->node : nullptr;
}

std::optional<Value> TomlNode::value() const {
  if (is_scalar()) return scalar;
  if (!is_array()) return {};
  Value::List list;
  for (const TomlNode& item : items) {
    auto value = item.value();
    if (!value) return {};
    list.push_back(*std::move(value));
  }
  return Value(std::move(list));
}

std::string_view TomlNode::kind_name() const {
  switch (kind) {
    case Kind::kTable: return "a table";
    case Kind::kArray: return "a list";
    case Kind::kDate: return "a date";
    case Kind::kScalar: break;
  }
  return match(
      scalar.data, [](std::monostate) { return "nothing"; }, [](bool) { return "true or false"; },
      [](std::int64_t) { return "a whole number"; }, [](double) { return "a number"; },
      [](const std::string&) { return "text"; }, [](const Value::List&) { return "a list"; });
}

std::string TomlNode::shown() const {
  constexpr std::size_t kLongest = 60;
  if (is_scalar())
    if (std::string text = toml_value(scalar); text.size() <= kLongest) return text;
  return std::string(kind_name());
}

std::variant<TomlNode, TomlError> parse_toml(std::string_view text) {
  if (text.size() > kMaxTextBytes) return TomlError{{}, "the file is larger than 4 MB"};
  if (const auto place = KeyDepth(text).first_too_deep())
    return TomlError{*place, "nested too deep"};
  const toml::parse_result result = toml::parse(text);
  if (!result)
    return TomlError{place_of(result.error().source().begin),
                     plain_message(result.error().description())};
  return convert(result.table(), 0);
}

std::string toml_key(std::string_view key) { return is_bare(key) ? std::string(key) : quoted(key); }

std::string toml_dotted_key(std::string_view name) {
  std::string out;
  for (;;) {
    const std::size_t dot = name.find('.');
    out += toml_key(name.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    out += '.';
    name.remove_prefix(dot + 1);
  }
}

std::string toml_value(const Value& value) {
  return match(
      value.data,
      [](std::monostate) -> std::string {
        CHECK(false, "TOML has no null");
        return {};
      },
      [](bool v) -> std::string { return v ? "true" : "false"; },
      [](std::int64_t v) -> std::string { return fmt::format("{}", v); },
      [](double v) -> std::string {
        if (std::isnan(v)) return "nan";
        if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
        std::string out;
        text::append(out, v);
        return out;
      },
      [](const std::string& v) { return quoted(v); },
      [](const Value::List& v) {
        std::string out = "[";
        for (const Value& item : v) out += (out.size() > 1 ? ", " : "") + toml_value(item);
        return out + "]";
      });
}

}  // namespace clavier::app
