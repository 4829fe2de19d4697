#pragma once

#include <cstdint>

/// Batch norm over rows of channels (features, or images channels-last), with the ReLU and the
/// pooling behind it, in as few passes over the numbers as there can be: two forward, two backward.
namespace clavier::train::kernels {

/// `values` are (rows, channels); the others have one number per channel. With pooling the output
/// and its gradient have a quarter of the rows.
template <typename T>
struct Norm {
  std::int64_t rows;
  std::int64_t channels;
  const T* values;
  const T* mean;
  const T* scale;  ///< Gain over deviation.
  const T* shift;
  bool relu;
  std::int64_t pool_width = 0;  ///< Of images of even height and width, of which the largest of
                                ///< every 2 x 2 is taken; 0: no pooling.
};

/// sum[c] = Σ (x - origin[c]), square[c] = Σ (x - origin[c])².
void moments(std::int64_t rows, std::int64_t channels, const float* values, const float* origin,
             double* sum, double* square);
void moments(std::int64_t rows, std::int64_t channels, const double* values, const double* origin,
             double* sum, double* square);

/// out = (x - mean) · scale + shift, cut at 0 with `relu`.
void normalise(const Norm<float>& norm, float* out);
void normalise(const Norm<double>& norm, double* out);

/// Of the gradient g by the output, where it came from and if the ReLU let it through: sum[c] = Σ
/// g, product[c] = Σ g · (x - mean).
void norm_sums(const Norm<float>& norm, const float* gradient, double* sum, double* product);
void norm_sums(const Norm<double>& norm, const double* gradient, double* sum, double* product);

/// out = scale · g + slope · (x - mean) + offset.
void norm_gradient(const Norm<float>& norm, const float* gradient, const float* slope,
                   const float* offset, float* out);
void norm_gradient(const Norm<double>& norm, const double* gradient, const double* slope,
                   const double* offset, double* out);

}  // namespace clavier::train::kernels
