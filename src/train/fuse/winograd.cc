#include "train/fuse/winograd.h"

#include <vector>

#include "train/fuse/dispatch.h"

/// Each transform is y = M x Mᵀ for a small constant matrix M, on vectors of channels. M's zeros
/// and ones cost nothing: rows are unrolled by templates. A patch is a table of pointers, in which
/// what lies outside the image points to zeros, or to a place that nobody reads.
namespace clavier::train::kernels {
namespace {

struct Input {
  static constexpr int kIn = 6, kOut = 6;
  static constexpr double kAt[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0},
                                       {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0},
                                       {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
};
struct Output {
  static constexpr int kIn = 6, kOut = 4;
  static constexpr double kAt[4][6] = {
      {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
};
struct Weight {
  static constexpr int kIn = 3, kOut = 6;
  static constexpr double kAt[6][3] = {
      {1.0 / 4, 0, 0},
      {-1.0 / 6, -1.0 / 6, -1.0 / 6},
      {-1.0 / 6, 1.0 / 6, -1.0 / 6},
      {1.0 / 24, 1.0 / 12, 1.0 / 6},
      {1.0 / 24, -1.0 / 12, 1.0 / 6},
      {0, 0, 1},
  };
};
template <typename M>
struct Adjoint {
  static constexpr int kIn = M::kOut, kOut = M::kIn;
};

template <typename M>
constexpr double entry(const Adjoint<M>*, int row, int column) {
  return M::kAt[column][row];
}
template <typename M>
constexpr double entry(const M*, int row, int column) {
  return M::kAt[row][column];
}

/// sum += Σ over k of M(row, k) x[k · stride].
template <typename M, int Row, int K, typename T, typename V>
CLAVIER_INLINE void add_terms(V& sum, const V* x, int stride) {
  if constexpr (K < M::kIn) {
    constexpr double kFactor = entry(static_cast<const M*>(nullptr), Row, K);
    if constexpr (kFactor == 1)
      sum += x[K * stride];
    else if constexpr (kFactor == -1)
      sum -= x[K * stride];
    else if constexpr (kFactor != 0)
      sum += static_cast<T>(kFactor) * x[K * stride];
    add_terms<M, Row, K + 1, T>(sum, x, stride);
  }
}

/// y = M x for one column.
template <typename M, int Row, typename T, typename V>
CLAVIER_INLINE void apply(const V* x, int x_stride, V* y, int y_stride) {
  if constexpr (Row < M::kOut) {
    V sum{};
    add_terms<M, Row, 0, T>(sum, x, x_stride);
    y[Row * y_stride] = sum;
    apply<M, Row + 1, T>(x, x_stride, y, y_stride);
  }
}

/// Channels [first, last) of one tile.
template <typename M, bool Adds, int Bytes, typename T>
CLAVIER_INLINE void tile(const T* const* from, T* const* to, std::int64_t first,
                         std::int64_t last) {
  using V = typename Vector<T, Bytes>::Type;
  constexpr int kIn = M::kIn, kOut = M::kOut;
  for (std::int64_t c = first; c < last; c += Vector<T, Bytes>::kLanes) {
    V x[kIn * kIn], half[kOut * kIn], y[kOut * kOut];
    for (int i = 0; i < kIn * kIn; ++i) load(x[i], from[i] + c);
    for (int column = 0; column < kIn; ++column)
      apply<M, 0, T>(x + column, kIn, half + column, kIn);
    for (int row = 0; row < kOut; ++row) apply<M, 0, T>(half + row * kIn, 1, y + row * kOut, 1);
    for (int i = 0; i < kOut * kOut; ++i) {
      if constexpr (Adds) {
        V before;
        load(before, to[i] + c);
        y[i] += before;
      }
      std::memcpy(to[i] + c, &y[i], sizeof(V));
    }
  }
}

/// How patches lie in the image: the edge, and where the first begins.
template <int Edge, int Origin>
struct Patch {
  static constexpr int kEdge = Edge, kOrigin = Origin;
};

template <typename P, typename T>
CLAVIER_INLINE void place(const Images& in, T* image, std::int64_t sample, std::int64_t top,
                          std::int64_t left, T* outside, T** table) {
  for (int i = 0; i < P::kEdge; ++i) {
    for (int j = 0; j < P::kEdge; ++j) {
      const std::int64_t y = top + i;
      const std::int64_t x = left + j;
      const bool within = y >= 0 && y < in.height && x >= 0 && x < in.width;
      table[i * P::kEdge + j] =
          within ? image + ((sample * in.height + y) * in.width + x) * in.channels : outside;
    }
  }
}

template <typename M, typename P, bool ToPlanes, bool Adds, int Bytes, typename T>
CLAVIER_INLINE void sweep(const Images& in, T* image, T* planes) {
  constexpr std::int64_t kLanes = Vector<T, Bytes>::kLanes;
  std::vector<T> outside(static_cast<std::size_t>(in.channels), T(0));
  const std::int64_t whole = in.channels / kLanes * kLanes;
  const std::int64_t plane = in.tiles() * in.channels;
  T* patch[P::kEdge * P::kEdge];
  T* column[kPlanes];
  T* next = planes;
  for (std::int64_t sample = 0; sample < in.samples; ++sample) {
    for (std::int64_t top = 0; top < in.height; top += kTile) {
      for (std::int64_t left = 0; left < in.width; left += kTile, next += in.channels) {
        place<P>(in, image, sample, top + P::kOrigin, left + P::kOrigin, outside.data(), patch);
        for (int i = 0; i < kPlanes; ++i) column[i] = next + i * plane;
        T** from = ToPlanes ? patch : column;
        T** to = ToPlanes ? column : patch;
        tile<M, Adds, Bytes>(from, to, 0, whole);
        tile<M, Adds, sizeof(T)>(from, to, whole, in.channels);
      }
    }
  }
}

template <int Bytes, typename T>
CLAVIER_INLINE void winograd_body(Transform transform, const Images& in, T* image, T* planes) {
  using Overlapping = Patch<6, -1>;
  using Apart = Patch<4, 0>;
  using Window = Patch<3, 0>;
  switch (transform) {
    case Transform::kInput: return sweep<Input, Overlapping, true, false, Bytes>(in, image, planes);
    case Transform::kInputGradient:
      return sweep<Adjoint<Input>, Overlapping, false, true, Bytes>(in, image, planes);
    case Transform::kOutput: return sweep<Output, Apart, false, false, Bytes>(in, image, planes);
    case Transform::kOutputGradient:
      return sweep<Adjoint<Output>, Apart, true, false, Bytes>(in, image, planes);
    case Transform::kWeight: return sweep<Weight, Window, true, false, Bytes>(in, image, planes);
    case Transform::kWeightGradient:
      return sweep<Adjoint<Weight>, Window, false, false, Bytes>(in, image, planes);
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
