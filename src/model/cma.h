#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/rng.h"

namespace clavier::model {

struct CmaOptions {
  std::size_t population = 0;  ///< Points of a generation; 0: 4 + ⌊3 ln(dimensions)⌋.
  double sigma = 1.0 / 6;      ///< The first step size.
  bool separable = false;      ///< Learns variances only: for many dimensions.
};

/// The covariance matrix adaptation evolution strategy in the unit cube, with negative weights for
/// the worse half (N. Hansen, The CMA Evolution Strategy: A Tutorial, 2023). What it is told need
/// not be its own draws: a point from elsewhere moves it no further than a likely draw would
/// (Hansen, Injecting External Solutions Into CMA-ES, 2011). A function of what it was told, in
/// order. Single-threaded.
class Cma {
 public:
  /// REQUIRES: `mean` within the cube, at least one dimension.
  Cma(std::span<const double> mean, const CmaOptions& options);
  Cma(Cma&&) noexcept;
  Cma& operator=(Cma&&) noexcept;
  ~Cma();

  std::size_t population() const;
  /// By axis.
  std::vector<double> mean() const;
  /// A point of the distribution; what falls outside the cube is mirrored at its faces. On each
  /// axis the deviation is at least `least_deviation`, so that a coordinate that is rounded to
  /// cells does not freeze in one of them (Hansen's integer mutation; a margin).
  std::vector<double> draw(Rng& rng, std::span<const double> least_deviation) const;
  /// The next generation. REQUIRES: points.size() == population(), the best first.
  void tell(const std::vector<std::span<const double>>& points);
  /// It has shrunk to a point, or its numbers are no longer worth anything.
  bool converged() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace clavier::model
