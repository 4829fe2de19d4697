#include "train/fuse/norm_kernels.h"

#include <algorithm>
#include <vector>

#include "train/fuse/dispatch.h"

/// Sums run over a few rows in the numbers' own precision, and from there on in double. Whether the
/// ReLU cut a number, and which of a window was the largest, is computed again from the input,
/// which is cheaper than reading what the forward pass found: these loops wait for memory.
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

/// Vectors of channels of one window of 2 x 2, less their means, and which of the four is the
/// largest behind the norm: the last that won against those before it, so that of equals the first
/// counts, and NaN before all.
template <int Bytes, typename T>
struct Window {
  using V = typename Vector<T, Bytes>::Type;
  V centred[4], scale, largest, of_largest;
  decltype(V{} < V{}) wins[4];

  CLAVIER_INLINE Window(const Norm<T>& norm, const T* x, std::int64_t c) {
    const std::int64_t down = norm.pool_width * norm.channels;
    const std::int64_t places[] = {0, norm.channels, down, down + norm.channels};
    V mean, shift;
    load(mean, norm.mean + c);
    load(scale, norm.scale + c);
    load(shift, norm.shift + c);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      load(centred[i], x + places[i] + c);
      centred[i] -= mean;
      const V value = centred[i] * scale + shift;
      if (i > 0) wins[i] = ~(value <= largest) & (largest == largest);
      largest = i == 0 ? value : wins[i] ? value : largest;
      of_largest = i == 0 ? centred[0] : wins[i] ? centred[i] : of_largest;
    }
  }

  /// What of the gradient by the output the ReLU lets through.
  template <bool Relu>
  CLAVIER_INLINE V passed(const T* gradient) const {
    V g;
    load(g, gradient);
    return Relu ? (largest <= V{} ? V{} : g) : g;
  }
};

template <bool Relu, typename T>
struct NormaliseWindow {
  T* out;

  template <int Bytes>
  CLAVIER_INLINE void run(const Norm<T>& norm, std::int64_t from, std::int64_t to,
                          std::int64_t first, std::int64_t last) const {
    for (std::int64_t c = first; c < last; c += Vector<T, Bytes>::kLanes) {
      const Window<Bytes, T> window(norm, norm.values + from, c);
      using V = typename Vector<T, Bytes>::Type;
      const V y = Relu ? (window.largest <= V{} ? V{} : window.largest) : window.largest;
      std::memcpy(out + to + c, &y, sizeof(y));
    }
  }
  CLAVIER_INLINE void end_line(const Norm<T>&) const {}
};

template <bool Relu, typename T>
struct SumWindow {
  const T* gradient;
  T* line;  ///< Sums and products of a line of windows, in the numbers' precision.
  double* sum;
  double* product;

  template <int Bytes>
  CLAVIER_INLINE void run(const Norm<T>& norm, std::int64_t from, std::int64_t to,
                          std::int64_t first, std::int64_t last) const {
    for (std::int64_t c = first; c < last; c += Vector<T, Bytes>::kLanes) {
      const Window<Bytes, T> window(norm, norm.values + from, c);
      typename Vector<T, Bytes>::Type s, p;
      load(s, line + c);
      load(p, line + norm.channels + c);
      const auto passed = window.template passed<Relu>(gradient + to + c);
      s += passed;
      p += passed * window.of_largest;
      std::memcpy(line + c, &s, sizeof(s));
      std::memcpy(line + norm.channels + c, &p, sizeof(p));
    }
  }
  CLAVIER_INLINE void end_line(const Norm<T>& norm) const {
    for (std::int64_t c = 0; c < norm.channels; ++c) {
      sum[c] += static_cast<double>(line[c]);
      product[c] += static_cast<double>(line[norm.channels + c]);
    }
    std::fill(line, line + 2 * norm.channels, T(0));
  }
};

template <bool Relu, typename T>
struct GradientWindow {
  const T* gradient;
  const T* slope;
  const T* offset;
  T* out;

  template <int Bytes>
  CLAVIER_INLINE void run(const Norm<T>& norm, std::int64_t from, std::int64_t to,
                          std::int64_t first, std::int64_t last) const {
    using V = typename Vector<T, Bytes>::Type;
    const std::int64_t down = norm.pool_width * norm.channels;
    const std::int64_t places[] = {0, norm.channels, down, down + norm.channels};
    for (std::int64_t c = first; c < last; c += Vector<T, Bytes>::kLanes) {
      const Window<Bytes, T> window(norm, norm.values + from, c);
      V own_slope, own_offset;
      load(own_slope, slope + c);
      load(own_offset, offset + c);
      V rest = window.scale * window.template passed<Relu>(gradient + to + c);
#pragma GCC unroll 4
      for (int i = 3; i >= 0; --i) {
        V y = own_slope * window.centred[i] + own_offset;
        if (i > 0) {
          y += window.wins[i] ? rest : V{};
          rest = window.wins[i] ? V{} : rest;
        } else {
          y += rest;
        }
        std::memcpy(out + from + places[i] + c, &y, sizeof(y));
      }
    }
  }
  CLAVIER_INLINE void end_line(const Norm<T>&) const {}
};

template <int Bytes, typename T, typename Work>
CLAVIER_INLINE void windows(const Norm<T>& norm, const Work& work) {
  constexpr std::int64_t kLanes = Vector<T, Bytes>::kLanes;
  const std::int64_t whole = norm.channels / kLanes * kLanes;
  std::int64_t to = 0;
  for (std::int64_t row = 0; row < norm.rows; row += 2 * norm.pool_width) {
    for (std::int64_t x = 0; x < norm.pool_width; x += 2, to += norm.channels) {
      work.template run<Bytes>(norm, (row + x) * norm.channels, to, 0, whole);
      work.template run<sizeof(T)>(norm, (row + x) * norm.channels, to, whole, norm.channels);
    }
    work.end_line(norm);
  }
}

template <int Bytes, typename T>
CLAVIER_INLINE void normalise_body(const Norm<T>& norm, T* out) {
  if (norm.pool_width > 0)
    return norm.relu ? windows<Bytes>(norm, NormaliseWindow<true, T>{out})
                     : windows<Bytes>(norm, NormaliseWindow<false, T>{out});
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

template <int Bytes, typename T>
CLAVIER_INLINE void norm_sums_body(const Norm<T>& norm, const T* gradient, double* sum,
                                   double* product) {
  std::fill(sum, sum + norm.channels, 0.0);
  std::fill(product, product + norm.channels, 0.0);
  if (norm.pool_width > 0) {
    std::vector<T> line(static_cast<std::size_t>(2 * norm.channels), T(0));
    return norm.relu
               ? windows<Bytes>(norm, SumWindow<true, T>{gradient, line.data(), sum, product})
               : windows<Bytes>(norm, SumWindow<false, T>{gradient, line.data(), sum, product});
  }
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

template <int Bytes, typename T>
CLAVIER_INLINE void norm_gradient_body(const Norm<T>& norm, const T* gradient, const T* slope,
                                       const T* offset, T* out) {
  if (norm.pool_width > 0)
    return norm.relu ? windows<Bytes>(norm, GradientWindow<true, T>{gradient, slope, offset, out})
                     : windows<Bytes>(norm, GradientWindow<false, T>{gradient, slope, offset, out});
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
