#include "cluster/durations.h"

#include <algorithm>

namespace clavier::cluster {

Durations::Durations(double seconds_per_step, Steps length, const State& state,
                     const ClusterState& cluster)
    : state_(state), cluster_(cluster), length_(length) {
  for (const auto& [id, slot] : cluster.slots()) {
    if (slot.alive) slowest_ = std::min(slowest_, slot.slot.speed);
    worst_ = std::max(worst_, slot.usual_seconds * slot.slot.speed);
  }
  if (worst_ == 0) worst_ = seconds_per_step;
}

double Durations::of_rest(const Want& want, double speed) const {
  if (length_ == kForever) return kNobodyKnows;
  const Trial* trial = want.trial ? &state_.trial(*want.trial) : nullptr;
  const Checkpoint* from = trial ? trial->latest_checkpoint() : nullptr;
  const Steps left = from ? std::max<Steps>(0, length_ - from->step) : length_;
  return static_cast<double>(left) * (trial ? cost(*trial) : worst_) / speed;
}

double Durations::of_running(const Trial& trial) const {
  const Steps until = std::min(trial.until, length_);
  if (until == kForever) return kNobodyKnows;
  const double speed = cluster_.slots().at(trial.slot).slot.speed;
  return static_cast<double>(std::max<Steps>(0, until - trial.step)) * cost(trial, speed) / speed;
}

double Durations::longest() const {
  return length_ == kForever ? 0 : static_cast<double>(length_) * worst_ / slowest_;
}

/// Seconds per step at speed 1.
double Durations::cost(const Trial& trial) const {
  const auto slot = cluster_.slots().find(trial.slot);
  return slot == cluster_.slots().end() ? worst_ : cost(trial, slot->second.slot.speed);
}

/// The same of one whose slot has this speed.
double Durations::cost(const Trial& trial, double speed) const {
  if (trial.history.empty()) return worst_;
  const Point& last = trial.history.back();
  const Steps before = trial.history.size() > 1 ? (trial.history.end() - 2)->step : 0;
  if (last.step <= before) return worst_;
  return static_cast<double>(last.seconds) / static_cast<double>(last.step - before) * speed;
}

}  // namespace clavier::cluster
