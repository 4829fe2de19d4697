#pragma once

#include <cstdint>
#include <vector>

#include "train/spec/layer_spec.h"

namespace clavier::train {

/// What stands before the blocks.
enum class Stem {
  kImageNet,  ///< A convolution 7x7 of stride 2 and max pooling 3x3 of stride 2.
  kCifar,     ///< A convolution 3x3 of stride 1: small images keep their size.
};

/// Residual networks (He et al., 2016) with basic blocks (18) and bottlenecks (50, whose stride is
/// in the 3x3 convolution). Every parameter and statistic has the name that torchvision gives it,
/// and the same start in distribution; `width` multiplies the number of channels, 64 to begin with.
/// REQUIRES: width > 0.
std::vector<LayerSpec> resnet18(Stem stem, double width, std::int64_t outputs);
std::vector<LayerSpec> resnet50(Stem stem, double width, std::int64_t outputs);

}  // namespace clavier::train
