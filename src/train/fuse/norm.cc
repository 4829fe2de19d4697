#include <cmath>

#include <ATen/ATen.h>

#include "train/fuse/layer.h"
#include "train/fuse/norm_kernels.h"

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

/// The same on a processor, with the ReLU and the pooling behind it, over rows of channels: images
/// are channels-last.
template <typename T>
class PlainBatchNorm : public Layer {
 public:
  PlainBatchNorm(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias,
                 at::Tensor mean, at::Tensor variance, bool relu, bool pool)
      : moved_(options.members > 1 && !layer.in.image()),
        input_gradient_(options.input_gradient),
        relu_(relu),
        pool_width_(pool ? layer.in.sizes[2] : 0),
        eps_(layer.spec.eps),
        momentum_(layer.spec.momentum),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        mean_(std::move(mean)),
        variance_(std::move(variance)),
        members_(options.members) {
    const auto channels = static_cast<std::size_t>(weight_.value.numel());
    for (auto* numbers : {&center_, &scale_, &shift_}) numbers->resize(channels);
    for (auto* numbers : {&inverse_, &sum_, &product_}) numbers->resize(channels);
  }

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    const at::Tensor input = rows(given);
    if (pass.training) measure(input);
    prepare(pass.training);
    at::Tensor output =
        pool_width_ == 0
            ? at::empty_like(input)
            : at::empty({input.size(0), input.size(1), input.size(2) / 2, input.size(3) / 2},
                        input.options().memory_format(at::MemoryFormat::ChannelsLast));
    kernels::normalise(norm(input), output.template mutable_data_ptr<T>());
    if (pass.training) input_ = input;
    return moved_ ? unstack(output) : output;
  }

  at::Tensor backward(at::Tensor given) override {
    const at::Tensor gradient = rows(given);
    const at::Tensor input = std::move(input_);
    const kernels::Norm<T> sizes = norm(input);
    const auto* numbers = gradient.template const_data_ptr<T>();
    kernels::norm_sums(sizes, numbers, sum_.data(), product_.data());
    std::vector<T> slope(center_.size());
    std::vector<T> offset(center_.size());
    const auto count = static_cast<double>(sizes.rows);
    each([&](std::size_t i, std::int64_t member, std::int64_t c) {
      row(weight_.gradient, member)[c] = static_cast<T>(product_[i] * inverse_[i]);
      row(bias_.gradient, member)[c] = static_cast<T>(sum_[i]);
      const double scale = static_cast<double>(scale_[i]) / count;
      slope[i] = static_cast<T>(-scale * inverse_[i] * inverse_[i] * product_[i]);
      offset[i] = static_cast<T>(-scale * sum_[i]);
    });
    if (!input_gradient_) return {};
    at::Tensor result = at::empty_like(input);
    kernels::norm_gradient(sizes, numbers, slope.data(), offset.data(),
                           result.template mutable_data_ptr<T>());
    return moved_ ? unstack(result) : result;
  }

 private:
  at::Tensor rows(const at::Tensor& x) const {
    if (moved_) return x.transpose(0, 1).flatten(1);
    return x.contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast
                                     : at::MemoryFormat::Contiguous);
  }
  at::Tensor unstack(const at::Tensor& x) const {
    return x.view({x.size(0), members_, -1}).transpose(0, 1);
  }

  static T* row(const at::Tensor& numbers, std::int64_t member) {
    return numbers.template mutable_data_ptr<T>() + member * numbers.stride(0);
  }

  /// (index, member, channel of the member) for every channel of the rows.
  template <typename Do>
  void each(Do run) const {
    const auto channels = static_cast<std::int64_t>(center_.size()) / members_;
    for (std::int64_t member = 0; member < members_; ++member)
      for (std::int64_t c = 0; c < channels; ++c)
        run(static_cast<std::size_t>(member * channels + c), member, c);
  }

  kernels::Norm<T> norm(const at::Tensor& input) const {
    const auto channels = static_cast<std::int64_t>(center_.size());
    return {input.numel() / channels,
            channels,
            input.template const_data_ptr<T>(),
            center_.data(),
            scale_.data(),
            shift_.data(),
            relu_,
            pool_width_};
  }

  /// The batch's own moments, from its first row so that nothing cancels; they move the running
  /// ones.
  void measure(const at::Tensor& input) {
    const auto* numbers = input.template const_data_ptr<T>();
    const auto channels = static_cast<std::int64_t>(center_.size());
    const std::int64_t rows = input.numel() / channels;
    kernels::moments(rows, channels, numbers, numbers, sum_.data(), product_.data());
    const auto count = static_cast<double>(rows);
    const auto move = [&](T& running, double now) {
      running = static_cast<T>((1 - momentum_) * static_cast<double>(running) + momentum_ * now);
    };
    each([&](std::size_t i, std::int64_t member, std::int64_t c) {
      const double shift = sum_[i] / count;
      const double variance = std::max(product_[i] / count - shift * shift, 0.0);
      const double mean = static_cast<double>(numbers[i]) + shift;
      move(row(mean_, member)[c], mean);
      move(row(variance_, member)[c], variance * count / (count - 1));
      center_[i] = static_cast<T>(mean);
      inverse_[i] = 1 / std::sqrt(variance + eps_);
    });
  }

  /// What a pass over the rows needs; the moments are the batch's or the running ones.
  void prepare(bool measured) {
    each([&](std::size_t i, std::int64_t member, std::int64_t c) {
      if (!measured) {
        center_[i] = row(mean_, member)[c];
        inverse_[i] = 1 / std::sqrt(static_cast<double>(row(variance_, member)[c]) + eps_);
      }
      scale_[i] = static_cast<T>(static_cast<double>(row(weight_.value, member)[c]) * inverse_[i]);
      shift_[i] = row(bias_.value, member)[c];
    });
  }

  bool moved_;
  bool input_gradient_;
  bool relu_;
  std::int64_t pool_width_;  ///< As in kernels::Norm.
  double eps_;
  double momentum_;
  Slot weight_;
  Slot bias_;
  at::Tensor mean_;
  at::Tensor variance_;
  std::int64_t members_;
  std::vector<T> center_, scale_, shift_;  ///< Of all members' channels.
  std::vector<double> inverse_;            ///< One over the deviation.
  std::vector<double> sum_, product_;
  at::Tensor input_;
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

LayerPtr make_plain_batch_norm(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                               Slot bias, at::Tensor mean, at::Tensor variance, bool relu,
                               bool pool) {
  if (weight.value.scalar_type() == at::kDouble)
    return std::make_unique<PlainBatchNorm<double>>(layer, options, std::move(weight),
                                                    std::move(bias), std::move(mean),
                                                    std::move(variance), relu, pool);
  return std::make_unique<PlainBatchNorm<float>>(layer, options, std::move(weight), std::move(bias),
                                                 std::move(mean), std::move(variance), relu, pool);
}

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
