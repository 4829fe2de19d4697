#include "train/fuse/winograd.h"

#include <algorithm>
#include <cstring>

#include "train/fuse/dispatch.h"

/// Each transform is y = M x Mᵀ for a small constant matrix M, on vectors of channels: M by
/// columns, then by rows, with the sums that rows share taken once. Channels come in blocks. On the
/// side of the planes a block goes through a small table: the planes lie a power of two apart, so
/// that 36 of them at once would fight for the same few lines of every cache.
namespace clavier::train::kernels {
namespace {

constexpr std::int64_t kBlock = 64;  ///< Channels at a time.

struct Input {
  static constexpr int kIn = 6, kOut = 6;
  template <typename T, typename V>
  static CLAVIER_INLINE void apply(const V* x, V* y) {
    const V a = x[4] - T(4) * x[2];
    const V b = x[3] - T(4) * x[1];
    const V c = x[4] - x[2];
    const V d = x[3] - x[1];
    y[0] = T(4) * x[0] - T(5) * x[2] + x[4];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + T(2) * d;
    y[4] = c - T(2) * d;
    y[5] = T(4) * x[1] - T(5) * x[3] + x[5];
  }
};
struct InputAdjoint {
  static constexpr int kIn = 6, kOut = 6;
  template <typename T, typename V>
  static CLAVIER_INLINE void apply(const V* x, V* y) {
    const V a = x[1] + x[2];
    const V b = x[1] - x[2];
    const V c = x[3] + x[4];
    const V d = x[3] - x[4];
    y[0] = T(4) * x[0];
    y[1] = T(4) * (x[5] - b) - T(2) * d;
    y[2] = T(-5) * x[0] - T(4) * a - c;
    y[3] = b + T(2) * d - T(5) * x[5];
    y[4] = x[0] + a + c;
    y[5] = x[5];
  }
};
struct Output {
  static constexpr int kIn = 6, kOut = 4;
  template <typename T, typename V>
  static CLAVIER_INLINE void apply(const V* x, V* y) {
    const V a = x[1] + x[2];
    const V b = x[1] - x[2];
    const V c = x[3] + x[4];
    const V d = x[3] - x[4];
    y[0] = x[0] + a + c;
    y[1] = b + T(2) * d;
    y[2] = a + T(4) * c;
    y[3] = b + T(8) * d + x[5];
  }
};
struct OutputAdjoint {
  static constexpr int kIn = 4, kOut = 6;
  template <typename T, typename V>
  static CLAVIER_INLINE void apply(const V* x, V* y) {
    const V a = x[0] + x[2];
    const V b = x[1] + x[3];
    const V c = x[0] + T(4) * x[2];
    const V d = T(2) * x[1] + T(8) * x[3];
    y[0] = x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = x[3];
  }
};
struct Weight {
  static constexpr int kIn = 3, kOut = 6;
  template <typename T, typename V>
  static CLAVIER_INLINE void apply(const V* x, V* y) {
    const V a = T(-1.0 / 6) * (x[0] + x[2]);
    const V b = T(1.0 / 6) * x[1];
    const V c = T(1.0 / 24) * x[0] + T(1.0 / 6) * x[2];
    const V d = T(1.0 / 12) * x[1];
    y[0] = T(1.0 / 4) * x[0];
    y[1] = a - b;
    y[2] = a + b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = x[2];
  }
};
struct WeightAdjoint {
  static constexpr int kIn = 6, kOut = 3;
  template <typename T, typename V>
  static CLAVIER_INLINE void apply(const V* x, V* y) {
    const V a = x[1] + x[2];
    const V c = x[3] + x[4];
    y[0] = T(1.0 / 4) * x[0] - T(1.0 / 6) * a + T(1.0 / 24) * c;
    y[1] = T(1.0 / 6) * (x[2] - x[1]) + T(1.0 / 12) * (x[3] - x[4]);
    y[2] = T(1.0 / 6) * (c - a) + x[5];
  }
};

/// As std::memcpy, for few numbers.
template <int Bytes, typename T>
CLAVIER_INLINE void copy(T* to, const T* from, std::int64_t count) {
  constexpr std::int64_t kLanes = Vector<T, Bytes>::kLanes;
  std::int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) {
    typename Vector<T, Bytes>::Type x;
    load(x, from + c);
    std::memcpy(to + c, &x, sizeof(x));
  }
  for (; c < count; ++c) to[c] = from[c];
}

/// Both tables are of rows of kBlock channels, of which the first `count` count.
template <typename M, int Bytes, typename T>
CLAVIER_INLINE void transform(const T* from, T* to, std::int64_t count) {
  using V = typename Vector<T, Bytes>::Type;
  constexpr int kIn = M::kIn, kOut = M::kOut;
  for (std::int64_t c = 0; c < count; c += Vector<T, Bytes>::kLanes) {
    V half[kOut][kIn];
#pragma GCC unroll 6
    for (int column = 0; column < kIn; ++column) {
      V x[kIn], y[kOut];
#pragma GCC unroll 6
      for (int i = 0; i < kIn; ++i) load(x[i], from + (i * kIn + column) * kBlock + c);
      M::template apply<T>(x, y);
#pragma GCC unroll 6
      for (int i = 0; i < kOut; ++i) half[i][column] = y[i];
    }
#pragma GCC unroll 6
    for (int row = 0; row < kOut; ++row) {
      V y[kOut];
      M::template apply<T>(half[row], y);
#pragma GCC unroll 6
      for (int i = 0; i < kOut; ++i)
        std::memcpy(to + (row * kOut + i) * kBlock + c, &y[i], sizeof(V));
    }
  }
}

/// Calls `run(number in the patch, its first channel in the image)` for every place of a patch that
/// is within the image, and `outside(number)` for the others.
template <int Edge, typename T, typename Run, typename Outside>
CLAVIER_INLINE void each_place(const Images& in, T* image, std::int64_t top, std::int64_t left,
                               Run run, Outside outside) {
  for (int i = 0; i < Edge; ++i) {
    for (int j = 0; j < Edge; ++j) {
      const std::int64_t y = top + i;
      const std::int64_t x = left + j;
      if (y >= 0 && y < in.height && x >= 0 && x < in.width)
        run(i * Edge + j, image + (y * in.width + x) * in.channels);
      else
        outside(i * Edge + j);
    }
  }
}

/// Edge, and where the first patch begins, of how the patches of an image lie.
template <typename M, int Edge, int Origin, bool ToPlanes, bool Adds, int Bytes, typename T>
CLAVIER_INLINE void sweep(const Images& in, T* image, T* planes) {
  alignas(64) T patch[Edge * Edge * kBlock];
  alignas(64) T table[kPlanes * kBlock];
  const std::int64_t plane = in.tiles() * in.channels;
  for (std::int64_t sample = 0; sample < in.samples; ++sample) {
    for (std::int64_t y = 0; y < in.height; y += kTile) {
      for (std::int64_t x = 0; x < in.width; x += kTile, planes += in.channels) {
        for (std::int64_t first = 0; first < in.channels; first += kBlock) {
          const std::int64_t count = std::min(kBlock, in.channels - first);
          if constexpr (ToPlanes) {
            each_place<Edge>(
                in, image, y + Origin, x + Origin,
                [&](int i, const T* at) { copy<Bytes>(patch + i * kBlock, at + first, count); },
                [&](int i) { std::fill(patch + i * kBlock, patch + i * kBlock + count, T(0)); });
            transform<M, Bytes>(patch, table, count);
            for (int i = 0; i < kPlanes; ++i)
              copy<Bytes>(planes + i * plane + first, table + i * kBlock, count);
          } else {
            for (int i = 0; i < kPlanes; ++i)
              copy<Bytes>(table + i * kBlock, planes + i * plane + first, count);
            transform<M, Bytes>(table, patch, count);
            each_place<Edge>(
                in, image, y + Origin, x + Origin,
                [&](int i, T* at) {
                  const T* value = patch + i * kBlock;
                  for (std::int64_t c = 0; c < count; ++c)
                    at[first + c] = Adds ? at[first + c] + value[c] : value[c];
                },
                [](int) {});
          }
        }
      }
    }
    image += in.height * in.width * in.channels;
  }
}

/// Windows lie one after the other, 9 numbers each.
template <typename M, bool ToPlanes, int Bytes, typename T>
CLAVIER_INLINE void windows(std::int64_t pairs, T* weights, T* planes) {
  alignas(64) T window[9 * kBlock];
  alignas(64) T table[kPlanes * kBlock];
  for (std::int64_t first = 0; first < pairs; first += kBlock) {
    const std::int64_t count = std::min(kBlock, pairs - first);
    T* own = weights + first * 9;
    if constexpr (ToPlanes) {
      for (std::int64_t c = 0; c < count; ++c)
        for (int i = 0; i < 9; ++i) window[i * kBlock + c] = own[c * 9 + i];
      transform<M, Bytes>(window, table, count);
      for (int i = 0; i < kPlanes; ++i)
        copy<Bytes>(planes + i * pairs + first, table + i * kBlock, count);
    } else {
      for (int i = 0; i < kPlanes; ++i)
        copy<Bytes>(table + i * kBlock, planes + i * pairs + first, count);
      transform<M, Bytes>(table, window, count);
      for (std::int64_t c = 0; c < count; ++c)
        for (int i = 0; i < 9; ++i) own[c * 9 + i] = window[i * kBlock + c];
    }
  }
}

template <int Bytes, typename T>
CLAVIER_INLINE void winograd_body(Transform transform, const Images& in, T* image, T* planes) {
  switch (transform) {
    case Transform::kInput: return sweep<Input, 6, -1, true, false, Bytes>(in, image, planes);
    case Transform::kInputGradient:
      return sweep<InputAdjoint, 6, -1, false, true, Bytes>(in, image, planes);
    case Transform::kOutput: return sweep<Output, 4, 0, false, false, Bytes>(in, image, planes);
    case Transform::kOutputGradient:
      return sweep<OutputAdjoint, 4, 0, true, false, Bytes>(in, image, planes);
    case Transform::kWeight: return windows<Weight, true, Bytes>(in.channels, image, planes);
    case Transform::kWeightGradient:
      return windows<WeightAdjoint, false, Bytes>(in.channels, image, planes);
  }
}

}  // namespace

#define CLAVIER_WINOGRAD(T)                                                          \
  CLAVIER_DISPATCH(winograd, winograd_body,                                          \
                   (Transform transform, const Images& images, T* image, T* planes), \
                   (transform, images, image, planes))
CLAVIER_WINOGRAD(float)
CLAVIER_WINOGRAD(double)

}  // namespace clavier::train::kernels
