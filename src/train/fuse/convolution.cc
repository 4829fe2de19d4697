#include <ATen/ATen.h>
#include <ATen/Context.h>

#include "train/fuse/layer.h"

namespace clavier::train {
namespace {

/// The library without oneDNN, as long as it lives.
class WithoutOneDnn {
 public:
  explicit WithoutOneDnn(bool really) : before_(at::globalContext().userEnabledMkldnn()) {
    if (really) at::globalContext().setUserEnabledMkldnn(false);
  }
  ~WithoutOneDnn() { at::globalContext().setUserEnabledMkldnn(before_); }
  WithoutOneDnn(const WithoutOneDnn&) = delete;
  WithoutOneDnn& operator=(const WithoutOneDnn&) = delete;

 private:
  bool before_;
};

/// Members are groups of one grouped convolution; a shared input needs none: it is one ordinary
/// convolution with F times the output channels. Channels-last on processors, where the grouped
/// kernel is otherwise a generic one.
class Convolution : public Layer {
 public:
  Convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias)
      : options_(options),
        stride_({layer.spec.stride, layer.spec.stride}),
        padding_({layer.spec.padding, layer.spec.padding}),
        groups_(options.shared ? 1 : options.members),
        broken_(layer.spec.kernel == 1 && (layer.in.sizes[0] % 8 > 0 || layer.spec.out % 8 > 0)),
        weight_(std::move(weight)),
        bias_(std::move(bias)) {}

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    const at::Tensor input =
        given.is_cpu() ? given.contiguous(at::MemoryFormat::ChannelsLast) : given;
    const at::Tensor weight = stacked(weight_.value);
    const at::Tensor bias = bias_.value.defined() ? bias_.value.reshape(-1) : at::Tensor();
    if (pass.training) {
      input_ = input;
      stacked_ = weight;
    }
    return at::convolution(input, weight, bias, stride_, padding_, {1, 1}, false, {0, 0}, groups_);
  }

  at::Tensor backward(at::Tensor gradient) override {
    if (gradient.is_cpu()) gradient = gradient.contiguous(at::MemoryFormat::ChannelsLast);
    const bool has_bias = bias_.value.defined();
    const std::vector<std::int64_t> sizes = {gradient.size(1)};
    const at::OptionalIntArrayRef bias_sizes =
        has_bias ? at::OptionalIntArrayRef(sizes) : at::OptionalIntArrayRef();
    const WithoutOneDnn without(broken_ && gradient.is_cpu());
    auto [by_input, by_weight, by_bias] =
        at::convolution_backward(gradient, input_, stacked_, bias_sizes, stride_, padding_, {1, 1},
                                 false, {0, 0}, groups_, {options_.input_gradient, true, has_bias});
    weight_.gradient.copy_(by_weight.reshape(weight_.gradient.sizes()));
    if (has_bias) bias_.gradient.copy_(by_bias.reshape(bias_.gradient.sizes()));
    input_.reset();
    stacked_.reset();
    return by_input;
  }

 private:
  /// (F, out, in, k, k) as (F·out, in, k, k): a view at F = 1, one small copy else.
  static at::Tensor stacked(const at::Tensor& weight) {
    return weight.size(0) == 1 ? weight[0] : weight.flatten(0, 1);
  }

  LayerOptions options_;
  std::vector<std::int64_t> stride_;
  std::vector<std::int64_t> padding_;
  std::int64_t groups_;
  /// oneDNN's gradient by the weights of 1 x 1 writes behind its buffer with AVX2 unless channels
  /// come in eights (jit_avx2_1x1_convolution_bwd_weights of 3.12, by valgrind).
  bool broken_;
  Slot weight_;
  Slot bias_;
  at::Tensor input_;
  at::Tensor stacked_;
};

}  // namespace

LayerPtr make_convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                          Slot bias) {
  return std::make_unique<Convolution>(layer, options, std::move(weight), std::move(bias));
}

}  // namespace clavier::train
