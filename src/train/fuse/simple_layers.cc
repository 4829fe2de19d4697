#include <ATen/ATen.h>

#include "base/check.h"
#include "base/rng.h"
#include "train/fuse/layer.h"

namespace clavier::train {
namespace {

/// Layers without parameters treat members as more channels, more samples or more features.
class Activation : public Layer {
 public:
  explicit Activation(LayerKind kind) : kind_(kind) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    at::Tensor output;
    if (kind_ == LayerKind::kRelu) output = at::relu(input);
    if (kind_ == LayerKind::kGelu) output = at::gelu(input);
    if (kind_ == LayerKind::kTanh) output = at::tanh(input);
    if (pass.training) kept_ = kind_ == LayerKind::kGelu ? input : output;
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    const at::Tensor kept = std::move(kept_);
    if (kind_ == LayerKind::kRelu) return at::threshold_backward(gradient, kept, 0);
    if (kind_ == LayerKind::kGelu) return at::gelu_backward(gradient, kept);
    return at::tanh_backward(gradient, kept);
  }

 private:
  LayerKind kind_;
  at::Tensor kept_;
};

class Pool : public Layer {
 public:
  Pool(const ShapedLayer& layer, const LayerOptions& options)
      : kind_(layer.spec.kind),
        stacked_(options.shared ? 1 : options.members),
        kernel_(2, layer.spec.kernel),
        stride_(2, layer.spec.stride),
        padding_(2, layer.spec.padding) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    if (pass.training) input_ = input;
    if (kind_ == LayerKind::kGlobalAvgPool) {
      const at::Tensor means = input.mean({2, 3});
      return stacked_ == 1 ? means : means.view({input.size(0), stacked_, -1}).transpose(0, 1);
    }
    if (kind_ == LayerKind::kAvgPool) return at::avg_pool2d(input, kernel_, stride_, padding_);
    auto [output, places] = at::max_pool2d_with_indices(input, kernel_, stride_, padding_);
    places_ = places;
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    const at::Tensor input = std::move(input_);
    if (kind_ == LayerKind::kGlobalAvgPool) {
      const double area = static_cast<double>(input.size(2) * input.size(3));
      if (stacked_ > 1) gradient = gradient.transpose(0, 1).flatten(1);
      return (gradient / area).unsqueeze(-1).unsqueeze(-1).expand(input.sizes()).contiguous();
    }
    if (kind_ == LayerKind::kAvgPool)
      return at::avg_pool2d_backward(gradient, input, kernel_, stride_, padding_, false, true, {});
    const auto format = input.suggest_memory_format();
    return at::max_pool2d_with_indices_backward(gradient.contiguous(format),
                                                input.contiguous(format), kernel_, stride_,
                                                padding_, {1, 1}, false, places_);
  }

 private:
  LayerKind kind_;
  std::int64_t stacked_;  ///< Members on the channels.
  std::vector<std::int64_t> kernel_;
  std::vector<std::int64_t> stride_;
  std::vector<std::int64_t> padding_;
  at::Tensor input_;
  at::Tensor places_;
};

/// What a member's activations look like without its neighbours': (N, F·C, …) or (F, N, D) become
/// (F, N, …), a view.
at::Tensor by_member(const at::Tensor& x, std::int64_t members, bool image) {
  if (members == 1) return x.unsqueeze(0);
  if (!image) return x;
  return x.view({x.size(0), members, x.size(1) / members, x.size(2), x.size(3)}).transpose(0, 1);
}

class Flatten : public Layer {
 public:
  Flatten(const ShapedLayer& layer, const LayerOptions& options)
      : image_(layer.in.image()),
        several_(options.members > 1 && !options.shared),
        members_(options.members) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    if (!image_) return input;
    if (pass.training) sizes_ = input.sizes().vec();
    if (!several_) return input.flatten(1);
    return by_member(input.contiguous(), members_, true).flatten(2);
  }

  at::Tensor backward(at::Tensor gradient) override {
    if (!image_) return gradient;
    if (!several_) return gradient.reshape(sizes_);
    return gradient.transpose(0, 1).reshape(sizes_);
  }

 private:
  bool image_;
  bool several_;
  std::int64_t members_;
  std::vector<std::int64_t> sizes_;
};

/// A member's mask is drawn from its trial's seed, the layer and the step, so that a trial sees the
/// same masks alone, in any place of an array, on any device, and after a resume.
class Dropout : public Layer {
 public:
  Dropout(const ShapedLayer& layer, const LayerOptions& options)
      : number_(layer.dropout),
        probability_(layer.spec.probability),
        image_(layer.in.image()),
        members_(options.members) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    mask_.reset();
    const auto probability = [&](std::int64_t member) {
      return pass.dropout.empty() ? probability_
                                  : pass.dropout[static_cast<std::size_t>(member)].at(
                                        static_cast<std::size_t>(number_));
    };
    bool any = false;
    for (std::int64_t member = 0; member < members_; ++member) any |= probability(member) > 0;
    if (!pass.training || !any) return input;
    CHECK(static_cast<std::int64_t>(pass.seeds.size()) == members_, "one seed per member");
    const at::Tensor x = input.contiguous();
    const auto type = x.options().device(at::kCPU);
    at::Tensor mask = at::empty(by_member(x, members_, image_).sizes(), type);
    for (std::int64_t member = 0; member < members_; ++member) {
      at::Tensor own = mask[member];
      draw(own, probability(member),
           Rng::keyed(pass.seeds[static_cast<std::size_t>(member)], kDropoutWord, number_,
                      pass.step));
    }
    if (members_ == 1) mask = mask[0];
    if (members_ > 1 && image_) mask = mask.transpose(0, 1).reshape(x.sizes());
    mask_ = mask.to(x.device());
    return x * mask_;
  }

  at::Tensor backward(at::Tensor gradient) override {
    return mask_.defined() ? gradient * mask_ : gradient;
  }

 private:
  static constexpr std::uint64_t kDropoutWord = 0x64726f70;  // "drop"

  static void draw(at::Tensor& mask, double probability, Rng rng) {
    const double scale = 1 / (1 - probability);
    AT_DISPATCH_FLOATING_TYPES(mask.scalar_type(), "dropout", [&] {
      auto* numbers = mask.mutable_data_ptr<scalar_t>();
      for (std::int64_t i = 0; i < mask.numel(); ++i)
        numbers[i] = static_cast<scalar_t>(rng.uniform() < probability ? 0 : scale);
    });
  }

  int number_;
  double probability_;
  bool image_;
  std::int64_t members_;
  at::Tensor mask_;
};

class Expand : public Layer {
 public:
  Expand(const ShapedLayer& layer, const LayerOptions& options)
      : image_(layer.in.image()), members_(options.members) {}

  at::Tensor forward(const at::Tensor& input, const Pass&) override {
    if (image_) return input.repeat({1, members_, 1, 1});
    return input.unsqueeze(0).expand({members_, -1, -1}).contiguous();
  }
  at::Tensor backward(at::Tensor) override { return {}; }

 private:
  bool image_;
  std::int64_t members_;
};

class Mark : public Layer {
 public:
  Mark(std::size_t number, Stopwatch& watch) : number_(number), watch_(watch) {}

  at::Tensor forward(const at::Tensor& input, const Pass&) override {
    watch_.lap(watch_.current);
    watch_.current = number_;
    return input;
  }
  at::Tensor backward(at::Tensor gradient) override {
    watch_.lap(number_);
    return gradient;
  }

 private:
  std::size_t number_;
  Stopwatch& watch_;
};

class Residual : public Layer {
 public:
  Residual(std::vector<LayerPtr> body, std::vector<LayerPtr> shortcut, bool input_gradient,
           bool relu)
      : body_(std::move(body)),
        shortcut_(std::move(shortcut)),
        input_gradient_(input_gradient),
        relu_(relu) {}

  at::Tensor forward(const at::Tensor& input, const Pass& pass) override {
    at::Tensor long_way = input;
    for (const LayerPtr& layer : body_) long_way = layer->forward(long_way, pass);
    at::Tensor short_way = input;
    for (const LayerPtr& layer : shortcut_) short_way = layer->forward(short_way, pass);
    at::Tensor output = at::add(long_way, short_way);
    if (!relu_) return output;
    output.relu_();
    if (pass.training) output_ = output;
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    if (relu_) gradient = at::threshold_backward(gradient, output_, 0);
    output_.reset();
    at::Tensor short_way = gradient;
    for (auto layer = shortcut_.rbegin(); layer != shortcut_.rend() && short_way.defined(); ++layer)
      short_way = (*layer)->backward(std::move(short_way));
    for (auto layer = body_.rbegin(); layer != body_.rend() && gradient.defined(); ++layer)
      gradient = (*layer)->backward(std::move(gradient));
    return input_gradient_ ? at::add(gradient, short_way) : at::Tensor();
  }

 private:
  std::vector<LayerPtr> body_;
  std::vector<LayerPtr> shortcut_;
  bool input_gradient_;
  bool relu_;
  at::Tensor output_;
};

}  // namespace

LayerPtr make_activation(const ShapedLayer& layer) {
  return std::make_unique<Activation>(layer.spec.kind);
}
LayerPtr make_pool(const ShapedLayer& layer, const LayerOptions& options) {
  return std::make_unique<Pool>(layer, options);
}
LayerPtr make_flatten(const ShapedLayer& layer, const LayerOptions& options) {
  return std::make_unique<Flatten>(layer, options);
}
LayerPtr make_dropout(const ShapedLayer& layer, const LayerOptions& options) {
  return std::make_unique<Dropout>(layer, options);
}
LayerPtr make_expand(const ShapedLayer& layer, const LayerOptions& options) {
  return std::make_unique<Expand>(layer, options);
}
LayerPtr make_mark(std::size_t number, Stopwatch& watch) {
  return std::make_unique<Mark>(number, watch);
}
LayerPtr make_residual(std::vector<LayerPtr> body, std::vector<LayerPtr> shortcut,
                       const LayerOptions& options, bool relu) {
  return std::make_unique<Residual>(std::move(body), std::move(shortcut), options.input_gradient,
                                    relu);
}

}  // namespace clavier::train
