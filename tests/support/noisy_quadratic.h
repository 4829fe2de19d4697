#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "exec/sim/curve.h"

namespace clavier::bench {

/// The noisy quadratic model of training (Zhang et al., "Which Algorithmic Choices Matter at Which
/// Batch Sizes?", 2019): SGD with momentum on a quadratic with noisy gradients, of which the
/// expected loss has a closed form at every step. Large learning rates come down fast and stay at a
/// floor of noise, small ones are slow: no constant configuration is best, a schedule is, and what
/// a trial reaches depends on the whole way it went.
///
/// The objective has kCurvatures independent directions of curvature h = 1, 1/2, 1/3, …; the
/// gradient along each has noise of variance h / 10. Parameters: `lr`, `momentum`. The weights are
/// the second moments E[x²], E[xv], E[v²] of each direction, from x = 1, v = 0; reported every
/// tenth step: `loss`, the logarithm to base 10 of the expected loss (at most 10³).
inline exec::Curve noisy_quadratic() {
  constexpr std::size_t kCurvatures = 16;
  exec::Curve curve;
  curve.learn = [](exec::Weights& weights, const Config& config, TrialId, Steps, std::uint64_t) {
    const double lr = *config.find("lr")->number();
    const double momentum = *config.find("momentum")->number();
    if (weights.empty())
      for (std::size_t i = 0; i < kCurvatures; ++i) weights.insert(weights.end(), {1.0, 0.0, 0.0});
    if (!(weights[0] < 1e3)) weights[0] = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < kCurvatures; ++i) {
      const double h = 1.0 / static_cast<double>(i + 1), noise = h / 10;
      double &xx = weights[3 * i], &xv = weights[3 * i + 1], &vv = weights[3 * i + 2];
      // v ← momentum · v + h x + noise; x ← x − lr · v.
      const double v2 = momentum * momentum * vv + 2 * momentum * h * xv + h * h * xx + noise;
      const double x_v = momentum * xv + h * xx;
      xv = x_v - lr * v2;
      xx += lr * lr * v2 - 2 * lr * x_v;
      vv = v2;
    }
  };
  curve.evaluate = [](const exec::Weights& weights, TrialId, Steps step, std::uint64_t) {
    if (step % 10 != 0) return std::vector<Metric>{};
    double loss = 0;
    for (std::size_t i = 0; i < kCurvatures; ++i)
      loss += 0.5 * weights[3 * i] / static_cast<double>(i + 1);
    // What has diverged stays so; its moments lose all digits.
    const bool sane = std::isfinite(loss) && loss > 0 && loss < 1e3;
    return std::vector<Metric>{{"loss", sane ? std::log10(loss) : 3}};
  };
  return curve;
}

}  // namespace clavier::bench
