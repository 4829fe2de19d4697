#include "train/fuse/norm_kernels.h"

#include <algorithm>

#include "train/fuse/dispatch.h"

/// Sums run over a few rows in the numbers' own precision, and from there on in double. Whether the
/// ReLU cut a number is computed again from the input, which is cheaper than reading the output.
namespace clavier::train::kernels {
namespace {

constexpr std::int64_t kRows = 8;

template <typename T>
CLAVIER_INLINE T normal(const Norm<T>& norm, T x, std::int64_t c) {
  return (x - norm.mean[c]) * norm.scale[c] + norm.shift[c];
}

template <int, typename T>
CLAVIER_INLINE void moments_body(std::int64_t rows, std::int64_t channels,
                                 const T* __restrict values, const T* __restrict origin,
                                 double* __restrict sum, double* __restrict square) {
  std::fill(sum, sum + channels, 0.0);
  std::fill(square, square + channels, 0.0);
  std::int64_t row = 0;
  for (; row + kRows <= rows; row += kRows) {
    const T* __restrict x = values + row * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      T s = 0;
      T q = 0;
#pragma GCC unroll 8
      for (std::int64_t i = 0; i < kRows; ++i) {
        const T d = x[i * channels + c] - origin[c];
        s += d;
        q += d * d;
      }
      sum[c] += static_cast<double>(s);
      square[c] += static_cast<double>(q);
    }
  }
  for (; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const double d = static_cast<double>(values[row * channels + c] - origin[c]);
      sum[c] += d;
      square[c] += d * d;
    }
  }
}

template <bool Relu, typename T>
CLAVIER_INLINE void normalise_rows(const Norm<T>& norm, T* __restrict out) {
  for (std::int64_t row = 0; row < norm.rows; ++row) {
    const T* __restrict x = norm.values + row * norm.channels;
    T* __restrict y = out + row * norm.channels;
    for (std::int64_t c = 0; c < norm.channels; ++c) {
      const T value = normal(norm, x[c], c);
      y[c] = Relu && value <= 0 ? T(0) : value;
    }
  }
}

template <int, typename T>
CLAVIER_INLINE void normalise_body(const Norm<T>& norm, T* out) {
  norm.relu ? normalise_rows<true>(norm, out) : normalise_rows<false>(norm, out);
}

/// `Count` rows at once.
template <bool Relu, std::int64_t Count, typename T>
CLAVIER_INLINE void sum_block(const Norm<T>& norm, std::int64_t row, const T* gradient,
                              double* __restrict sum, double* __restrict product) {
  const std::int64_t channels = norm.channels;
  const T* __restrict x = norm.values + row * channels;
  const T* __restrict g = gradient + row * channels;
  const T* __restrict mean = norm.mean;
  const T* __restrict scale = norm.scale;
  const T* __restrict shift = norm.shift;
  for (std::int64_t c = 0; c < channels; ++c) {
    T s = 0;
    T p = 0;
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < Count; ++i) {
      const T d = x[i * channels + c] - mean[c];
      const T passed = Relu && d * scale[c] + shift[c] <= 0 ? T(0) : g[i * channels + c];
      s += passed;
      p += passed * d;
    }
    sum[c] += static_cast<double>(s);
    product[c] += static_cast<double>(p);
  }
}

template <bool Relu, typename T>
CLAVIER_INLINE void sum_rows(const Norm<T>& norm, const T* gradient, double* sum, double* product) {
  std::int64_t row = 0;
  for (; row + kRows <= norm.rows; row += kRows)
    sum_block<Relu, kRows>(norm, row, gradient, sum, product);
  for (; row < norm.rows; ++row) sum_block<Relu, 1>(norm, row, gradient, sum, product);
}

template <int, typename T>
CLAVIER_INLINE void norm_sums_body(const Norm<T>& norm, const T* gradient, double* sum,
                                   double* product) {
  std::fill(sum, sum + norm.channels, 0.0);
  std::fill(product, product + norm.channels, 0.0);
  norm.relu ? sum_rows<true>(norm, gradient, sum, product)
            : sum_rows<false>(norm, gradient, sum, product);
}

template <bool Relu, typename T>
CLAVIER_INLINE void gradient_rows(const Norm<T>& norm, const T* __restrict gradient,
                                  const T* __restrict slope, const T* __restrict offset,
                                  T* __restrict out) {
  for (std::int64_t row = 0; row < norm.rows; ++row) {
    const std::int64_t start = row * norm.channels;
    const T* __restrict x = norm.values + start;
    const T* __restrict g = gradient + start;
    T* __restrict y = out + start;
    for (std::int64_t c = 0; c < norm.channels; ++c) {
      const T passed = Relu && normal(norm, x[c], c) <= 0 ? T(0) : g[c];
      y[c] = norm.scale[c] * passed + slope[c] * (x[c] - norm.mean[c]) + offset[c];
    }
  }
}

template <int, typename T>
CLAVIER_INLINE void norm_gradient_body(const Norm<T>& norm, const T* gradient, const T* slope,
                                       const T* offset, T* out) {
  norm.relu ? gradient_rows<true>(norm, gradient, slope, offset, out)
            : gradient_rows<false>(norm, gradient, slope, offset, out);
}

}  // namespace

#define CLAVIER_NORM(T)                                                                         \
  CLAVIER_DISPATCH(moments, moments_body,                                                       \
                   (std::int64_t rows, std::int64_t channels, const T* values, const T* origin, \
                    double* sum, double* square),                                               \
                   (rows, channels, values, origin, sum, square))                               \
  CLAVIER_DISPATCH(normalise, normalise_body, (const Norm<T>& norm, T* out), (norm, out))       \
  CLAVIER_DISPATCH(norm_sums, norm_sums_body,                                                   \
                   (const Norm<T>& norm, const T* gradient, double* sum, double* product),      \
                   (norm, gradient, sum, product))                                              \
  CLAVIER_DISPATCH(                                                                             \
      norm_gradient, norm_gradient_body,                                                        \
      (const Norm<T>& norm, const T* gradient, const T* slope, const T* offset, T* out),        \
      (norm, gradient, slope, offset, out))
CLAVIER_NORM(float)
CLAVIER_NORM(double)

}  // namespace clavier::train::kernels
