#pragma once

#include <memory>
#include <span>
#include <vector>

namespace clavier::model {

/// An input of a function that drifts: when, and where.
struct GpPoint {
  double time = 0;
  std::vector<double> x;
};

/// k(a, b) = variance · exp(−|x_a − x_b|² / length_scale) · (1 − decay)^(|t_a − t_b| / 2), and
/// `noise` is the variance of each observation.
struct GpSettings {
  double variance = 1;
  double length_scale = 1;
  double decay = 0.1;
  double noise = 1;
};

/// The posterior of a Gaussian process of mean 0 whose values count less the older they are
/// (Bogunovic et al., 2016): PB2's model. Immutable.
class DriftingGp {
 public:
  /// All points have the same dimension. REQUIRES: not empty, as many values as points.
  DriftingGp(std::vector<GpPoint> points, std::span<const double> values, GpSettings settings);
  DriftingGp(DriftingGp&&) noexcept;
  ~DriftingGp();

  /// Of the function itself, without the noise of observations.
  struct Prediction {
    double mean = 0;
    double variance = 0;
    std::vector<double> mean_slope, variance_slope;  ///< By each coordinate of x.
  };
  Prediction at(const GpPoint& point) const;
  double log_likelihood() const;
  std::size_t size() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The settings that make these values likeliest, as L-BFGS finds them from `start`: length scale
/// in [1e-5, 1], decay at most 0.5, variance at most 1. (Values of deviation 1 have no more; as the
/// length scale is bounded, a smooth function would else be told by a huge variance, and what
/// nobody has tried would always be worth trying.)
GpSettings fit_gp(const std::vector<GpPoint>& points, std::span<const double> values,
                  GpSettings start, int max_evaluations);

}  // namespace clavier::model
