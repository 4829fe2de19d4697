#pragma once

#include <cstdint>

/// Batch norm over rows of channels (features, or images channels-last), with the ReLU behind it,
/// in as few passes over the numbers as there can be: two forward, two backward.
namespace clavier::train::kernels {

/// `values` and `gradient` are (rows, channels); the others have one number per channel.
template <typename T>
struct Norm {
  std::int64_t rows;
  std::int64_t channels;
  const T* values;
  const T* mean;
  const T* scale;  ///< Gain over deviation.
  const T* shift;
  bool relu;
};

/// sum[c] = Σ (x - origin[c]), square[c] = Σ (x - origin[c])².
void moments(std::int64_t rows, std::int64_t channels, const float* values, const float* origin,
             double* sum, double* square);
void moments(std::int64_t rows, std::int64_t channels, const double* values, const double* origin,
             double* sum, double* square);

/// out = (x - mean) · scale + shift, cut at 0 with `relu`.
void normalise(const Norm<float>& norm, float* out);
void normalise(const Norm<double>& norm, double* out);

/// Of the gradient g by the output, where the ReLU let it through: sum[c] = Σ g,
/// product[c] = Σ g · (x - mean).
void norm_sums(const Norm<float>& norm, const float* gradient, double* sum, double* product);
void norm_sums(const Norm<double>& norm, const double* gradient, double* sum, double* product);

/// out = scale · g + slope · (x - mean) + offset.
void norm_gradient(const Norm<float>& norm, const float* gradient, const float* slope,
                   const float* offset, float* out);
void norm_gradient(const Norm<double>& norm, const double* gradient, const double* slope,
                   const double* offset, double* out);

}  // namespace clavier::train::kernels
