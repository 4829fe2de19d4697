#include <algorithm>

#include <ATen/ATen.h>

#include "train/fuse/kernels.h"
#include "train/fuse/layer.h"
#include "train/fuse/winograd.h"

/// Three forms, all on channels-last images and on the weights as they lie, in the flat buffer:
/// what is repacked in every step costs as much as the sums themselves where batches are small.
namespace clavier::train {
namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

at::Tensor images(const at::Tensor& like, std::int64_t channels, std::int64_t height,
                  std::int64_t width) {
  return at::empty({like.size(0), channels, height, width}, like.options().memory_format(kLast));
}

/// A channels-last image as a matrix (N·H·W, C), a view.
at::Tensor matrix(const at::Tensor& image) {
  return image.permute({0, 2, 3, 1}).view({-1, image.size(1)});
}

/// 1 x 1: one product of matrices, straight into the flat gradient.
class Pointwise : public Layer {
 public:
  Pointwise(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias)
      : stride_(layer.spec.stride),
        input_gradient_(options.input_gradient),
        bias_(std::move(bias)) {
    const std::vector<std::int64_t> sizes = {layer.spec.out, layer.in.sizes[0]};
    weight_ = {weight.value[0].view(sizes), weight.gradient[0].view(sizes)};
  }

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    const at::Tensor input = thinned(given).contiguous(kLast);
    at::Tensor output = images(input, weight_.value.size(0), input.size(2), input.size(3));
    at::Tensor rows = matrix(output);
    at::mm_out(rows, matrix(input), weight_.value.t());
    if (bias_.value.defined()) rows.add_(bias_.value[0]);
    if (pass.training) {
      input_ = input;
      sizes_ = given.sizes().vec();
    }
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    gradient = gradient.contiguous(kLast);
    const at::Tensor input = std::move(input_);
    const at::Tensor rows = matrix(gradient);
    at::mm_out(weight_.gradient, rows.t(), matrix(input));
    if (bias_.value.defined()) bias_.gradient[0].copy_(rows.sum(0));
    if (!input_gradient_) return {};
    at::Tensor result = images(gradient, input.size(1), input.size(2), input.size(3));
    at::Tensor result_rows = matrix(result);
    at::mm_out(result_rows, rows, weight_.value);
    if (stride_ == 1) return result;
    at::Tensor whole = images(result, sizes_[1], sizes_[2], sizes_[3]).zero_();
    thinned(whole).copy_(result);
    return whole;
  }

 private:
  at::Tensor thinned(const at::Tensor& x) const {
    return stride_ == 1 ? x : x.slice(2, 0, x.size(2), stride_).slice(3, 0, x.size(3), stride_);
  }

  std::int64_t stride_;
  bool input_gradient_;
  Slot weight_;
  Slot bias_;
  at::Tensor input_;
  std::vector<std::int64_t> sizes_;
};

/// Any other: the window of every output as a row, as the weights lie. A few samples at a time, so
/// that their rows stay in the cache.
template <typename T>
class Unrolled : public Layer {
 public:
  Unrolled(const ShapedLayer& layer, const LayerOptions& options, const Slot& weight, Slot bias)
      : windows_{layer.in.sizes[0], layer.in.sizes[1],  layer.in.sizes[2],  layer.spec.kernel,
                 layer.spec.stride, layer.spec.padding, layer.out.sizes[1], layer.out.sizes[2]},
        chunk_(std::max<std::int64_t>(1, kCache / (windows_.rows() * windows_.columns()))),
        input_gradient_(options.input_gradient),
        bias_(std::move(bias)) {
    const std::vector<std::int64_t> sizes = {layer.spec.out, windows_.columns()};
    weight_ = {weight.value[0].view(sizes), weight.gradient[0].view(sizes)};
  }

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    const at::Tensor input = given.contiguous(kLast);
    at::Tensor output =
        images(input, weight_.value.size(0), windows_.out_height, windows_.out_width);
    in_chunks(input, [&](std::int64_t first, std::int64_t count) {
      at::Tensor rows = matrix(output.narrow(0, first, count));
      at::mm_out(rows, unrolled(input, first, count), weight_.value.t());
    });
    if (bias_.value.defined()) matrix(output).add_(bias_.value[0]);
    if (pass.training) input_ = input;
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    gradient = gradient.contiguous(kLast);
    const at::Tensor input = std::move(input_);
    at::Tensor result;
    if (input_gradient_)
      result = images(input, windows_.channels, windows_.height, windows_.width).zero_();
    in_chunks(input, [&](std::int64_t first, std::int64_t count) {
      const at::Tensor rows = matrix(gradient.narrow(0, first, count));
      at::Tensor window = unrolled(input, first, count);
      if (first == 0)
        at::mm_out(weight_.gradient, rows.t(), window);
      else
        weight_.gradient.addmm_(rows.t(), window);
      if (!result.defined()) return;
      at::mm_out(window, rows, weight_.value);
      each_sample(result, window, first, count,
                  [&](T* image, T* from) { kernels::roll(windows_, from, image); });
    });
    if (bias_.value.defined()) bias_.gradient[0].copy_(matrix(gradient).sum(0));
    return result;
  }

 private:
  static constexpr std::int64_t kCache = 1 << 19;  ///< Numbers.

  template <typename Do>
  void in_chunks(const at::Tensor& input, Do run) const {
    for (std::int64_t first = 0; first < input.size(0); first += chunk_)
      run(first, std::min(chunk_, input.size(0) - first));
  }

  template <typename Do>
  void each_sample(const at::Tensor& images, const at::Tensor& rows, std::int64_t first,
                   std::int64_t count, Do run) const {
    for (std::int64_t i = 0; i < count; ++i)
      run(images.mutable_data_ptr<T>() + (first + i) * images.stride(0),
          rows.mutable_data_ptr<T>() + i * windows_.rows() * windows_.columns());
  }

  at::Tensor unrolled(const at::Tensor& input, std::int64_t first, std::int64_t count) const {
    at::Tensor rows = at::empty({count * windows_.rows(), windows_.columns()}, input.options());
    each_sample(input, rows, first, count,
                [&](const T* image, T* to) { kernels::unroll(windows_, image, to); });
    return rows;
  }

  kernels::Unrolling windows_;
  std::int64_t chunk_;  ///< Samples at a time.
  bool input_gradient_;
  Slot weight_;
  Slot bias_;
  at::Tensor input_;
};

/// 3 x 3 by Winograd's transforms. A few samples at a time, so that their planes stay in the cache.
template <typename T>
class Winograd : public Layer {
 public:
  Winograd(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias)
      : one_{1, layer.in.sizes[1], layer.in.sizes[2], layer.in.sizes[0]},
        out_(layer.spec.out),
        chunk_(std::max<std::int64_t>(1, tiles() / one_.tiles())),
        input_gradient_(options.input_gradient),
        weight_{weight.value[0], weight.gradient[0]},
        bias_(std::move(bias)),
        unrolled_(layer, options, weight, bias_) {}

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    if (few(given.size(0))) return unrolled_.forward(given, pass);
    const at::Tensor input = given.contiguous(kLast);
    at::Tensor output = images(input, out_, one_.height, one_.width);
    const at::Tensor weight = planes(out_, one_.channels, input);
    transform(kernels::Transform::kWeight, windows(), weight_.value, weight);
    in_chunks(input.size(0), [&](std::int64_t first, std::int64_t count) {
      const at::Tensor from = to_planes(input, first, count);
      at::Tensor to = planes(count * one_.tiles(), out_, input);
      at::bmm_out(to, from, weight.transpose(1, 2));
      transform(kernels::Transform::kOutput, sized(count, out_), output.narrow(0, first, count),
                to);
    });
    if (bias_.value.defined()) matrix(output).add_(bias_.value[0]);
    if (pass.training) {
      input_ = input;
      planes_ = weight;
    }
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    if (few(gradient.size(0))) return unrolled_.backward(std::move(gradient));
    gradient = gradient.contiguous(kLast);
    const at::Tensor input = std::move(input_);
    const at::Tensor weight = std::move(planes_);
    at::Tensor by_weight = at::empty_like(weight);
    at::Tensor result;
    if (input_gradient_) result = images(input, one_.channels, one_.height, one_.width).zero_();
    in_chunks(input.size(0), [&](std::int64_t first, std::int64_t count) {
      at::Tensor from = to_planes(input, first, count);
      at::Tensor to = planes(count * one_.tiles(), out_, input);
      transform(kernels::Transform::kOutputGradient, sized(count, out_),
                gradient.narrow(0, first, count), to);
      by_weight.baddbmm_(to.transpose(1, 2), from, first == 0 ? 0 : 1);
      if (!result.defined()) return;
      at::bmm_out(from, to, weight);
      transform(kernels::Transform::kInputGradient, sized(count, one_.channels),
                result.narrow(0, first, count), from);
    });
    transform(kernels::Transform::kWeightGradient, windows(), weight_.gradient, by_weight);
    if (bias_.value.defined()) bias_.gradient[0].copy_(matrix(gradient).sum(0));
    return result;
  }

 private:
  /// Of one product, about: their planes fit into the second cache, where so many products still
  /// make good use of the weights'.
  std::int64_t tiles() const {
    constexpr std::int64_t kCache = 1 << 21;
    const auto bytes = kernels::kPlanes * (one_.channels + out_) * std::int64_t{sizeof(T)};
    return std::clamp<std::int64_t>(kCache / bytes, 128, 512);
  }

  /// The transforms of the weights take as long as some twenty more tiles, and a small image does
  /// not fill its tile: then the direct form has less to do.
  bool few(std::int64_t batch) const {
    constexpr std::int64_t kWeights = 20;
    return kernels::kPlanes * (batch * one_.tiles() + kWeights) >
           9 * batch * one_.height * one_.width;
  }

  kernels::Images windows() const { return {1, 3, 3, out_ * one_.channels}; }

  kernels::Images sized(std::int64_t samples, std::int64_t channels) const {
    return {samples, one_.height, one_.width, channels};
  }

  static at::Tensor planes(std::int64_t rows, std::int64_t columns, const at::Tensor& like) {
    return at::empty({kernels::kPlanes, rows, columns}, like.options());
  }

  static void transform(kernels::Transform which, const kernels::Images& images,
                        const at::Tensor& image, const at::Tensor& planes) {
    kernels::winograd(which, images, image.mutable_data_ptr<T>(), planes.mutable_data_ptr<T>());
  }

  at::Tensor to_planes(const at::Tensor& input, std::int64_t first, std::int64_t count) const {
    const at::Tensor to = planes(count * one_.tiles(), one_.channels, input);
    transform(kernels::Transform::kInput, sized(count, one_.channels),
              input.narrow(0, first, count), to);
    return to;
  }

  template <typename Do>
  void in_chunks(std::int64_t batch, Do run) const {
    for (std::int64_t first = 0; first < batch; first += chunk_)
      run(first, std::min(chunk_, batch - first));
  }

  kernels::Images one_;  ///< One sample's input.
  std::int64_t out_;
  std::int64_t chunk_;  ///< Samples at a time.
  bool input_gradient_;
  Slot weight_;
  Slot bias_;
  Unrolled<T> unrolled_;
  at::Tensor input_;
  at::Tensor planes_;  ///< The weights', of this pass.
};

/// Transforms of an image of so few channels gain nothing.
constexpr std::int64_t kLeastChannels = 4;

template <typename T>
LayerPtr make(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias) {
  const LayerSpec& spec = layer.spec;
  if (spec.kernel == 3 && spec.padding == 1 && spec.stride == 1 &&
      layer.in.sizes[0] >= kLeastChannels)
    return std::make_unique<Winograd<T>>(layer, options, std::move(weight), std::move(bias));
  return std::make_unique<Unrolled<T>>(layer, options, std::move(weight), std::move(bias));
}

}  // namespace

LayerPtr make_matrix_convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                                 Slot bias) {
  if (layer.spec.kernel == 1 && layer.spec.padding == 0)
    return std::make_unique<Pointwise>(layer, options, std::move(weight), std::move(bias));
  if (weight.value.scalar_type() == at::kDouble)
    return make<double>(layer, options, std::move(weight), std::move(bias));
  return make<float>(layer, options, std::move(weight), std::move(bias));
}

}  // namespace clavier::train
