#include "train/fuse/build.h"

#include <span>

#include <ATen/ATen.h>

#include "train/fuse/array.h"

namespace clavier::train {
namespace {

using Shaped = std::span<const ShapedLayer>;

/// Above this many weights the library's blocked kernels win over our loops.
constexpr std::int64_t kPlainWeights = 1 << 13;

class Builder {
 public:
  explicit Builder(const Array& array) : array_(array) {
    options_.members = array.members();
    options_.shared = array.members() > 1;
    options_.input_gradient = false;
    options_.plain = array.options().kernels == Kernels::kOwn && array.options().device.is_cpu();
  }

  std::vector<LayerPtr> list(Shaped layers) {
    std::vector<LayerPtr> built;
    while (!layers.empty()) layers = layers.subspan(next(layers, built));
    return built;
  }

 private:
  /// Builds what stands first; returns how many layers of the specification that took.
  std::size_t next(Shaped layers, std::vector<LayerPtr>& built) {
    const ShapedLayer& layer = layers[0];
    switch (layer.spec.kind) {
      case LayerKind::kLinear: {
        const bool relu = is(layers, 1, LayerKind::kRelu);
        built.push_back(make_linear(layer, options_, slot(layer.weight), slot(layer.bias), relu));
        told_apart();
        return relu ? 2 : 1;
      }
      case LayerKind::kConv2d: return convolution(layers, built);
      case LayerKind::kBatchNorm:
        separate(layer, built);
        built.push_back(make_batch_norm(layer, options_, slot(layer.weight), slot(layer.bias),
                                        buffer(layer.mean), buffer(layer.variance)));
        told_apart();
        return 1;
      case LayerKind::kLayerNorm:
        separate(layer, built);
        built.push_back(make_layer_norm(layer, options_, slot(layer.weight), slot(layer.bias)));
        told_apart();
        return 1;
      case LayerKind::kMaxPool:
      case LayerKind::kAvgPool:
      case LayerKind::kGlobalAvgPool: return unknowing(make_pool(layer, options_), built);
      case LayerKind::kRelu:
        // Max pooling and ReLU may change places; the smaller image comes first.
        if (is(layers, 1, LayerKind::kMaxPool)) {
          built.push_back(make_pool(layers[1], options_));
          built.push_back(make_activation(layer));
          return 2;
        }
        return unknowing(make_activation(layer), built);
      case LayerKind::kGelu:
      case LayerKind::kTanh: return unknowing(make_activation(layer), built);
      case LayerKind::kFlatten: return unknowing(make_flatten(layer, options_), built);
      case LayerKind::kDropout:
        separate(layer, built);
        return unknowing(make_dropout(layer, options_), built);
      case LayerKind::kResidual: residual(layer, built); return 1;
    }
    return 1;
  }

  /// A layer without parameters: what comes after knows no more of the members than before.
  static std::size_t unknowing(LayerPtr made, std::vector<LayerPtr>& built) {
    built.push_back(std::move(made));
    return 1;
  }

  std::size_t convolution(Shaped layers, std::vector<LayerPtr>& built) {
    const ShapedLayer& layer = layers[0];
    const bool plain =
        options_.plain && layer.spec.stride == 1 &&
        array_.network().parameters[static_cast<std::size_t>(layer.weight)].count <= kPlainWeights;
    std::size_t taken = 1;
    if (plain) {
      bool relu = false;
      std::int64_t pool = 1;
      for (; taken < layers.size(); ++taken) {
        const LayerSpec& after = layers[taken].spec;
        if (after.kind == LayerKind::kRelu && !relu) {
          relu = true;
        } else if (after.kind == LayerKind::kMaxPool && pool == 1 && after.padding == 0 &&
                   after.stride == after.kernel) {
          pool = after.kernel;
        } else {
          break;
        }
      }
      built.push_back(make_plain_convolution(layer, options_, slot(layer.weight), slot(layer.bias),
                                             relu, pool));
    } else {
      built.push_back(make_convolution(layer, options_, slot(layer.weight), slot(layer.bias)));
    }
    told_apart();
    return taken;
  }

  void residual(const ShapedLayer& layer, std::vector<LayerPtr>& built) {
    separate(layer, built);
    const LayerOptions before = options_;
    std::vector<LayerPtr> body = list(layer.body);
    options_ = before;
    std::vector<LayerPtr> shortcut = list(layer.shortcut);
    built.push_back(make_residual(std::move(body), std::move(shortcut), before));
    options_ = before;
    told_apart();
  }

  void separate(const ShapedLayer& layer, std::vector<LayerPtr>& built) {
    if (!options_.shared) return;
    built.push_back(make_expand(layer, options_));
    options_.shared = false;
  }

  /// Behind the first parameters members differ and somebody needs gradients.
  void told_apart() {
    options_.shared = false;
    options_.input_gradient = true;
  }

  static bool is(Shaped layers, std::size_t index, LayerKind kind) {
    return index < layers.size() && layers[index].spec.kind == kind;
  }

  Slot slot(int parameter) const { return parameter < 0 ? Slot{} : array_.slot(parameter); }

  at::Tensor buffer(int index) const {
    const Parameter& place = array_.network().buffers[static_cast<std::size_t>(index)];
    return array_.buffers().narrow(1, place.offset, place.count);
  }

  const Array& array_;
  LayerOptions options_;
};

}  // namespace

std::vector<LayerPtr> build_layers(const Array& array) {
  return Builder(array).list(array.network().layers);
}

}  // namespace clavier::train
