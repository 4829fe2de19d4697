#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "train/spec/layer_spec.h"

namespace clavier::train {

/// Sizes of one sample: {channels, height, width} or {features}. `grows` says whether the first
/// dimension scales with the model's width (an infinite dimension, in muP's words).
struct Shape {
  std::vector<std::int64_t> sizes;
  bool grows = false;

  bool image() const { return sizes.size() == 3; }
  std::int64_t count() const;
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// "3x32x32"
std::string to_text(const Shape& shape);

/// Where a parameter starts in a member's row of the flat buffer, and how it is drawn.
struct Parameter {
  std::string name;  ///< "conv1.weight"
  std::vector<std::int64_t> sizes;
  std::int64_t offset = 0;
  std::int64_t count = 0;
  double bound = 0;  ///< Drawn uniformly from [-bound, bound]; 0: constant `value`.
  double value = 0;
  double deviation = 0;    ///< Above 0: drawn from a normal distribution around 0 instead.
  bool in_grows = false;   ///< Its fan-in is an infinite dimension.
  bool out_grows = false;  ///< Its fan-out is.
};

/// A layer whose sizes are known. Indices are into Network's lists, -1: none.
struct ShapedLayer {
  LayerSpec spec;
  std::string name;
  Shape in;
  Shape out;
  int weight = -1;
  int bias = -1;
  int mean = -1;  ///< Running statistics, into `buffers`.
  int variance = -1;
  int dropout = -1;  ///< Number of this dropout layer; keys its masks.
  std::vector<ShapedLayer> body = {};
  std::vector<ShapedLayer> shortcut = {};
};

/// A network for one input size. Parameters and buffers are listed in the order of the layers.
struct Network {
  Shape input;
  std::int64_t outputs = 0;
  std::vector<ShapedLayer> layers;
  std::vector<Parameter> parameters;
  std::vector<Parameter> buffers;
  std::int64_t parameter_count = 0;  ///< Per member.
  std::int64_t buffer_count = 0;
};

/// Infers every size, with each width that grows divided by `scale` and rounded. Fails, naming the
/// layer, on an input that is too small for it, a layer that does not fit what comes before, a last
/// layer that does not give `outputs` numbers and a width of which `scale` leaves nothing.
Result<Network> infer_shapes(const std::vector<LayerSpec>& layers, const Shape& input,
                             std::int64_t outputs, double scale = 1);

}  // namespace clavier::train
