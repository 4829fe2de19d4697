#pragma once

#include <cstdint>
#include <vector>

#include "train/data/bytes.h"
#include "train/data/safetensors.h"

namespace clavier::train::data {

/// Numbers of one type in row-major order, owned.
struct Array {
  Dtype dtype = Dtype::kU8;
  std::vector<std::int64_t> shape = {};
  Bytes bytes = {};

  /// Valid as long as this object is neither moved nor changed.
  TensorView view() const { return {"", dtype, shape, bytes}; }
};

}  // namespace clavier::train::data
