#include <ATen/ATen.h>

#include "train/fuse/layer.h"

namespace clavier::train {
namespace {

/// One batch norm over F·C channels: exact, since channels never mix. Features of several members
/// are moved to that form and back.
class BatchNorm : public Layer {
 public:
  BatchNorm(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias,
            at::Tensor mean, at::Tensor variance)
      : moved_(options.members > 1 && !layer.in.image()),
        input_gradient_(options.input_gradient),
        eps_(layer.spec.eps),
        momentum_(layer.spec.momentum),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        mean_(std::move(mean)),
        variance_(std::move(variance)) {}

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    const at::Tensor input = moved_ ? stack(given) : given;
    const at::Tensor weight = weight_.value.reshape(-1);
    at::Tensor mean = mean_.reshape(-1);
    at::Tensor variance = variance_.reshape(-1);
    auto [output, saved_mean, saved_scale] = at::native_batch_norm(
        input, weight, bias_.value.reshape(-1), mean, variance, pass.training, momentum_, eps_);
    if (pass.training) {
      if (!mean.is_alias_of(mean_)) {
        mean_.copy_(mean.view(mean_.sizes()));
        variance_.copy_(variance.view(variance_.sizes()));
      }
      input_ = input;
      kept_weight_ = weight;
      saved_mean_ = saved_mean;
      saved_scale_ = saved_scale;
    }
    return moved_ ? unstack(output) : output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    if (moved_) gradient = stack(gradient);
    auto [by_input, by_weight, by_bias] =
        at::native_batch_norm_backward(gradient, input_, kept_weight_, {}, {}, saved_mean_,
                                       saved_scale_, true, eps_, {input_gradient_, true, true});
    weight_.gradient.copy_(by_weight.view(weight_.gradient.sizes()));
    bias_.gradient.copy_(by_bias.view(bias_.gradient.sizes()));
    input_.reset();
    return moved_ && by_input.defined() ? unstack(by_input) : by_input;
  }

 private:
  /// (F, N, D) to (N, F·D) and back.
  static at::Tensor stack(const at::Tensor& x) { return x.transpose(0, 1).flatten(1); }
  at::Tensor unstack(const at::Tensor& x) const {
    return x.view({x.size(0), weight_.value.size(0), -1}).transpose(0, 1);
  }

  bool moved_;
  bool input_gradient_;
  double eps_;
  double momentum_;
  Slot weight_;
  Slot bias_;
  at::Tensor mean_;
  at::Tensor variance_;
  at::Tensor input_;
  at::Tensor kept_weight_;
  at::Tensor saved_mean_;
  at::Tensor saved_scale_;
};

/// Over features. Members share the normalisation and differ in gain and shift.
class LayerNorm : public Layer {
 public:
  LayerNorm(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias)
      : several_(options.members > 1),
        input_gradient_(options.input_gradient),
        eps_(layer.spec.eps),
        sizes_(layer.in.sizes),
        weight_(std::move(weight)),
        bias_(std::move(bias)) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    const at::Tensor x = input.contiguous();
    const at::Tensor weight = several_ ? at::Tensor() : weight_.value[0];
    const at::Tensor bias = several_ ? at::Tensor() : bias_.value[0];
    auto [output, mean, scale] = at::native_layer_norm(x, sizes_, weight, bias, eps_);
    if (pass.training) {
      input_ = x;
      mean_ = mean;
      scale_ = scale;
      normal_ = several_ ? output : at::Tensor();
    }
    if (!several_) return output;
    return at::addcmul(bias_.value.unsqueeze(1), output, weight_.value.unsqueeze(1));
  }

  at::Tensor backward(at::Tensor gradient) override {
    gradient = gradient.contiguous();
    if (several_) {
      weight_.gradient.copy_(at::mul(gradient, normal_).sum(1));
      bias_.gradient.copy_(gradient.sum(1));
      gradient = gradient * weight_.value.unsqueeze(1);
    }
    const at::Tensor weight = several_ ? at::Tensor() : weight_.value[0];
    const at::Tensor bias = several_ ? at::Tensor() : bias_.value[0];
    auto [by_input, by_weight, by_bias] =
        at::native_layer_norm_backward(gradient, input_, sizes_, mean_, scale_, weight, bias,
                                       {input_gradient_, !several_, !several_});
    if (!several_) {
      weight_.gradient[0].copy_(by_weight);
      bias_.gradient[0].copy_(by_bias);
    }
    input_.reset();
    return by_input;
  }

 private:
  bool several_;
  bool input_gradient_;
  double eps_;
  std::vector<std::int64_t> sizes_;
  Slot weight_;
  Slot bias_;
  at::Tensor input_;
  at::Tensor mean_;
  at::Tensor scale_;
  at::Tensor normal_;
};

}  // namespace

LayerPtr make_batch_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                         Slot bias, at::Tensor mean, at::Tensor variance) {
  return std::make_unique<BatchNorm>(layer, options, std::move(weight), std::move(bias),
                                     std::move(mean), std::move(variance));
}

LayerPtr make_layer_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                         Slot bias) {
  return std::make_unique<LayerNorm>(layer, options, std::move(weight), std::move(bias));
}

}  // namespace clavier::train
