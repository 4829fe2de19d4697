#pragma once

#include <cmath>
#include <string>

namespace clavier {

enum class Mode { kMin, kMax };

/// What the study optimises.
struct Objective {
  std::string metric;
  Mode mode = Mode::kMin;

  /// `a` is strictly better than `b`. NaN and both infinities are worse than every finite number,
  /// and none of them is better than another.
  bool better(double a, double b) const {
    if (!std::isfinite(a)) return false;
    if (!std::isfinite(b)) return true;
    return mode == Mode::kMin ? a < b : a > b;
  }
  /// The value as a number of which less is better; NaN, which comes last, where it is not finite.
  double rank_key(double value) const {
    if (!std::isfinite(value)) return std::nan("");
    return mode == Mode::kMin ? value : -value;
  }

  friend bool operator==(const Objective&, const Objective&) = default;
};

}  // namespace clavier
