#pragma once

#include <cstdint>

/// Winograd's minimal filtering F(4x4, 3x3): a convolution of 3 x 3 with stride 1 and a border of
/// one as 36 products of matrices over tiles of 4 x 4 outputs, with a quarter of the direct form's
/// multiplications (Lavin and Gray, 2016). Images are channels-last; planes are (36, tiles,
/// channels). Every transform has its adjoint, so that the backward pass is exact for what the
/// forward pass computes. Rounding errors are some ten times those of the direct form.
namespace clavier::train::kernels {

constexpr std::int64_t kTile = 4;
constexpr std::int64_t kPlanes = 36;

/// Between an image's patches and the planes.
enum class Transform {
  kInput,           ///< Image to planes, patches of 6 x 6 that overlap.
  kInputGradient,   ///< Planes to image, its adjoint; adds.
  kOutput,          ///< Planes to image, patches of 4 x 4.
  kOutputGradient,  ///< Image to planes, its adjoint.
  kWeight,          ///< Weights (channels, 3, 3) to planes of one tile.
  kWeightGradient,  ///< Planes to them, the adjoint.
};

struct Images {
  std::int64_t samples;
  std::int64_t height;
  std::int64_t width;
  std::int64_t channels;

  std::int64_t tiles() const {
    return samples * ((height + kTile - 1) / kTile) * ((width + kTile - 1) / kTile);
  }
};

void winograd(Transform transform, const Images& images, float* image, float* planes);
void winograd(Transform transform, const Images& images, double* image, double* planes);

}  // namespace clavier::train::kernels
