#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace clavier::train::data {

/// One plane of `height` × `width` numbers brought to another size by bilinear interpolation: pixel
/// centres at half coordinates, edges repeated. When an axis shrinks, the triangle widens by the
/// same factor so that every pixel counts (as Pillow's BILINEAR does, and PyTorch's with
/// antialias). Weights are computed in double precision: enlarging by a power of two is exact.
/// REQUIRES: all extents positive.
class Resizer {
 public:
  Resizer(std::int64_t height, std::int64_t width, std::int64_t to_height, std::int64_t to_width);

  /// `plane` has height × width numbers, `out` to_height × to_width.
  void apply(std::span<const float> plane, std::span<float> out);

 private:
  /// Weights of one output position, for the inputs from `first` on.
  struct Window {
    std::int64_t first = 0;
    std::vector<float> weights;
  };
  static std::vector<Window> windows(std::int64_t from, std::int64_t to);

  std::int64_t width_;
  std::vector<Window> rows_;
  std::vector<Window> columns_;
  std::vector<float> lines_;  ///< The plane resized along one axis.
};

}  // namespace clavier::train::data
