#include "report/python_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/match.h"

namespace clavier::report {
namespace {

void append(std::string& out, const Json& json, std::size_t indent);

void new_line(std::string& out, std::size_t indent) {
  out += '\n';
  out.append(indent, ' ');
}

void append_list(std::string& out, const Json::List& list, std::size_t indent) {
  if (list.empty()) {
    out += "[]";
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    new_line(out, indent + 2);
    append(out, list[i], indent + 2);
  }
  new_line(out, indent);
  out += ']';
}

void append_table(std::string& out, const Json::Table& table, std::size_t indent) {
  if (table.empty()) {
    out += "{}";
    return;
  }
  std::vector<const Json::Field*> fields;
  for (const Json::Field& field : table) fields.push_back(&field);
  std::ranges::stable_sort(
      fields, {}, [](const Json::Field* field) -> const std::string& { return field->name; });
  out += '{';
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += ',';
    new_line(out, indent + 2);
    append_json(out, fields[i]->name);
    out += ": ";
    append(out, fields[i]->value, indent + 2);
  }
  new_line(out, indent);
  out += '}';
}

void append(std::string& out, const Json& json, std::size_t indent) {
  match(
      json.data, [&](std::monostate) { out += "null"; },
      [&](bool truth) { out += truth ? "true" : "false"; },
      [&](std::int64_t whole) { append_json(out, whole); },
      [&](std::uint64_t large) { out += fmt::to_string(large); },
      [&](double real) { append_json(out, real); },
      [&](const std::string& text) { append_json(out, text); },
      [&](const Json::List& list) { append_list(out, list, indent); },
      [&](const Json::Table& table) { append_table(out, table, indent); });
}

}  // namespace

std::string indented(const Json& json) {
  std::string out;
  append(out, json, 0);
  return out;
}

}  // namespace clavier::report
