#include "train/data/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "train/data/bytes.h"
#include "train/data/columns.h"

namespace clavier::train::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kKinds = {"number", "category", "label", "left_out"};

Json json_of(const Column& column) {
  Json json{{"name", column.name}, {"kind", kKinds[static_cast<std::size_t>(column.kind)]}};
  if (column.kind == Column::Kind::kCategory) json["categories"] = column.categories;
  if (column.kind == Column::Kind::kNumber) json["fill"] = column.fill;
  return json;
}

/// Into `value` if the key is there and of its type.
template <typename T>
bool get(const Json& json, const char* key, T& value) {
  const auto found = json.find(key);
  if (found == json.end()) return true;
  try {
    value = found->get<T>();
  } catch (const Json::exception&) {
    return false;
  }
  return true;
}

bool parse_column(const Json& json, Column& column) {
  std::string kind;
  if (!json.is_object() || !get(json, "name", column.name) || !get(json, "kind", kind) ||
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

std::string facts_of(const Dataset& data) {
  Json json{{"shape", data.shape}, {"classes", data.classes}, {"class_names", data.class_names},
            {"scale", data.scale}, {"mean", data.mean},       {"deviation", data.deviation}};
  if (data.classes == 0) {
    json["target_mean"] = data.target_mean;
    json["target_deviation"] = data.target_deviation;
  }
  for (const Column& column : data.columns) json["columns"].push_back(json_of(column));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Dataset> parse_facts(std::string_view text, std::string_view origin) {
  const Json json = Json::parse(text, nullptr, false);
  Dataset data;
  bool good = json.is_object() && get(json, "shape", data.shape) &&
              get(json, "classes", data.classes) && get(json, "class_names", data.class_names) &&
              get(json, "scale", data.scale) && get(json, "mean", data.mean) &&
              get(json, "deviation", data.deviation) &&
              get(json, "target_mean", data.target_mean) &&
              get(json, "target_deviation", data.target_deviation);
  if (good && json.contains("columns"))
    for (const Json& column : json["columns"])
      good = good && parse_column(column, data.columns.emplace_back());
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
