#pragma once

#include <limits>

#include "cluster/planner.h"

namespace clavier::cluster {

/// How long trials will take, in seconds, as far as the log tells: a trial's own last steps; where
/// it has none, the worst that any slot has seen; before that, what is believed. Looks at state and
/// cluster as they are, and must not outlive them.
class Durations {
 public:
  static constexpr double kNobodyKnows = std::numeric_limits<double>::infinity();

  /// `seconds_per_step` at speed 1, believed until something was measured; every trial ends at
  /// `length`, unless it is stopped before.
  Durations(double seconds_per_step, Steps length, const State& state, const ClusterState& cluster);

  /// Until it ends by itself, on slots of this speed.
  double of_rest(const Want& want, double speed) const;
  /// Until its scheduler is asked, or it ends by itself.
  double of_running(const Trial& trial) const;
  /// Of a whole trial, the costliest on the slowest slot; 0 if nobody knows.
  double longest() const;

 private:
  double cost(const Trial& trial) const;
  double cost(const Trial& trial, double speed) const;

  const State& state_;
  const ClusterState& cluster_;
  Steps length_;
  double worst_ = 0;  ///< Seconds per step at speed 1.
  double slowest_ = kNobodyKnows;
};

}  // namespace clavier::cluster
