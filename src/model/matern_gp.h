#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace clavier::model {

/// k(a, b) = variance · (1 + √5 r + 5/3 r²) · exp(−√5 r) with r² = Σ relevance_i · d_i²: Matérn's
/// kernel of smoothness 5/2, and 1 / √relevance_i the length scale of coordinate i. d_i is the
/// difference, or for coordinates without order 1 where they differ. `noise` is the variance of
/// each observation.
struct MaternSettings {
  double variance = 1;
  double noise = 1e-3;
  std::vector<double> relevance = {};
};

/// Points in the unit cube and a value for each.
struct MaternData {
  std::vector<bool> unordered = {};  ///< By coordinate.
  std::vector<std::vector<double>> points = {};
  std::vector<double> values = {};
};

/// The posterior of a Gaussian process of mean 0. Immutable.
class MaternGp {
 public:
  /// REQUIRES: not empty, as many values as points, all points of the length of `unordered`.
  MaternGp(const MaternData& data, const MaternSettings& settings);
  MaternGp(MaternGp&&) noexcept;
  MaternGp& operator=(MaternGp&&) noexcept;
  ~MaternGp();

  /// Of the function itself, without the noise of observations.
  struct Prediction {
    double mean = 0;
    double variance = 0;
    std::vector<double> mean_slope = {}, variance_slope = {};  ///< By ordered coordinate; else 0.
  };
  Prediction at(std::span<const double> point) const;
  /// Of many points at once, without slopes: cheaper than one by one.
  std::vector<Prediction> at(const std::vector<std::vector<double>>& points) const;
  /// Its mean at the least of its own points.
  double least_mean() const;
  double log_likelihood() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The settings that are likeliest for these values, as L-BFGS finds them from the defaults. A
/// weak prior keeps relevances near 1, the variance near 1 and the noise small (as Optuna's).
MaternSettings fit_matern(const MaternData& data, int max_evaluations);

/// The logarithm of the improvement below `best` that is expected of a normal value, and its slopes
/// by mean and variance; accurate also where the improvement itself would round to 0 (Ament et al.,
/// 2023). REQUIRES: variance > 0.
struct LogImprovement {
  double value = 0;
  double by_mean = 0;
  double by_variance = 0;
};
LogImprovement log_expected_improvement(double mean, double variance, double best);

}  // namespace clavier::model
