#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clavier::train {

enum class LayerKind {
  kLinear,
  kConv2d,
  kBatchNorm,
  kLayerNorm,
  kMaxPool,
  kAvgPool,
  kGlobalAvgPool,
  kRelu,
  kGelu,
  kTanh,
  kFlatten,
  kDropout,
  kResidual,
};

/// The word that names the kind in a study file.
std::string_view word(LayerKind kind);

/// How the weights of a linear layer or a convolution are drawn.
enum class Init {
  kUniform,   ///< Within 1/sqrt(fan-in), as PyTorch does by default.
  kHeFanOut,  ///< Normal with variance 2/fan-out (He et al., 2015), as residual networks want it.
};

/// One layer as the user describes it; sizes that follow from the input are not part of it.
struct LayerSpec {
  LayerKind kind = LayerKind::kRelu;
  std::string name = {};     ///< Unique in the network; empty: kind and number.
  std::int64_t out = 0;      ///< Features or channels (linear, conv2d).
  std::int64_t kernel = 0;   ///< Window edge (conv2d, pools).
  std::int64_t stride = 1;   ///< Of conv2d and pools.
  std::int64_t padding = 0;  ///< Zeros around the image (conv2d, pools).
  bool bias = true;
  double probability = 0;                  ///< Dropout.
  double eps = 1e-5;                       ///< Norms.
  double momentum = 0.1;                   ///< Weight of the newest batch in running statistics.
  bool grows = true;                       ///< `out` scales with the model's width.
  std::vector<LayerSpec> body = {};        ///< Residual: input + body(input) …
  std::vector<LayerSpec> shortcut = {};    ///< … or shortcut(input) + body(input).
  std::string shortcut_name = "shortcut";  ///< Its layers' parameters are named below this.
  Init init = Init::kUniform;
  friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

}  // namespace clavier::train
