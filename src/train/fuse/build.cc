#include "train/fuse/build.h"

#include <span>

#include <ATen/ATen.h>

#include "base/check.h"
#include "train/fuse/array.h"

namespace clavier::train {
namespace {

using Shaped = std::span<const ShapedLayer>;

/// Above these many weights the loops are not even tried.
constexpr std::int64_t kMostLoopWeights = 1 << 15;
/// Up to these many they are taken where nobody has measured.
constexpr std::int64_t kFewWeights = 1 << 12;

std::int64_t weights(const ShapedLayer& layer) {
  return layer.spec.out * layer.in.sizes[0] * layer.spec.kernel * layer.spec.kernel;
}

Convolver rule_of_thumb(const ShapedLayer& layer, std::int64_t members) {
  return possible(layer, weights(layer) <= kFewWeights ? Convolver::kLoops : Convolver::kLibrary,
                  members);
}

/// A convolution of each member by itself, where it is made for one: the copies to and fro are few
/// numbers beside its products.
class EachMember : public Layer {
 public:
  EachMember(std::vector<LayerPtr> own, bool shared) : own_(std::move(own)), shared_(shared) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    std::vector<at::Tensor> outputs;
    for (std::size_t i = 0; i < own_.size(); ++i)
      outputs.push_back(own_[i]->forward(shared_ ? input : part(input, i), pass));
    return at::cat(outputs, 1);
  }

  at::Tensor backward(at::Tensor gradient) override {
    std::vector<at::Tensor> inputs;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      at::Tensor by_input = own_[i]->backward(part(gradient, i));
      if (by_input.defined()) inputs.push_back(std::move(by_input));
    }
    return inputs.empty() ? at::Tensor() : at::cat(inputs, 1);
  }

 private:
  /// A member's channels, as an image of their own.
  at::Tensor part(const at::Tensor& images, std::size_t member) const {
    const std::int64_t channels = images.size(1) / static_cast<std::int64_t>(own_.size());
    return images.narrow(1, static_cast<std::int64_t>(member) * channels, channels)
        .contiguous(images.suggest_memory_format());
  }

  std::vector<LayerPtr> own_;
  bool shared_;
};

class Builder {
 public:
  Builder(const Array& array, const Plan& plan) : array_(array), plan_(plan) {
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
      case LayerKind::kBatchNorm: return batch_norm(layers, built);
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
      case LayerKind::kResidual: return residual(layers, built);
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
    const Slot weight = slot(layer.weight);
    const Slot bias = slot(layer.bias);
    const std::size_t number = convolutions_++;
    if (array_.options().watch) built.push_back(make_mark(number, *array_.options().watch));
    std::size_t taken = 1;
    switch (convolver(layer, number)) {
      case Convolver::kLoops: {
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
        built.push_back(make_plain_convolution(layer, options_, weight, bias, relu, pool));
        break;
      }
      case Convolver::kProducts: built.push_back(products(layer, weight, bias)); break;
      case Convolver::kLibrary:
        built.push_back(make_convolution(layer, options_, weight, bias));
        break;
    }
    told_apart();
    return taken;
  }

  LayerPtr products(const ShapedLayer& layer, const Slot& weight, const Slot& bias) const {
    if (options_.members == 1) return make_matrix_convolution(layer, options_, weight, bias);
    LayerOptions alone = options_;
    alone.members = 1;
    alone.shared = false;
    const auto row = [](const Slot& slot, std::int64_t member) {
      if (!slot.value.defined()) return Slot{};
      return Slot{slot.value.narrow(0, member, 1), slot.gradient.narrow(0, member, 1)};
    };
    std::vector<LayerPtr> own;
    for (std::int64_t i = 0; i < options_.members; ++i)
      own.push_back(make_matrix_convolution(layer, alone, row(weight, i), row(bias, i)));
    return std::make_unique<EachMember>(std::move(own), options_.shared);
  }

  /// The plan's choice for convolution `number`.
  Convolver convolver(const ShapedLayer& layer, std::size_t number) const {
    if (!options_.plain) return Convolver::kLibrary;
    if (plan_.empty()) return rule_of_thumb(layer, array_.members());
    CHECK(plan_.size() == 1 || number < plan_.size(), "a plan for every convolution");
    return possible(layer, plan_.size() == 1 ? plan_[0] : plan_[number], array_.members());
  }

  std::size_t batch_norm(Shaped layers, std::vector<LayerPtr>& built) {
    const ShapedLayer& layer = layers[0];
    separate(layer, built);
    const bool relu = options_.plain && is(layers, 1, LayerKind::kRelu);
    const bool pool = options_.plain && halves(layers, relu ? 2 : 1);
    built.push_back(options_.plain
                        ? make_plain_batch_norm(layer, options_, slot(layer.weight),
                                                slot(layer.bias), buffer(layer.mean),
                                                buffer(layer.variance), relu, pool)
                        : make_batch_norm(layer, options_, slot(layer.weight), slot(layer.bias),
                                          buffer(layer.mean), buffer(layer.variance)));
    told_apart();
    return 1 + relu + pool;
  }

  /// The layer there takes the largest of every 2 x 2, and nothing is left over.
  static bool halves(Shaped layers, std::size_t index) {
    if (!is(layers, index, LayerKind::kMaxPool)) return false;
    const ShapedLayer& layer = layers[index];
    return layer.spec.kernel == 2 && layer.spec.stride == 2 && layer.spec.padding == 0 &&
           layer.in.sizes[1] % 2 == 0 && layer.in.sizes[2] % 2 == 0;
  }

  std::size_t residual(Shaped layers, std::vector<LayerPtr>& built) {
    const ShapedLayer& layer = layers[0];
    const bool relu = is(layers, 1, LayerKind::kRelu);
    separate(layer, built);
    const LayerOptions before = options_;
    std::vector<LayerPtr> body = list(layer.body);
    options_ = before;
    std::vector<LayerPtr> shortcut = list(layer.shortcut);
    built.push_back(make_residual(std::move(body), std::move(shortcut), before, relu));
    options_ = before;
    told_apart();
    return relu ? 2 : 1;
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
  const Plan& plan_;
  LayerOptions options_;
  std::size_t convolutions_ = 0;  ///< Built so far.
};

}  // namespace

Convolver possible(const ShapedLayer& layer, Convolver wanted, std::int64_t) {
  bool can = true;
  if (wanted == Convolver::kLoops)
    can = layer.spec.stride == 1 && weights(layer) <= kMostLoopWeights;
  return can ? wanted : Convolver::kLibrary;
}

std::vector<LayerPtr> build_layers(const Array& array, const Plan& plan) {
  return Builder(array, plan).list(array.network().layers);
}

}  // namespace clavier::train
