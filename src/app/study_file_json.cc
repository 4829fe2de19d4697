#include "app/study_file_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "study/text.h"

namespace clavier::app {
namespace {

using Json = nlohmann::ordered_json;

void append_json(std::string& out, const TomlNode& node) {
  if (node.is_table()) {
    out += '{';
    for (const TomlNode::Entry& entry : node.entries) {
      if (out.back() != '{') out += ',';
      text::append_string(out, entry.key);
      out += ':';
      append_json(out, entry.node);
    }
    out += '}';
  } else if (node.is_array()) {
    out += '[';
    for (const TomlNode& item : node.items) {
      if (out.back() != '[') out += ',';
      append_json(out, item);
    }
    out += ']';
  } else {
    text::append(out, node.scalar);
  }
}

std::string inline_toml(const Json& json) {
  std::string out;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items())
      if (!value.is_null())
        out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", toml_key(key), inline_toml(value));
    return out.empty() ? "{}" : fmt::format("{{ {} }}", out);
  }
  if (json.is_array()) {
    for (const Json& item : json) out += (out.empty() ? "" : ", ") + inline_toml(item);
    return fmt::format("[{}]", out);
  }
  if (json.is_string()) return toml_value(Value(json.get<std::string>()));
  if (json.is_boolean()) return toml_value(Value(json.get<bool>()));
  if (json.is_number_integer()) return toml_value(Value(json.get<std::int64_t>()));
  // TOML has no null; in a list, where leaving it out would move the rest, it is no number.
  if (json.is_null()) return "nan";
  return toml_value(Value(json.get<double>()));
}

void append_table(std::string& out, const Json& json, const std::string& name) {
  out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", name);
  for (const auto& [key, value] : json.items())
    if (!value.is_object() && !value.is_null())
      out += fmt::format("{} = {}\n", toml_key(key), inline_toml(value));
  for (const auto& [key, value] : json.items())
    if (value.is_object()) append_table(out, value, name + '.' + toml_key(key));
}

}  // namespace

std::string toml_to_json(const TomlNode& node) {
  std::string out;
  append_json(out, node);
  return out;
}

std::string json_to_toml(std::string_view json, std::string_view name) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  CHECK(parsed.is_object(), "the trainer's table is no JSON object");
  std::string out;
  append_table(out, parsed, toml_key(name));
  return out;
}

}  // namespace clavier::app
