#pragma once

#include <functional>
#include <span>
#include <vector>

namespace clavier::model {

/// The value at `x`; also fills its gradient, of the same length.
using Smooth = std::function<double(std::span<const double> x, std::span<double> gradient)>;

/// The bounds of each coordinate, both included; equal ones hold it fast.
struct Box {
  std::vector<double> low;
  std::vector<double> high;
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
};

/// The lowest point that L-BFGS with bounds visits from `start` in at most so many evaluations.
/// Deterministic. Points where the value is no number are no minimum; if all are, it is `start`.
/// REQUIRES: start within the box.
Minimum minimise(const Smooth& function, std::vector<double> start, const Box& box,
                 int max_evaluations);

}  // namespace clavier::model
