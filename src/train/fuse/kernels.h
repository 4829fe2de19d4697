#pragma once

#include <cstdint>

/// The inner loops of training on a processor, for float and double. Networks of the size that
/// is tuned on a CPU spend their time in call overhead when every operator goes through a general
/// library; these loops know nothing but pointers. Vectorised for the machine at hand (AVX-512,
/// AVX2 or what the compiler assumes); the result depends on that choice only in rounding.
/// Single-threaded, no allocation.
namespace clavier::train::kernels {

/// Rows that are combined with weights: `planes` rows of `plane_stride` numbers, each read at
/// every one of `offsets`.
template <typename T>
struct Taps {
  const T* data;
  std::int64_t planes;
  std::int64_t plane_stride;
  const std::int64_t* offsets;
  std::int64_t offset_count;
};

/// weight(row, plane, offset) = data[row * row_stride + plane * plane_stride + offset].
template <typename T>
struct Weights {
  const T* data;
  std::int64_t row_stride;
  std::int64_t plane_stride;
};

/// out[row][p] = Σ over planes and offsets of weight(row, plane, k) · in[plane][p + offsets[k]]
/// for p in [0, length): convolutions, their gradients by the input, products of matrices.
void correlate(const Taps<float>& in, const Weights<float>& weights, std::int64_t rows, float* out,
               std::int64_t out_stride, std::int64_t length);
void correlate(const Taps<double>& in, const Weights<double>& weights, std::int64_t rows,
               double* out, std::int64_t out_stride, std::int64_t length);

/// `batches` pairs of (rows of a, one b), `a_batch` and `b_batch` numbers apart.
template <typename T>
struct Dots {
  const T* a;
  std::int64_t rows;
  std::int64_t row_stride;
  std::int64_t a_batch;
  const T* b;
  const std::int64_t* offsets;
  std::int64_t offset_count;
  std::int64_t b_batch;
  std::int64_t batches;
  std::int64_t length;
};

/// out[row * row_stride + k * k_stride] += Σ over batches and p of a[row][p] · b[p + offsets[k]]:
/// gradients by the weights, products with a transposed matrix.
void dots(const Dots<float>& in, float* out, std::int64_t out_row_stride, std::int64_t k_stride);
void dots(const Dots<double>& in, double* out, std::int64_t out_row_stride, std::int64_t k_stride);

/// What follows a convolution's sums: bias, the largest of each window, ReLU.
template <typename T>
struct Windows {
  const T* sums;
  std::int64_t stride;  ///< Between two rows of sums.
  std::int64_t edge;    ///< Of a window, without overlap; 1: no pooling.
  std::int64_t height;  ///< Windows.
  std::int64_t width;
  T bias;
  bool relu;
};

/// `out` gets the values, `place` the position in `sums` that each came from, or -1 where the ReLU
/// cut it off; of equals, the first in reading order. NaN is the largest of all and is not cut, so
/// that a broken network shows.
void pool(const Windows<float>& in, float* out, int* place);
void pool(const Windows<double>& in, double* out, int* place);

/// How a convolution's windows lie in one channels-last image.
struct Unrolling {
  std::int64_t channels, height, width;
  std::int64_t kernel, stride, padding;
  std::int64_t out_height, out_width;

  std::int64_t rows() const { return out_height * out_width; }
  std::int64_t columns() const { return channels * kernel * kernel; }
};

/// Every window as a row of (channels, kernel, kernel), 0 outside the image; and its adjoint, which
/// adds to the image.
void unroll(const Unrolling& windows, const float* image, float* rows);
void unroll(const Unrolling& windows, const double* image, double* rows);
void roll(const Unrolling& windows, const float* rows, float* image);
void roll(const Unrolling& windows, const double* rows, double* image);

}  // namespace clavier::train::kernels
