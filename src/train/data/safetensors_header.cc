#include "train/data/safetensors_header.h"

#include <fmt/format.h>

#include <set>

#include "base/json.h"
#include "train/data/bytes.h"

namespace clavier::train::data {
namespace {

std::string_view kind_of(const Json& json) {
  constexpr std::string_view kKinds[] = {"null",        "a truth value", "this number",
                                         "this number", "a fraction",    "text",
                                         "a list",      "an object"};
  return kKinds[json.data.index()];
}

Error refuse(const Json& json, std::string_view key) {
  return invalid(fmt::format("the header may not have {} at \"{}\"", kind_of(json), key));
}

/// The fields, of which no two may have the same name.
Result<const Json::Table*> table_of(const Json& json, std::string_view key) {
  const auto* table = json.as<Json::Table>();
  if (!table) return refuse(json, key);
  std::set<std::string_view> names;
  for (const Json::Field& field : *table)
    if (!names.insert(field.name).second)
      return invalid(fmt::format("\"{}\" stands twice", field.name));
  return table;
}

/// Whole numbers that are not negative.
Result<std::vector<std::int64_t>> counts_of(const Json& json, std::string_view key) {
  const auto* list = json.as<Json::List>();
  if (!list) return refuse(json, key);
  std::vector<std::int64_t> counts;
  for (const Json& item : *list) {
    const auto* count = item.as<std::int64_t>();
    if (!count || *count < 0) return refuse(item, key);
    counts.push_back(*count);
  }
  return counts;
}

Result<HeaderEntry> entry_of(const Json::Field& field) {
  const Json::Table& table = *TRY(table_of(field.value, field.name));
  const Json *dtype = field.value.find("dtype"), *shape = field.value.find("shape"),
             *offsets = field.value.find("data_offsets");
  if (table.size() != 3 || !dtype || !shape || !offsets)
    return invalid(
        fmt::format("tensor \"{}\" must have exactly dtype, shape and data_offsets", field.name));
  if (!dtype->as<std::string>()) return refuse(*dtype, "dtype");
  auto counts = TRY(counts_of(*shape, "shape"));
  HeaderEntry entry{field.name, *dtype->as<std::string>(), std::move(counts)};
  const auto places = TRY(counts_of(*offsets, "data_offsets"));
  if (places.size() != 2) return invalid("data_offsets must be two numbers");
  entry.begin = static_cast<std::uint64_t>(places[0]);
  entry.end = static_cast<std::uint64_t>(places[1]);
  return entry;
}

Result<Header> header_of(const Json& json) {
  Header header;
  for (const Json::Field& field : *TRY(table_of(json, ""))) {
    if (field.name != "__metadata__") {
      header.entries.push_back(TRY(entry_of(field)));
      continue;
    }
    for (const Json::Field& each : *TRY(table_of(field.value, field.name))) {
      const auto* text = each.value.as<std::string>();
      if (!text) return refuse(each.value, each.name);
      header.metadata[each.name] = *text;
    }
  }
  return header;
}

}  // namespace

Result<Header> parse_header(std::string_view json, std::string_view origin, std::uint64_t offset) {
  if (json.empty() || json.front() != '{')
    return corrupt_at(origin, offset, "the header does not begin with {");
  const auto parsed = Json::parse(json, offset);
  if (!parsed) return corrupt(fmt::format("{}: the header is {}", origin, parsed.error().message));
  auto header = header_of(*parsed);
  if (!header) return corrupt_at(origin, offset, header.error().message);
  return header;
}

}  // namespace clavier::train::data
