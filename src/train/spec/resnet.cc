#include "train/spec/resnet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace clavier::train {
namespace {

using Layers = std::vector<LayerSpec>;

/// Channels that come out of a bottleneck relative to those inside.
constexpr std::int64_t kExpansion = 4;

/// Without a bias: a norm follows, which has one.
LayerSpec conv(std::string name, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  return {.kind = LayerKind::kConv2d,
          .name = std::move(name),
          .out = out,
          .kernel = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .bias = false,
          .init = Init::kHeFanOut};
}

LayerSpec norm(std::string name) {
  return {.kind = LayerKind::kBatchNorm, .name = std::move(name)};
}

LayerSpec relu() { return {.kind = LayerKind::kRelu}; }

Layers stem_layers(Stem stem, std::int64_t channels) {
  if (stem == Stem::kCifar) return {conv("conv1", channels, 3, 1), norm("bn1"), relu()};
  return {conv("conv1", channels, 7, 2), norm("bn1"), relu(),
          LayerSpec{.kind = LayerKind::kMaxPool, .kernel = 3, .stride = 2, .padding = 1}};
}

/// Two convolutions 3x3.
Layers basic(std::int64_t channels, std::int64_t stride) {
  return {conv("conv1", channels, 3, stride), norm("bn1"), relu(), conv("conv2", channels, 3, 1),
          norm("bn2")};
}

/// Down to few channels, a convolution 3x3 there, and up again.
Layers bottleneck(std::int64_t channels, std::int64_t stride) {
  return {conv("conv1", channels, 1, 1),
          norm("bn1"),
          relu(),
          conv("conv2", channels, 3, stride),
          norm("bn2"),
          relu(),
          conv("conv3", channels * kExpansion, 1, 1),
          norm("bn3")};
}

struct Shape {
  std::array<int, 4> blocks;  ///< Of each stage.
  Layers (*body)(std::int64_t channels, std::int64_t stride);
  std::int64_t expansion;
};

Layers resnet(const Shape& shape, Stem stem, double width, std::int64_t outputs) {
  std::int64_t channels = std::max<std::int64_t>(1, std::llround(64 * width));
  Layers layers = stem_layers(stem, channels);
  std::int64_t before = channels;
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage, channels *= 2) {
    for (int block = 0; block < shape.blocks[stage]; ++block) {
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      const std::int64_t after = channels * shape.expansion;
      LayerSpec residual{.kind = LayerKind::kResidual,
                         .name = fmt::format("layer{}.{}", stage + 1, block),
                         .body = shape.body(channels, stride),
                         .shortcut_name = "downsample"};
      if (stride != 1 || before != after)
        residual.shortcut = {conv("0", after, 1, stride), norm("1")};
      layers.push_back(std::move(residual));
      layers.push_back(relu());
      before = after;
    }
  }
  layers.push_back({.kind = LayerKind::kGlobalAvgPool});
  layers.push_back({.kind = LayerKind::kLinear, .name = "fc", .out = outputs});
  return layers;
}

}  // namespace

Layers resnet18(Stem stem, double width, std::int64_t outputs) {
  return resnet({{2, 2, 2, 2}, basic, 1}, stem, width, outputs);
}

Layers resnet50(Stem stem, double width, std::int64_t outputs) {
  return resnet({{3, 4, 6, 3}, bottleneck, kExpansion}, stem, width, outputs);
}

}  // namespace clavier::train
