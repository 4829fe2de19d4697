#include "train/data/columns.h"

#include <cmath>

namespace clavier::train::data {
namespace {

std::vector<Column*> used_of(std::vector<Column>& columns) {
  std::vector<Column*> used;
  for (Column& column : columns)
    if (column.used()) used.push_back(&column);
  return used;
}

void learn_fill(Column& column, std::size_t at, std::size_t width, std::span<const float> train) {
  double sum = 0, count = 0;
  for (std::size_t i = at; i < train.size(); i += width)
    if (!std::isnan(train[i])) sum += train[i], ++count;
  column.fill = count > 0 ? static_cast<float>(sum / count) : 0;
}

/// Keeps the categories that the training split has; the new place of each old one, -1 if gone.
std::vector<float> learn_categories(Column& column, std::size_t at, std::size_t width,
                                    std::span<const float> train) {
  std::vector<float> places(column.categories.size(), -1);
  for (std::size_t i = at; i < train.size(); i += width)
    if (!std::isnan(train[i])) places[static_cast<std::size_t>(train[i])] = 0;
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0) continue;
    places[i] = static_cast<float>(kept.size());
    kept.push_back(std::move(column.categories[i]));
  }
  column.categories = std::move(kept);
  return places;
}

}  // namespace

std::int64_t encoded_width(std::span<const Column> columns) {
  std::int64_t width = 0;
  for (const Column& column : columns)
    if (column.used())
      width += column.kind == Column::Kind::kCategory ? std::ssize(column.categories) : 1;
  return width;
}

std::int64_t learn_columns(std::vector<Column>& columns, std::span<Split* const> splits) {
  const std::vector<Column*> used = used_of(columns);
  for (std::size_t at = 0; at < used.size(); ++at) {
    const auto& train = std::get<std::vector<float>>(splits.front()->inputs);
    if (used[at]->kind == Column::Kind::kNumber) {
      learn_fill(*used[at], at, used.size(), train);
      continue;
    }
    const auto places = learn_categories(*used[at], at, used.size(), train);
    for (Split* const split : splits) {
      auto& values = std::get<std::vector<float>>(split->inputs);
      for (std::size_t i = at; i < values.size(); i += used.size())
        if (!std::isnan(values[i])) values[i] = places[static_cast<std::size_t>(values[i])];
    }
  }
  for (Split* const split : splits)
    split->inputs = encode_columns(columns, std::get<std::vector<float>>(split->inputs));
  return encoded_width(columns);
}

std::vector<float> encode_columns(std::span<const Column> columns, std::span<const float> rows) {
  std::vector<const Column*> used;
  for (const Column& column : columns)
    if (column.used()) used.push_back(&column);
  std::vector<float> out;
  if (used.empty()) return out;
  out.reserve(rows.size() / used.size() * static_cast<std::size_t>(encoded_width(columns)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Column& column = *used[i % used.size()];
    if (column.kind == Column::Kind::kNumber)
      out.push_back(std::isnan(rows[i]) ? column.fill : rows[i]);
    else
      for (std::size_t k = 0; k < column.categories.size(); ++k)
        out.push_back(rows[i] == static_cast<float>(k) ? 1.0F : 0.0F);
  }
  return out;
}

}  // namespace clavier::train::data
