#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "search/encoding.h"

namespace clavier::search {

/// Some parameter has a `Prior`, and a trial is made of these values before any is drawn: the one
/// behind the space's points. Not in a space with a grid, which goes through all values.
bool has_prior_point(const Space& space);

/// What the space's priors say about its points: along each axis a normal density around the value,
/// of a quarter of the range as deviation; another choice is as unlikely as two deviations.
///
/// It is believed less the more is known (Hvarfner et al., 2022): to the power of 10 × strength /
/// trials that have ended. Immutable.
class Priors {
 public:
  explicit Priors(const Space& space);

  bool any() const { return any_; }
  /// Where on a parameter's axis its value lies; nothing if it has no prior.
  std::optional<double> centre(std::size_t parameter) const { return centres_[parameter]; }
  /// A uniform number in [0, 1) as one of the prior, which the value itself stands for on half of
  /// an axis without order. REQUIRES: centre(parameter).
  double drawn(std::size_t parameter, double unit) const;

  /// The logarithm of the density at a point of `Encoding`, or at its coordinates from axis `first`
  /// on, but for a constant, after so many trials; absent coordinates say nothing.
  double log_density(std::span<const double> point, std::int64_t ended,
                     std::size_t first = 0) const;
  /// Adds `times` its slope along the axes with an order.
  void add_slope(std::span<const double> point, std::int64_t ended, double times,
                 std::span<double> slope) const;

 private:
  struct Along {
    double centre = 0, strength = 0;
    std::optional<std::size_t> cell = {};  ///< Of the value, where there is no order.
  };

  Encoding encoding_;
  bool any_ = false;
  std::vector<std::optional<double>> centres_;  ///< By parameter.
  std::vector<std::optional<Along>> along_;     ///< By axis.
};

}  // namespace clavier::search
