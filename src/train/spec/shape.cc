#include "train/spec/shape.h"

#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace clavier::train {
namespace {

class Inference {
 public:
  explicit Inference(const Shape& input) { network_.input = input; }

  Result<std::vector<ShapedLayer>> list(const std::vector<LayerSpec>& specs, Shape& shape,
                                        const std::string& prefix) {
    std::vector<ShapedLayer> layers;
    for (const LayerSpec& spec : specs) {
      ShapedLayer layer{.spec = spec, .name = name_of(spec, prefix), .in = shape, .out = shape};
      const Status status = infer(layer);
      if (!status.ok()) return status.error();
      shape = layer.out;
      layer.spec.body.clear();
      layer.spec.shortcut.clear();
      layers.push_back(std::move(layer));
    }
    return layers;
  }

  Result<Network> finish(std::vector<ShapedLayer> layers, const Shape& shape,
                         std::int64_t outputs) && {
    if (shape.image() || shape.count() != outputs)
      return invalid(
          fmt::format("trainer.model: the last layer gives {} but the data needs {} "
                      "outputs: end with {{linear = \"outputs\"}}",
                      to_text(shape), outputs));
    if (network_.parameter_count == 0)
      return invalid("trainer.model has no layer with parameters: there is nothing to train");
    network_.outputs = outputs;
    network_.layers = std::move(layers);
    return std::move(network_);
  }

 private:
  std::string name_of(const LayerSpec& spec, const std::string& prefix) {
    if (!spec.name.empty()) return prefix + spec.name;
    return fmt::format("{}{}{}", prefix, word(spec.kind), ++unnamed_[spec.kind]);
  }

  Status infer(ShapedLayer& layer) {
    if (taken_[layer.name]++)
      return invalid(fmt::format("trainer.model: two layers are called '{}'", layer.name));
    switch (layer.spec.kind) {
      case LayerKind::kLinear: return linear(layer);
      case LayerKind::kConv2d: return convolution(layer);
      case LayerKind::kBatchNorm: return batch_norm(layer);
      case LayerKind::kLayerNorm: return layer_norm(layer);
      case LayerKind::kMaxPool:
      case LayerKind::kAvgPool:
        return window(layer, layer.in.sizes.empty() ? 0 : layer.in.sizes[0]);
      case LayerKind::kGlobalAvgPool:
        if (!layer.in.image()) return needs_image(layer);
        layer.out.sizes = {layer.in.sizes[0]};
        return {};
      case LayerKind::kFlatten: layer.out.sizes = {layer.in.count()}; return {};
      case LayerKind::kDropout: layer.dropout = dropouts_++; return {};
      case LayerKind::kRelu:
      case LayerKind::kGelu:
      case LayerKind::kTanh: return {};
      case LayerKind::kResidual: return residual(layer);
    }
    return {};
  }

  Status linear(ShapedLayer& layer) {
    if (layer.in.image())
      return invalid(
          fmt::format("layer '{}' (linear) gets an image of {}: put 'flatten' or "
                      "'global_avg_pool' before it",
                      layer.name, to_text(layer.in)));
    const std::int64_t in = layer.in.count();
    layer.out = {{layer.spec.out}, layer.spec.grows};
    layer.weight = add_weight(layer, {layer.spec.out, in}, in);
    if (layer.spec.bias) layer.bias = add_bias(layer, in);
    return {};
  }

  Status convolution(ShapedLayer& layer) {
    const std::int64_t edge = layer.spec.kernel;
    const Status status = window(layer, layer.spec.out);
    if (!status.ok()) return status;
    layer.out.grows = layer.spec.grows;
    const std::int64_t in = layer.in.sizes[0];
    layer.weight = add_weight(layer, {layer.spec.out, in, edge, edge}, in * edge * edge);
    if (layer.spec.bias) layer.bias = add_bias(layer, in * edge * edge);
    return {};
  }

  Status window(ShapedLayer& layer, std::int64_t channels) {
    if (!layer.in.image()) return needs_image(layer);
    const LayerSpec& spec = layer.spec;
    if (spec.kind != LayerKind::kConv2d && spec.padding > spec.kernel / 2)
      return invalid(fmt::format("layer '{}' ({}): padding {} is more than half of the window {}",
                                 layer.name, word(spec.kind), spec.padding, spec.kernel));
    layer.out.sizes[0] = channels;
    for (int axis : {1, 2}) {
      const std::int64_t padded = layer.in.sizes[axis] + 2 * spec.padding;
      if (padded < spec.kernel)
        return invalid(fmt::format(
            "layer '{}' ({} {}x{}) gets {} from an input of {}, which is too small for it: enlarge "
            "the images (trainer.image_size) or remove a layer",
            layer.name, word(spec.kind), spec.kernel, spec.kernel, to_text(layer.in),
            to_text(network_.input)));
      layer.out.sizes[axis] = (padded - spec.kernel) / spec.stride + 1;
    }
    return {};
  }

  Status batch_norm(ShapedLayer& layer) {
    const std::int64_t features = layer.in.sizes[0];
    add_affine(layer, {features});
    layer.mean = add_buffer(layer, ".running_mean", features, 0);
    layer.variance = add_buffer(layer, ".running_var", features, 1);
    return {};
  }

  Status layer_norm(ShapedLayer& layer) {
    if (layer.in.image())
      return invalid(
          fmt::format("layer '{}' (layer_norm) works on features, but gets an image of "
                      "{}: use batch_norm, or 'flatten' before it",
                      layer.name, to_text(layer.in)));
    add_affine(layer, layer.in.sizes);
    return {};
  }

  Status residual(ShapedLayer& layer) {
    const std::string prefix = layer.name + ".";
    Shape inner = layer.in;
    const std::vector<LayerSpec> body = std::move(layer.spec.body);
    const std::vector<LayerSpec> shortcut = std::move(layer.spec.shortcut);
    layer.body = TRY(list(body, inner, prefix));
    Shape direct = layer.in;
    layer.shortcut = TRY(list(shortcut, direct, prefix + layer.spec.shortcut_name + "."));
    if (inner.sizes != direct.sizes)
      return invalid(
          fmt::format("layer '{}' (residual) adds {} to {}: give it a `shortcut` that "
                      "makes both equal",
                      layer.name, to_text(inner), to_text(direct)));
    layer.out = inner;
    return {};
  }

  Status needs_image(const ShapedLayer& layer) {
    return invalid(fmt::format("layer '{}' ({}) needs an image, but gets {}", layer.name,
                               word(layer.spec.kind), to_text(layer.in)));
  }

  /// Bounds as PyTorch's default: uniform within 1/sqrt(fan-in), weights and biases alike.
  int add_weight(const ShapedLayer& layer, std::vector<std::int64_t> sizes, std::int64_t fan_in) {
    Parameter weight{.name = layer.name + ".weight",
                     .sizes = std::move(sizes),
                     .in_grows = layer.in.grows,
                     .out_grows = layer.out.grows};
    if (layer.spec.init == Init::kHeFanOut) {
      const std::int64_t fan_out = fan_in / weight.sizes[1] * weight.sizes[0];
      weight.deviation = std::sqrt(2 / static_cast<double>(fan_out));
    } else {
      weight.bound = 1 / std::sqrt(static_cast<double>(fan_in));
    }
    return add(network_.parameters, network_.parameter_count, std::move(weight));
  }

  int add_bias(const ShapedLayer& layer, std::int64_t fan_in) {
    return add(network_.parameters, network_.parameter_count,
               {.name = layer.name + ".bias",
                .sizes = {layer.spec.out},
                .bound = 1 / std::sqrt(static_cast<double>(fan_in)),
                .out_grows = layer.out.grows});
  }

  void add_affine(ShapedLayer& layer, const std::vector<std::int64_t>& sizes) {
    layer.weight = add(
        network_.parameters, network_.parameter_count,
        {.name = layer.name + ".weight", .sizes = sizes, .value = 1, .out_grows = layer.in.grows});
    layer.bias = add(network_.parameters, network_.parameter_count,
                     {.name = layer.name + ".bias", .sizes = sizes, .out_grows = layer.in.grows});
  }

  int add_buffer(const ShapedLayer& layer, const char* suffix, std::int64_t count, double value) {
    return add(network_.buffers, network_.buffer_count,
               {.name = layer.name + suffix, .sizes = {count}, .value = value});
  }

  static int add(std::vector<Parameter>& list, std::int64_t& total, Parameter parameter) {
    parameter.offset = total;
    parameter.count = std::accumulate(parameter.sizes.begin(), parameter.sizes.end(),
                                      std::int64_t{1}, std::multiplies<>());
    total += parameter.count;
    list.push_back(std::move(parameter));
    return static_cast<int>(list.size()) - 1;
  }

  Network network_;
  std::map<LayerKind, int> unnamed_;
  std::map<std::string, int> taken_;
  int dropouts_ = 0;
};

/// The readout's width is the data's business, not the model's.
void mark_readout(std::vector<LayerSpec>& layers) {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (layer->kind != LayerKind::kLinear && layer->kind != LayerKind::kConv2d) continue;
    layer->grows = false;
    return;
  }
}

Status narrow(std::vector<LayerSpec>& layers, double scale) {
  for (LayerSpec& layer : layers) {
    TRY(narrow(layer.body, scale));
    TRY(narrow(layer.shortcut, scale));
    const bool has_width = layer.kind == LayerKind::kLinear || layer.kind == LayerKind::kConv2d;
    if (!has_width || !layer.grows) continue;
    const auto left =
        static_cast<std::int64_t>(std::llround(static_cast<double>(layer.out) / scale));
    if (left < 1)
      return invalid(
          fmt::format("trainer.scale = {} leaves nothing of layer '{}', which is {} wide", scale,
                      layer.name, layer.out));
    layer.out = left;
  }
  return {};
}

}  // namespace

std::int64_t Shape::count() const {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

std::string to_text(const Shape& shape) { return fmt::format("{}", fmt::join(shape.sizes, "x")); }

Result<Network> infer_shapes(const std::vector<LayerSpec>& layers, const Shape& input,
                             std::int64_t outputs, double scale) {
  std::vector<LayerSpec> marked = layers;
  mark_readout(marked);
  if (scale != 1) TRY(narrow(marked, scale));
  Inference inference(input);
  Shape shape = input;
  shape.grows = false;
  auto shaped = TRY(inference.list(marked, shape, ""));
  return std::move(inference).finish(std::move(shaped), shape, outputs);
}

}  // namespace clavier::train
