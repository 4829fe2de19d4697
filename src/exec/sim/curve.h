#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "study/config.h"
#include "study/report.h"

namespace clavier::exec {

/// What a trial has learned, where that depends on the way it went and not on its configuration and
/// step alone. Kept with every checkpoint: who starts from one, its own or a donor's, has these.
using Weights = std::vector<double>;

/// What a simulated trial does at each of its steps: pure functions of their arguments.
struct Curve {
  /// What is reported at `step` (from 1); empty: nothing at this step. Required, unless trials
  /// learn.
  std::function<std::vector<Metric>(const Config&, TrialId, Steps step, std::uint64_t seed)>
      metrics;
  /// One step of learning. A fresh trial's weights are empty, and so are those of a checkpoint that
  /// an earlier, different simulation saved.
  std::function<void(Weights&, const Config&, TrialId, Steps step, std::uint64_t seed)> learn = {};
  /// With `learn`, instead of `metrics`: what is reported of weights after `step`.
  std::function<std::vector<Metric>(const Weights&, TrialId, Steps step, std::uint64_t seed)>
      evaluate = {};
  /// After this step the trial ends by itself; without the function it never does.
  std::function<Steps(const Config&)> steps = {};
  /// Duration of a step relative to `SimOptions::seconds_per_step`; without the function 1.
  std::function<double(const Config&, Steps step)> cost = {};
  /// Why the trial fails instead of finishing this step; empty: it does not.
  std::function<std::string(const Config&, TrialId, Steps step)> error = {};
  /// What its source may not mean, one line each, for the user.
  std::vector<std::string> notes = {};
};

}  // namespace clavier::exec
