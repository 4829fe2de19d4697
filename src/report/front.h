#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/state.h"

/// What is shown of a study of several metrics in place of the best trial.
namespace clavier::report {

/// By trial: 0 on the front, 1 on the front without those of 0, …; nothing without a value.
std::vector<std::optional<std::int64_t>> ranks(const State& state);
/// By trial: what it and the trials before it cover together.
std::vector<double> hypervolumes(const State& state);

/// What the front covers: all that it dominates and that is better than a reference, which is a
/// tenth of the range of all trials' values worse than the worst of them (`reference_point`).
struct Covered {
  double hypervolume = 0;
  std::vector<double> reference = {};  ///< A value of each metric; empty if no trial has a value.
};
Covered covered(const State& state);

/// "accuracy 0.91, latency 12.5".
std::string values_text(const Objectives& objective, double first,
                        const std::vector<double>& further);
/// "0.83, beyond accuracy 0.1, latency 40".
std::string hypervolume_text(const State& state);
/// "3, 7, 12", at most `most` of them.
std::string numbers_text(const std::vector<TrialId>& trials, std::size_t most = 10);
/// What was reached, by whom and when: "trial 3, accuracy 0.91, latency 12.5 at step 5".
std::string moment_text(const State& state, const Trial& trial);

}  // namespace clavier::report
