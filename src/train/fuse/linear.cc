#include <vector>

#include <ATen/ATen.h>

#include "train/fuse/kernels.h"
#include "train/fuse/layer.h"

namespace clavier::train {
namespace {

/// Up to this batch the call into the library costs more than it saves.
constexpr std::int64_t kPlainBatch = 32;

class Linear : public Layer {
 public:
  Linear(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias, bool relu)
      : options_(options),
        in_(layer.in.count()),
        out_(layer.out.count()),
        relu_(relu),
        weight_(std::move(weight)),
        bias_(std::move(bias)) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    const std::int64_t batch = input.size(-2);
    const bool plain = options_.plain && batch <= kPlainBatch;
    const at::Tensor dense = plain ? input.contiguous() : input;
    at::Tensor output = plain ? plain_forward(dense, batch) : library_forward(dense);
    if (pass.training) {
      input_ = dense;
      output_ = output;
      plain_pass_ = plain;
    }
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    const at::Tensor input = std::move(input_);
    if (relu_) gradient = at::threshold_backward(gradient, output_, 0);
    output_.reset();
    return plain_pass_ ? plain_backward(input, gradient.contiguous())
                       : library_backward(input, gradient);
  }

 private:
  std::int64_t members() const { return options_.members; }

  at::Tensor library_forward(const at::Tensor& input) {
    at::Tensor output;
    if (members() == 1) {
      const at::Tensor weight = weight_.value[0].t();
      output =
          bias_.value.defined() ? at::addmm(bias_.value[0], input, weight) : at::mm(input, weight);
    } else {
      const at::Tensor all =
          options_.shared ? input.unsqueeze(0).expand({members(), -1, -1}) : input;
      const at::Tensor weight = weight_.value.transpose(1, 2);
      output = bias_.value.defined() ? at::baddbmm(bias_.value.unsqueeze(1), all, weight)
                                     : at::bmm(all, weight);
    }
    return relu_ ? output.relu_() : output;
  }

  at::Tensor library_backward(const at::Tensor& input, const at::Tensor& gradient) {
    if (members() == 1) {
      at::Tensor by_weight = weight_.gradient[0];
      at::mm_out(by_weight, gradient.t(), input);
      if (bias_.value.defined()) bias_.gradient[0].copy_(gradient.sum(0));
      return options_.input_gradient ? at::mm(gradient, weight_.value[0]) : at::Tensor();
    }
    const at::Tensor all = options_.shared ? input.unsqueeze(0).expand({members(), -1, -1}) : input;
    weight_.gradient.baddbmm_(gradient.transpose(1, 2), all, 0);
    if (bias_.value.defined()) bias_.gradient.copy_(gradient.sum(1));
    return options_.input_gradient ? at::bmm(gradient, weight_.value) : at::Tensor();
  }

  at::Tensor plain_forward(const at::Tensor& input, std::int64_t batch) {
    at::Tensor output = members() == 1 ? at::empty({batch, out_}, input.options())
                                       : at::empty({members(), batch, out_}, input.options());
    rows(batch);
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "linear", [&] {
      for (std::int64_t member = 0; member < members(); ++member) {
        const auto* x = input.const_data_ptr<scalar_t>() + input_offset(member, batch);
        auto* y = output.mutable_data_ptr<scalar_t>() + member * batch * out_;
        start(member, batch, y);
        const auto* w = weight_.value.const_data_ptr<scalar_t>() + member * weight_.value.stride(0);
        kernels::dots({w, out_, in_, 0, x, rows_.data(), batch, 0, 1, in_}, y, 1, out_);
        if (relu_)
          for (std::int64_t i = 0; i < batch * out_; ++i) y[i] = y[i] <= 0 ? scalar_t(0) : y[i];
      }
    });
    return output;
  }

  at::Tensor plain_backward(const at::Tensor& input, const at::Tensor& gradient) {
    const std::int64_t batch = input.size(-2);
    static constexpr std::int64_t kHere = 0;
    at::Tensor result;
    if (options_.input_gradient) result = at::empty(input.sizes(), input.options());
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "linear", [&] {
      for (std::int64_t member = 0; member < members(); ++member) {
        const auto* x = input.const_data_ptr<scalar_t>() + input_offset(member, batch);
        const auto* g = gradient.const_data_ptr<scalar_t>() + member * batch * out_;
        auto* gw =
            weight_.gradient.mutable_data_ptr<scalar_t>() + member * weight_.gradient.stride(0);
        kernels::correlate({x, batch, in_, &kHere, 1}, {g, 1, out_}, out_, gw, in_, in_);
        if (bias_.value.defined()) {
          auto* gb =
              bias_.gradient.mutable_data_ptr<scalar_t>() + member * bias_.gradient.stride(0);
          std::fill(gb, gb + out_, scalar_t(0));
          for (std::int64_t n = 0; n < batch; ++n)
            for (std::int64_t o = 0; o < out_; ++o) gb[o] += g[n * out_ + o];
        }
        if (!result.defined()) continue;
        const auto* w = weight_.value.const_data_ptr<scalar_t>() + member * weight_.value.stride(0);
        auto* gx = result.mutable_data_ptr<scalar_t>() + member * batch * in_;
        kernels::correlate({w, out_, in_, &kHere, 1}, {g, out_, 1}, batch, gx, in_, in_);
      }
    });
    return result;
  }

  std::int64_t input_offset(std::int64_t member, std::int64_t batch) const {
    return options_.shared ? 0 : member * batch * in_;
  }

  /// Where each sample's row begins.
  void rows(std::int64_t batch) {
    for (std::int64_t n = static_cast<std::int64_t>(rows_.size()); n < batch; ++n)
      rows_.push_back(n * in_);
  }

  /// Every row starts as the bias.
  template <typename T>
  void start(std::int64_t member, std::int64_t batch, T* y) {
    if (!bias_.value.defined()) {
      std::fill(y, y + batch * out_, T(0));
      return;
    }
    const T* b = bias_.value.const_data_ptr<T>() + member * bias_.value.stride(0);
    for (std::int64_t n = 0; n < batch; ++n) std::copy(b, b + out_, y + n * out_);
  }

  LayerOptions options_;
  std::int64_t in_;
  std::int64_t out_;
  bool relu_;
  Slot weight_;
  Slot bias_;
  std::vector<std::int64_t> rows_;
  at::Tensor input_;
  at::Tensor output_;
  bool plain_pass_ = false;
};

}  // namespace

LayerPtr make_linear(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias,
                     bool relu) {
  return std::make_unique<Linear>(layer, options, std::move(weight), std::move(bias), relu);
}

}  // namespace clavier::train
