#pragma once

#include <span>

#include "cluster/rollout.h"

namespace clavier::cluster {

/// How well a rollout used its slots. Training and evaluations are work, moves are not.
struct Measures {
  /// Work done over what the slots could have done, while more trials were unfinished than there
  /// are slots; 0 if that never was so.
  double utilisation = 0;
  /// (max t − mean t) / max t of the times t that slots were at work.
  double imbalance = 0;
  /// Work done per second over the sum of the rates.
  double scaling_efficiency = 0;
};

/// REQUIRES: the rollout recorded its pieces, did not hang, and lost no slot.
Measures measure(const Scenario& scenario, const RolloutResult& result);

/// When the first of the trials was evaluated at its goal (by trial; kForever: it has none) or
/// after it; infinite if none was. REQUIRES: as above.
double time_to_goal(const Scenario& scenario, const RolloutResult& result,
                    std::span<const Steps> goals);

}  // namespace clavier::cluster
