#include "train/fuse/kernels.h"

#include <cstring>
#include <limits>

#include "train/fuse/dispatch.h"

namespace clavier::train::kernels {
namespace {

/// Rows × Blocks vectors of the output stay in registers over the whole sum.
template <int Bytes, int Rows, int Blocks, typename T>
CLAVIER_INLINE void correlate_tile(const Taps<T>& in, const Weights<T>& weights, std::int64_t row,
                                   T* out, std::int64_t out_stride, std::int64_t p) {
  using V = typename Vector<T, Bytes>::Type;
  constexpr std::int64_t kLanes = Vector<T, Bytes>::kLanes;
  V sums[Rows][Blocks];
  for (auto& sum : sums)
    for (V& block : sum) block = V{};
  const T* weight = weights.data + row * weights.row_stride;
  for (std::int64_t plane = 0; plane < in.planes; ++plane) {
    const T* data = in.data + plane * in.plane_stride + p;
    const T* factors = weight + plane * weights.plane_stride;
    for (std::int64_t k = 0; k < in.offset_count; ++k) {
      V x[Blocks];
#pragma GCC unroll 4
      for (int block = 0; block < Blocks; ++block)
        load(x[block], data + in.offsets[k] + block * kLanes);
#pragma GCC unroll 4
      for (int i = 0; i < Rows; ++i) {
        const T factor = factors[i * weights.row_stride + k];
#pragma GCC unroll 4
        for (int block = 0; block < Blocks; ++block) sums[i][block] += factor * x[block];
      }
    }
  }
  for (int i = 0; i < Rows; ++i)
    std::memcpy(out + (row + i) * out_stride + p, sums[i], sizeof(sums[i]));
}

template <int Bytes, int Rows, typename T>
CLAVIER_INLINE void correlate_rows(const Taps<T>& in, const Weights<T>& weights, std::int64_t row,
                                   T* out, std::int64_t out_stride, std::int64_t length) {
  constexpr std::int64_t kLanes = Vector<T, Bytes>::kLanes;
  constexpr int kBlocks = 3;
  std::int64_t p = 0;
  for (; p + kBlocks * kLanes <= length; p += kBlocks * kLanes)
    correlate_tile<Bytes, Rows, kBlocks>(in, weights, row, out, out_stride, p);
  for (; p + kLanes <= length; p += kLanes)
    correlate_tile<Bytes, Rows, 1>(in, weights, row, out, out_stride, p);
  for (; p < length; ++p) {
    for (int i = 0; i < Rows; ++i) {
      T sum = 0;
      for (std::int64_t plane = 0; plane < in.planes; ++plane)
        for (std::int64_t k = 0; k < in.offset_count; ++k)
          sum += weights.data[(row + i) * weights.row_stride + plane * weights.plane_stride + k] *
                 in.data[plane * in.plane_stride + p + in.offsets[k]];
      out[(row + i) * out_stride + p] = sum;
    }
  }
}

template <int Bytes, typename T>
CLAVIER_INLINE void correlate_body(const Taps<T>& in, const Weights<T>& weights, std::int64_t rows,
                                   T* out, std::int64_t out_stride, std::int64_t length) {
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4)
    correlate_rows<Bytes, 4>(in, weights, row, out, out_stride, length);
  for (; row + 2 <= rows; row += 2)
    correlate_rows<Bytes, 2>(in, weights, row, out, out_stride, length);
  for (; row < rows; ++row) correlate_rows<Bytes, 1>(in, weights, row, out, out_stride, length);
}

template <int Bytes, int Rows, int Count, typename T>
CLAVIER_INLINE void dots_tile(const Dots<T>& in, std::int64_t row, std::int64_t k, T* out,
                              std::int64_t out_row_stride, std::int64_t k_stride) {
  using V = typename Vector<T, Bytes>::Type;
  constexpr std::int64_t kLanes = Vector<T, Bytes>::kLanes;
  V sums[Rows][Count];
  T rest[Rows][Count];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Count; ++j) {
      sums[i][j] = V{};
      rest[i][j] = 0;
    }
  }
  for (std::int64_t batch = 0; batch < in.batches; ++batch) {
    const T* a = in.a + batch * in.a_batch + row * in.row_stride;
    const T* b[Count];
    for (int j = 0; j < Count; ++j) b[j] = in.b + batch * in.b_batch + in.offsets[k + j];
    std::int64_t p = 0;
    for (; p + kLanes <= in.length; p += kLanes) {
      V x[Count];
#pragma GCC unroll 5
      for (int j = 0; j < Count; ++j) load(x[j], b[j] + p);
#pragma GCC unroll 4
      for (int i = 0; i < Rows; ++i) {
        V y;
        load(y, a + i * in.row_stride + p);
#pragma GCC unroll 5
        for (int j = 0; j < Count; ++j) sums[i][j] += y * x[j];
      }
    }
    for (; p < in.length; ++p)
      for (int i = 0; i < Rows; ++i)
        for (int j = 0; j < Count; ++j) rest[i][j] += a[i * in.row_stride + p] * b[j][p];
  }
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Count; ++j) {
      T total = rest[i][j];
      for (int lane = 0; lane < kLanes; ++lane) total += sums[i][j][lane];
      out[(row + i) * out_row_stride + (k + j) * k_stride] += total;
    }
  }
}

template <int Bytes, int Rows, typename T>
CLAVIER_INLINE void dots_rows(const Dots<T>& in, std::int64_t row, T* out,
                              std::int64_t out_row_stride, std::int64_t k_stride) {
  std::int64_t k = 0;
  for (; k + 5 <= in.offset_count; k += 5)
    dots_tile<Bytes, Rows, 5>(in, row, k, out, out_row_stride, k_stride);
  for (; k + 2 <= in.offset_count; k += 2)
    dots_tile<Bytes, Rows, 2>(in, row, k, out, out_row_stride, k_stride);
  for (; k < in.offset_count; ++k)
    dots_tile<Bytes, Rows, 1>(in, row, k, out, out_row_stride, k_stride);
}

template <int Bytes, typename T>
CLAVIER_INLINE void dots_body(const Dots<T>& in, T* out, std::int64_t out_row_stride,
                              std::int64_t k_stride) {
  constexpr int kRows = Bytes == 64 ? 4 : 2;  // As many sums as there are registers.
  std::int64_t row = 0;
  for (; row + kRows <= in.rows; row += kRows)
    dots_rows<Bytes, kRows>(in, row, out, out_row_stride, k_stride);
  for (; kRows > 2 && row + 2 <= in.rows; row += 2)
    dots_rows<Bytes, 2>(in, row, out, out_row_stride, k_stride);
  for (; row < in.rows; ++row) dots_rows<Bytes, 1>(in, row, out, out_row_stride, k_stride);
}

/// `Edge` is known when compiled for the usual windows: the loop then has no branch and no call.
template <int Edge, typename T>
CLAVIER_INLINE void pool_windows(const Windows<T>& in, T* __restrict out, int* __restrict place) {
  const int edge = Edge ? Edge : static_cast<int>(in.edge);
  const int stride = static_cast<int>(in.stride);
  for (std::int64_t y = 0; y < in.height; ++y, out += in.width, place += in.width) {
    const int row = static_cast<int>(y) * edge * stride;
    const T* __restrict corner = in.sums + row;
    for (int x = 0; x < static_cast<int>(in.width); ++x) {
      T best = corner[x * edge];
      int at = 0;
#pragma GCC unroll 3
      for (int i = 0; i < edge; ++i) {
#pragma GCC unroll 3
        for (int j = 0; j < edge; ++j) {
          const T other = corner[x * edge + i * stride + j];
          const bool better = !(other <= best) & (best == best);
          best = better ? other : best;
          at = better ? i * stride + j : at;
        }
      }
      const T value = best + in.bias;
      const bool cut = in.relu & (value <= 0);
      out[x] = cut ? T(0) : value;
      place[x] = cut ? -1 : row + x * edge + at;
    }
  }
}

/// The usual window of 2 x 2 in two loops that have no branch: upper against lower row, then even
/// against odd columns. Among equals the first in reading order counts, as in `pool_windows`.
template <typename T>
CLAVIER_INLINE void pool_pairs(const Windows<T>& in, T* __restrict out, int* __restrict place) {
  constexpr int kBlock = 32;
  T best[2 * kBlock];
  int from[2 * kBlock];
  const int stride = static_cast<int>(in.stride);
  const int width = static_cast<int>(in.width);
  const T bias = in.bias;
  const T floor = in.relu ? T(0) : -std::numeric_limits<T>::infinity();
  for (int y = 0; y < static_cast<int>(in.height); ++y, out += width, place += width) {
    for (int x = 0; x < width; x += kBlock) {
      const int count = width - x < kBlock ? width - x : kBlock;
      const int corner = 2 * y * stride + 2 * x;
      const T* __restrict upper = in.sums + corner;
      const T* __restrict lower = upper + stride;
      for (int i = 0; i < 2 * count; ++i) {
        const int wins = (!(lower[i] <= upper[i])) & (upper[i] == upper[i]);
        best[i] = wins ? lower[i] : upper[i];
        from[i] = wins ? i + stride : i;
      }
      for (int i = 0; i < count; ++i) {
        const T left = best[2 * i];
        const T right = best[2 * i + 1];
        const int left_from = from[2 * i];
        const int right_from = from[2 * i + 1];
        const int wins =
            ((!(right <= left)) & (left == left)) | ((left == right) & (right_from < left_from));
        const T value = (wins ? right : left) + bias;
        const int at = corner + (wins ? right_from : left_from);
        const bool cut = value <= floor;
        out[x + i] = cut ? floor : value;
        place[x + i] = cut ? -1 : at;
      }
    }
  }
}

template <int, typename T>
CLAVIER_INLINE void pool_body(const Windows<T>& in, T* out, int* place) {
  if (in.edge == 1) return pool_windows<1>(in, out, place);
  if (in.edge == 2) return pool_pairs(in, out, place);
  pool_windows<0>(in, out, place);
}

/// Calls `run(place in the rows, image or nullptr)` for every element of every window; the inner
/// loop is over channels, which lie side by side in the image.
template <typename Image, typename Rows, typename Run>
CLAVIER_INLINE void each_window(const Unrolling& in, Image* image, Rows* rows, Run run) {
  const std::int64_t taps = in.kernel * in.kernel;
  for (std::int64_t y = 0; y < in.out_height; ++y) {
    for (std::int64_t x = 0; x < in.out_width; ++x, rows += in.columns()) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t top = y * in.stride - in.padding + tap / in.kernel;
        const std::int64_t left = x * in.stride - in.padding + tap % in.kernel;
        const bool within = top >= 0 && top < in.height && left >= 0 && left < in.width;
        run(rows + tap, within ? image + (top * in.width + left) * in.channels : nullptr);
      }
    }
  }
}

template <int, typename T>
CLAVIER_INLINE void unroll_body(const Unrolling& in, const T* image, T* rows) {
  const std::int64_t taps = in.kernel * in.kernel;
  each_window(in, image, rows, [&](T* __restrict to, const T* __restrict from) {
    for (std::int64_t c = 0; c < in.channels; ++c) to[c * taps] = from ? from[c] : T(0);
  });
}

template <int, typename T>
CLAVIER_INLINE void roll_body(const Unrolling& in, const T* rows, T* image) {
  const std::int64_t taps = in.kernel * in.kernel;
  each_window(in, image, rows, [&](const T* __restrict from, T* __restrict to) {
    for (std::int64_t c = 0; to && c < in.channels; ++c) to[c] += from[c * taps];
  });
}

}  // namespace

Vectors vectors() {
#if defined(__x86_64__)
  static const Vectors best = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
      return Vectors::k512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Vectors::k256;
    return Vectors::k128;
  }();
  return best;
#else
  return Vectors::k128;
#endif
}

#define CLAVIER_KERNELS(T)                                                                        \
  CLAVIER_DISPATCH(correlate, correlate_body,                                                     \
                   (const Taps<T>& in, const Weights<T>& weights, std::int64_t rows, T* out,      \
                    std::int64_t out_stride, std::int64_t length),                                \
                   (in, weights, rows, out, out_stride, length))                                  \
  CLAVIER_DISPATCH(                                                                               \
      dots, dots_body,                                                                            \
      (const Dots<T>& in, T* out, std::int64_t out_row_stride, std::int64_t k_stride),            \
      (in, out, out_row_stride, k_stride))                                                        \
  CLAVIER_DISPATCH(pool, pool_body, (const Windows<T>& in, T* out, int* place), (in, out, place)) \
  CLAVIER_DISPATCH(unroll, unroll_body, (const Unrolling& windows, const T* image, T* rows),      \
                   (windows, image, rows))                                                        \
  CLAVIER_DISPATCH(roll, roll_body, (const Unrolling& windows, const T* rows, T* image),          \
                   (windows, rows, image))
CLAVIER_KERNELS(float)
CLAVIER_KERNELS(double)

}  // namespace clavier::train::kernels
