#include "train/data/resize.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace clavier::train::data {

Resizer::Resizer(std::int64_t height, std::int64_t width, std::int64_t to_height,
                 std::int64_t to_width)
    : width_(width),
      rows_(windows(height, to_height)),
      columns_(windows(width, to_width)),
      lines_(static_cast<std::size_t>(height * to_width)) {}

std::vector<Resizer::Window> Resizer::windows(std::int64_t from, std::int64_t to) {
  CHECK(from > 0 && to > 0, "an empty image");
  double scale = static_cast<double>(from) / static_cast<double>(to);
  double support = std::max(scale, 1.0);
  std::vector<Window> result;
  for (std::int64_t i = 0; i < to; ++i) {
    double centre = (static_cast<double>(i) + 0.5) * scale;
    auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(centre - support)));
    auto last = std::min(from, static_cast<std::int64_t>(std::ceil(centre + support)));
    std::vector<double> weights;
    double sum = 0;
    for (auto k = first; k < last; ++k) {
      double distance = std::abs(static_cast<double>(k) + 0.5 - centre) / support;
      weights.push_back(std::max(0.0, 1 - distance));
      sum += weights.back();
    }
    Window window{first, {}};
    for (double weight : weights) window.weights.push_back(static_cast<float>(weight / sum));
    result.push_back(std::move(window));
  }
  return result;
}

void Resizer::apply(std::span<const float> plane, std::span<float> out) {
  auto to_width = columns_.size();
  auto height = lines_.size() / to_width;
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < to_width; ++x) {
      const auto& window = columns_[x];
      const float* from = plane.data() + y * static_cast<std::size_t>(width_) + window.first;
      float sum = 0;
      for (std::size_t k = 0; k < window.weights.size(); ++k) sum += window.weights[k] * from[k];
      lines_[y * to_width + x] = sum;
    }
  for (std::size_t y = 0; y < rows_.size(); ++y) {
    const auto& window = rows_[y];
    for (std::size_t x = 0; x < to_width; ++x) {
      const float* from = lines_.data() + static_cast<std::size_t>(window.first) * to_width + x;
      float sum = 0;
      for (std::size_t k = 0; k < window.weights.size(); ++k)
        sum += window.weights[k] * from[k * to_width];
      out[y * to_width + x] = sum;
    }
  }
}

}  // namespace clavier::train::data
