#pragma once

#include <cmath>
#include <string>

namespace clavier {

enum class Mode { kMin, kMax };

/// What the study optimises.
struct Objective {
  std::string metric;
  Mode mode = Mode::kMin;

  /// `a` is strictly better than `b`. NaN is worse than every number and equal to NaN.
  bool better(double a, double b) const {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
    return mode == Mode::kMin ? a < b : a > b;
  }

  friend bool operator==(const Objective&, const Objective&) = default;
};

}  // namespace clavier
