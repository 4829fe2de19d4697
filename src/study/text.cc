#include "study/text.h"

#include <algorithm>
#include <span>

#include "base/json.h"
#include "base/match.h"
#include "study/text_records.h"

namespace clavier::text {
namespace {

/// Deeper names keep their dots: `Json::kMaxDepth` must not be reached by a name alone.
constexpr int kMaxTables = 8;
/// A configuration is looked up name by name, so its size is bounded.
constexpr std::size_t kMaxEntries = 1000;

struct Leaf {
  std::string_view name;  ///< What is left of the dotted name.
  const Value* value;
};

/// The table that a name belongs to at this level; empty if it stands by itself.
std::string_view table_of(const Leaf& leaf, std::span<const Leaf> siblings, int depth) {
  const std::size_t dot = leaf.name.find('.');
  if (dot == std::string_view::npos || dot == 0 || depth >= kMaxTables) return {};
  const std::string_view table = leaf.name.substr(0, dot);
  // `a` and `a.b` cannot be a value and a table at once.
  return std::ranges::find(siblings, table, &Leaf::name) == siblings.end() ? table
                                                                           : std::string_view();
}

void append_table(std::string& out, std::span<const Leaf> leaves, int depth) {
  out += '{';
  const char* separator = "";
  std::vector<bool> done(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (done[i]) continue;
    const std::string_view table = table_of(leaves[i], leaves, depth);
    out += separator;
    separator = ", ";
    append_json(out, table.empty() ? leaves[i].name : table);
    out += ": ";
    if (table.empty()) {
      append(out, *leaves[i].value);
      continue;
    }
    std::vector<Leaf> inner;
    for (std::size_t k = i; k < leaves.size(); ++k) {
      const std::string_view name = leaves[k].name;
      if (name.size() <= table.size() || !name.starts_with(table) || name[table.size()] != '.')
        continue;
      inner.push_back({name.substr(table.size() + 1), leaves[k].value});
      done[k] = true;
    }
    append_table(out, inner, depth + 1);
  }
  out += '}';
}

void flatten(const Place& place, const std::string& prefix, Config& config) {
  const auto* table = place.json().as<Json::Table>();
  if (!table) return place.fail("is not a table");
  if (table->size() > kMaxEntries) return place.fail("has too many parameters");
  for (const Json::Field& field : *table) {
    if (place.failed()) return;
    const std::string name = prefix.empty() ? field.name : prefix + '.' + field.name;
    const Place inner = place.at(field.name);
    if (config.entries().size() >= kMaxEntries) return place.fail("has too many parameters");
    if (inner.json().as<Json::Table>())
      flatten(inner, name, config);
    else
      config.set(name, read_value(inner));
  }
}

}  // namespace

void append(std::string& out, const Value& value) {
  match(
      value.data, [&](std::monostate) { out += "null"; },
      [&](bool truth) { out += truth ? "true" : "false"; },
      [&](std::int64_t number) { append_json(out, number); },
      [&](double number) { append_json(out, number); },
      [&](const std::string& text) { append_json(out, text); },
      [&](const Value::List& list) {
        append_list(out, list, [](std::string& to, const Value& item) { append(to, item); });
      });
}

std::string to_json(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string plain(const Value& value) {
  const auto* text = value.as<std::string>();
  return text ? *text : to_json(value);
}

std::string to_json(const Config& config) {
  std::vector<Leaf> leaves;
  for (const Config::Entry& entry : config.entries()) leaves.push_back({entry.name, &entry.value});
  std::string out;
  append_table(out, leaves, 0);
  return out;
}

void append_flat(std::string& out, const Config& config) {
  out += '{';
  const char* separator = "";
  for (const Config::Entry& entry : config.entries()) {
    out += separator;
    append_json(out, entry.name);
    out += ": ";
    append(out, entry.value);
    separator = ", ";
  }
  out += '}';
}

Value read_value(const Place& place) {
  return match(
      place.json().data, [](std::monostate) { return Value(); },
      [](bool truth) { return Value(truth); }, [](std::int64_t whole) { return Value(whole); },
      [](std::uint64_t large) { return Value(static_cast<double>(large)); },
      [](double real) { return Value(real); }, [](const std::string& text) { return Value(text); },
      [&](const Json::List&) {
        Value::List list;
        place.each([&](const Place& item) { list.push_back(read_value(item)); });
        return Value(std::move(list));
      },
      [&](const Json::Table&) {
        place.fail("is a table, not a value");
        return Value();
      });
}

Config read_config(const Place& place) {
  Config config;
  flatten(place, {}, config);
  return config;
}

Result<Value> value_from_json(std::string_view json) {
  return read_record<Value>(json, read_value);
}

Result<Value> value_from_json(const Json& json) { return read_record<Value>(json, read_value); }

Json json_of(const Value& value) {
  return match(
      value.data, [](std::monostate) { return Json(); },
      [](const Value::List& list) {
        Json::List items;
        for (const Value& item : list) items.push_back(json_of(item));
        return Json(std::move(items));
      },
      [](const auto& scalar) { return Json(scalar); });
}

Result<Config> config_from_json(std::string_view json) {
  return read_record<Config>(json, read_config);
}
Result<Config> config_from_json(const Json& json) { return read_record<Config>(json, read_config); }

void append(std::string& out, std::span<const Metric> metrics) {
  out += '{';
  const char* separator = "";
  for (const Metric& metric : metrics) {
    out += separator;
    append_json(out, metric.name);
    out += ": ";
    append_json(out, metric.value);
    separator = ", ";
  }
  out += '}';
}

std::vector<Metric> read_metrics(const Place& place) {
  std::vector<Metric> metrics;
  const auto* table = place.json().as<Json::Table>();
  if (!table) return place.fail("is not a table"), metrics;
  metrics.reserve(table->size());
  for (const Json::Field& field : *table) {
    const auto number = field.value.number();
    if (!number) return place.at(field.name).fail("is not a number"), metrics;
    metrics.push_back({field.name, *number});
  }
  return metrics;
}

std::string to_json(const std::vector<Metric>& metrics) {
  std::string out;
  append(out, metrics);
  return out;
}

Result<std::vector<Metric>> metrics_from_json(std::string_view json) {
  return read_record<std::vector<Metric>>(json, read_metrics);
}

}  // namespace clavier::text
