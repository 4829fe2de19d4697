#pragma once

#include <vector>

#include "train/fuse/layer.h"

namespace clavier::train {

class Array;

/// The layers of an array, ready to run: neighbours that one pass over the numbers can do together
/// (convolution, pooling, ReLU; linear, ReLU) become one layer. REQUIRES: the array's flat buffers
/// exist, and stay.
std::vector<LayerPtr> build_layers(const Array& array, const Plan& plan);

}  // namespace clavier::train
