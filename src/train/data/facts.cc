#include "train/data/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "train/data/bytes.h"
#include "train/data/columns.h"

namespace clavier::train::data {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"number", "category", "label", "left_out"};

Json json_of(const Column& column) {
  Json json =
      Json::Table{{"name", column.name}, {"kind", kKinds[static_cast<std::size_t>(column.kind)]}};
  if (column.kind == Column::Kind::kCategory) json.set("categories", column.categories);
  if (column.kind == Column::Kind::kNumber) json.set("fill", column.fill);
  return json;
}

bool read(const Json& json, std::string& text) {
  const auto* words = json.as<std::string>();
  if (words) text = *words;
  return words != nullptr;
}

bool read(const Json& json, std::int64_t& number) {
  const auto* whole = json.as<std::int64_t>();
  if (whole) number = *whole;
  return whole != nullptr;
}

template <std::floating_point T>
bool read(const Json& json, T& number) {
  const auto real = json.number();
  if (real) number = static_cast<T>(*real);
  return real.has_value();
}

template <typename T>
bool read(const Json& json, std::vector<T>& items) {
  const auto* list = json.as<Json::List>();
  if (!list) return false;
  items.resize(list->size());
  return std::ranges::equal(*list, items, [](const Json& from, T& to) { return read(from, to); });
}

/// Into `value` if the key is there and of its type.
bool get(const Json& json, std::string_view key, auto& value) {
  const Json* found = json.find(key);
  return !found || read(*found, value);
}

bool parse_column(const Json& json, Column& column) {
  std::string kind;
  if (!json.as<Json::Table>() || !get(json, "name", column.name) || !get(json, "kind", kind) ||
      !get(json, "categories", column.categories) || !get(json, "fill", column.fill))
    return false;
  const auto known = std::find(kKinds.begin(), kKinds.end(), kind);
  column.kind = static_cast<Column::Kind>(known - kKinds.begin());
  return known != kKinds.end() &&
         std::is_sorted(column.categories.begin(), column.categories.end());
}

/// As many means as channels or features, nothing to divide by zero, columns that make the shape.
bool consistent(const Dataset& data) {
  const auto extents = element_count(data.shape);
  if (!extents || *extents == 0 || (data.shape.size() != 1 && data.shape.size() != 3)) return false;
  if (std::ssize(data.mean) != data.shape[0] || data.mean.size() != data.deviation.size())
    return false;
  if (std::count(data.deviation.begin(), data.deviation.end(), 0) > 0) return false;
  if (!(data.target_deviation > 0) || data.classes < 0) return false;
  if (!data.class_names.empty() && std::ssize(data.class_names) != data.classes) return false;
  return data.columns.empty() ||
         (data.shape.size() == 1 && encoded_width(data.columns) == data.shape[0]);
}

}  // namespace

Json facts_of(const Dataset& data) {
  Json json = Json::Table{
      {"shape", data.shape}, {"classes", data.classes}, {"class_names", data.class_names},
      {"scale", data.scale}, {"mean", data.mean},       {"deviation", data.deviation}};
  if (data.classes == 0) {
    json.set("target_mean", data.target_mean);
    json.set("target_deviation", data.target_deviation);
  }
  Json::List columns;
  for (const Column& column : data.columns) columns.push_back(json_of(column));
  if (!columns.empty()) json.set("columns", std::move(columns));
  return json;
}

Result<Dataset> parse_facts(std::string_view text, std::string_view origin) {
  const auto parsed = Json::parse(text);
  const Json json = parsed ? *parsed : Json();
  Dataset data;
  bool good = json.as<Json::Table>() && get(json, "shape", data.shape) &&
              get(json, "classes", data.classes) && get(json, "class_names", data.class_names) &&
              get(json, "scale", data.scale) && get(json, "mean", data.mean) &&
              get(json, "deviation", data.deviation) &&
              get(json, "target_mean", data.target_mean) &&
              get(json, "target_deviation", data.target_deviation);
  if (const Json* columns = json.find("columns")) {
    const auto* list = columns->as<Json::List>();
    good = good && list;
    for (std::size_t i = 0; good && i < list->size(); ++i)
      good = parse_column((*list)[i], data.columns.emplace_back());
  }
  if (!good || !consistent(data))
    return corrupt(fmt::format("{}: what it says of the data makes no sense", origin));
  return data;
}

Status adopt_facts(Dataset& data, const Dataset& facts) {
  const bool same =
      data.shape == facts.shape && data.classes == facts.classes &&
      data.class_names == facts.class_names && data.scale == facts.scale &&
      std::equal(data.columns.begin(), data.columns.end(), facts.columns.begin(),
                 facts.columns.end(), [](const Column& a, const Column& b) {
                   return a.name == b.name && a.kind == b.kind && a.categories == b.categories;
                 });
  if (!same)
    return invalid(
        fmt::format("{}: shape, classes or columns are not those the model was trained "
                    "on: the data have changed since",
                    data.name));
  data.mean = facts.mean;
  data.deviation = facts.deviation;
  data.target_mean = facts.target_mean;
  data.target_deviation = facts.target_deviation;
  return ok_status();
}

}  // namespace clavier::train::data
