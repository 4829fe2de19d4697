#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "study/config.h"
#include "study/report.h"

namespace clavier::exec {

/// What a simulated trial does at each of its steps: a pure function of its arguments.
struct Curve {
  /// What is reported at `step` (from 1); empty: nothing at this step. Required.
  std::function<std::vector<Metric>(const Config&, TrialId, Steps step, std::uint64_t seed)>
      metrics;
  /// After this step the trial ends by itself; without the function it never does.
  std::function<Steps(const Config&)> steps = {};
  /// Duration of a step relative to `SimOptions::seconds_per_step`; without the function 1.
  std::function<double(const Config&, Steps step)> cost = {};
  /// Why the trial fails instead of finishing this step; empty: it does not.
  std::function<std::string(const Config&, TrialId, Steps step)> error = {};
};

}  // namespace clavier::exec
