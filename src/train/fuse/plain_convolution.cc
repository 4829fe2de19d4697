#include <algorithm>
#include <vector>

#include <ATen/ATen.h>

#include "base/check.h"
#include "train/fuse/kernels.h"
#include "train/fuse/layer.h"

namespace clavier::train {
namespace {

/// Every row of the sums is a whole number of the widest vectors.
std::int64_t round_up(std::int64_t count) { return (count + 15) / 16 * 16; }

/// Sizes of one convolution. A plane is treated as one long row: output position y·W + x reads
/// y·W + x + offset for every tap, so that the inner loop never meets an edge. The few positions
/// between two rows are computed and ignored.
struct Planes {
  std::int64_t channels, height, width;  ///< Of the input as it comes.
  std::int64_t padding, kernel;
  std::int64_t padded_height, padded_width;
  std::int64_t rows, out_height, out_width;  ///< rows: output channels.
  std::int64_t margin;                       ///< The largest offset.
  std::int64_t length;                       ///< Output positions, rounded up.
  std::int64_t area;                         ///< Input positions, rounded up.
  std::int64_t in_stride, gradient_stride;
  std::vector<std::int64_t> offsets, reversed;

  explicit Planes(const ShapedLayer& layer)
      : channels(layer.in.sizes[0]),
        height(layer.in.sizes[1]),
        width(layer.in.sizes[2]),
        padding(layer.spec.padding),
        kernel(layer.spec.kernel),
        padded_height(height + 2 * padding),
        padded_width(width + 2 * padding),
        rows(layer.spec.out),
        out_height(padded_height - kernel + 1),
        out_width(padded_width - kernel + 1),
        margin((kernel - 1) * padded_width + kernel - 1),
        length(round_up((out_height - 1) * padded_width + out_width)),
        area(round_up(padded_height * padded_width)),
        in_stride(round_up(std::max(area, length + margin))),
        gradient_stride(round_up(margin + std::max(area, length))) {
    for (std::int64_t y = 0; y < kernel; ++y)
      for (std::int64_t x = 0; x < kernel; ++x) offsets.push_back(y * padded_width + x);
    for (std::int64_t offset : offsets) reversed.push_back(margin - offset);
  }
  std::int64_t taps() const { return kernel * kernel; }
};

template <typename T>
class PlainConvolution : public Layer {
 public:
  PlainConvolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight, Slot bias,
                   bool relu, std::int64_t pool)
      : options_(options),
        planes_(layer),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        relu_(relu),
        pool_(pool),
        final_height_(planes_.out_height / pool),
        final_width_(planes_.out_width / pool),
        unkept_(static_cast<std::size_t>(final_height_ * final_width_)),
        in_(static_cast<std::size_t>(kChunk * planes_.channels * planes_.in_stride)),
        out_(static_cast<std::size_t>(planes_.rows * planes_.length)),
        gradient_(static_cast<std::size_t>(kChunk * planes_.rows * planes_.gradient_stride)),
        in_gradient_(static_cast<std::size_t>(planes_.channels * planes_.area)) {}

  at::Tensor forward(const at::Tensor& given, const Pass& pass) override {
    const at::Tensor input = given.contiguous();
    const std::int64_t batch = input.size(0);
    at::Tensor output = at::empty(
        {batch, options_.members * planes_.rows, final_height_, final_width_}, input.options());
    places_ = at::Tensor();
    if (pass.training && (pool_ > 1 || relu_))
      places_ = at::empty(output.sizes(), input.options().dtype(at::kInt));
    for (std::int64_t n = 0; n < batch; ++n) {
      for (std::int64_t member = 0; member < options_.members; ++member) {
        if (member == 0 || !options_.shared) pad(input, n, member, in_.data());
        convolve(member);
        finish(output, n, member);
      }
    }
    if (pass.training) input_ = input;
    return output;
  }

  at::Tensor backward(at::Tensor gradient) override {
    gradient = gradient.contiguous();
    const at::Tensor input = std::move(input_);
    const std::int64_t batch = input.size(0);
    weight_.gradient.zero_();
    if (bias_.value.defined()) bias_.gradient.zero_();
    at::Tensor result;
    if (options_.input_gradient) {
      CHECK(!options_.shared, "a shared input has no gradient");
      result = at::empty(input.sizes(), input.options());
    }
    for (std::int64_t member = 0; member < options_.members; ++member) {
      for (std::int64_t first = 0; first < batch; first += kChunk) {
        const std::int64_t count = std::min(kChunk, batch - first);
        for (std::int64_t i = 0; i < count; ++i) {
          pad(input, first + i, member, in_.data() + i * planes_.channels * planes_.in_stride);
          spread(gradient, first + i, member,
                 gradient_.data() + i * planes_.rows * planes_.gradient_stride);
        }
        weight_gradient(member, count);
        for (std::int64_t i = 0; result.defined() && i < count; ++i)
          input_gradient(result, first + i, member, i);
      }
    }
    places_.reset();
    return result;
  }

 private:
  static constexpr std::int64_t kChunk = 4;  ///< Samples whose planes stay in the cache.

  T* member_gradient(const Slot& slot, std::int64_t member) const {
    return slot.gradient.template mutable_data_ptr<T>() + member * slot.gradient.stride(0);
  }
  const T* member_value(const Slot& slot, std::int64_t member) const {
    return slot.value.template const_data_ptr<T>() + member * slot.value.stride(0);
  }

  /// One sample's planes with their border of zeros.
  void pad(const at::Tensor& input, std::int64_t n, std::int64_t member, T* to) const {
    const Planes& p = planes_;
    const std::int64_t plane = p.height * p.width;
    const std::int64_t group = options_.shared ? 0 : member;
    const T* from =
        input.template const_data_ptr<T>() + n * input.stride(0) + group * p.channels * plane;
    for (std::int64_t c = 0; c < p.channels; ++c, from += plane, to += p.in_stride) {
      if (p.padding == 0) {
        std::copy(from, from + plane, to);
        std::fill(to + plane, to + p.in_stride, T(0));
        continue;
      }
      std::fill(to, to + p.in_stride, T(0));
      for (std::int64_t y = 0; y < p.height; ++y)
        std::copy(from + y * p.width, from + (y + 1) * p.width,
                  to + (y + p.padding) * p.padded_width + p.padding);
    }
  }

  void convolve(std::int64_t member) {
    const Planes& p = planes_;
    kernels::correlate({in_.data(), p.channels, p.in_stride, p.offsets.data(), p.taps()},
                       {member_value(weight_, member), p.channels * p.taps(), p.taps()}, p.rows,
                       out_.data(), p.length, p.length);
  }

  /// Bias, pooling and ReLU; remembers where each value came from.
  void finish(at::Tensor& output, std::int64_t n, std::int64_t member) {
    const std::int64_t area = final_height_ * final_width_;
    const std::int64_t start = n * output.stride(0) + member * planes_.rows * area;
    T* to = output.template mutable_data_ptr<T>() + start;
    const bool keep = places_.defined();
    int* place = keep ? places_.template mutable_data_ptr<int>() + start : unkept_.data();
    for (std::int64_t o = 0; o < planes_.rows; ++o, to += area) {
      kernels::pool(
          {out_.data() + o * planes_.length, planes_.padded_width, pool_, final_height_,
           final_width_, bias_.value.defined() ? member_value(bias_, member)[o] : T(0), relu_},
          to, place);
      if (keep) place += area;
    }
  }

  /// The gradient at the positions of the convolution's output, zero elsewhere; sums the bias's.
  void spread(const at::Tensor& gradient, std::int64_t n, std::int64_t member, T* to) {
    const std::int64_t area = final_height_ * final_width_;
    const std::int64_t start = n * gradient.stride(0) + member * planes_.rows * area;
    const T* from = gradient.template const_data_ptr<T>() + start;
    const int* place = places_.defined() ? places_.template const_data_ptr<int>() + start : nullptr;
    for (std::int64_t o = 0; o < planes_.rows; ++o, to += planes_.gradient_stride) {
      std::fill(to, to + planes_.gradient_stride, T(0));
      T* plane = to + planes_.margin;
      T sum = 0;
      for (std::int64_t y = 0; y < final_height_; ++y) {
        for (std::int64_t x = 0; x < final_width_; ++x, ++from) {
          const std::int64_t at = place ? *place++ : y * planes_.padded_width + x;
          if (at < 0) continue;
          plane[at] = *from;
          sum += *from;
        }
      }
      if (bias_.value.defined()) member_gradient(bias_, member)[o] += sum;
    }
  }

  void weight_gradient(std::int64_t member, std::int64_t count) {
    const Planes& p = planes_;
    for (std::int64_t c = 0; c < p.channels; ++c)
      kernels::dots({gradient_.data() + p.margin, p.rows, p.gradient_stride,
                     p.rows * p.gradient_stride, in_.data() + c * p.in_stride, p.offsets.data(),
                     p.taps(), p.channels * p.in_stride, count, p.length},
                    member_gradient(weight_, member) + c * p.taps(), p.channels * p.taps(), 1);
  }

  void input_gradient(at::Tensor& result, std::int64_t n, std::int64_t member, std::int64_t i) {
    const Planes& p = planes_;
    kernels::correlate({gradient_.data() + i * p.rows * p.gradient_stride, p.rows,
                        p.gradient_stride, p.reversed.data(), p.taps()},
                       {member_value(weight_, member), p.taps(), p.channels * p.taps()}, p.channels,
                       in_gradient_.data(), p.area, p.area);
    const std::int64_t plane = p.height * p.width;
    T* to =
        result.template mutable_data_ptr<T>() + n * result.stride(0) + member * p.channels * plane;
    for (std::int64_t c = 0; c < p.channels; ++c) {
      const T* from = in_gradient_.data() + c * p.area + p.padding * p.padded_width + p.padding;
      for (std::int64_t y = 0; y < p.height; ++y, from += p.padded_width, to += p.width)
        std::copy(from, from + p.width, to);
    }
  }

  LayerOptions options_;
  Planes planes_;
  Slot weight_;
  Slot bias_;
  bool relu_;
  std::int64_t pool_;
  std::int64_t final_height_;
  std::int64_t final_width_;
  std::vector<int> unkept_;                           ///< Places in evaluation.
  std::vector<T> in_, out_, gradient_, in_gradient_;  ///< Planes of a few samples.
  at::Tensor input_;
  at::Tensor places_;
};

}  // namespace

LayerPtr make_plain_convolution(const ShapedLayer& layer, const LayerOptions& options, Slot weight,
                                Slot bias, bool relu, std::int64_t pool) {
  if (weight.value.scalar_type() == at::kDouble)
    return std::make_unique<PlainConvolution<double>>(layer, options, std::move(weight),
                                                      std::move(bias), relu, pool);
  return std::make_unique<PlainConvolution<float>>(layer, options, std::move(weight),
                                                   std::move(bias), relu, pool);
}

}  // namespace clavier::train
