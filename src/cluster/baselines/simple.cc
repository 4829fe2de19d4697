#include "cluster/baselines/simple.h"

#include <limits>

namespace clavier::cluster::rules {

void Agnostic::observe(const RolloutView& view, const Happening& happening) {
  queues_.observe(view, happening);
}

std::optional<Dispatch> Agnostic::next(const RolloutView& view) {
  if (queues_.trials.empty() || queues_.slots.empty()) return std::nullopt;
  const int slot = *queues_.slots.take();
  const int trial = queues_.trials.take_least();
  return Dispatch{trial, slot,
                  at_most(view.trials[static_cast<std::size_t>(trial)], view.costs.interval)};
}

void UniformBundle::observe(const RolloutView& view, const Happening& happening) {
  if (view.slots[static_cast<std::size_t>(happening.slot)].bundle)
    Agnostic::observe(view, happening);
}

std::optional<Dispatch> InOrder::next(const RolloutView& view) {
  int fastest = -1;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < view.slots.size(); ++i) {
    const SlotView& slot = view.slots[i];
    if (!slot.alive || slot.trial >= 0) continue;
    const double seconds = slot.seconds_per_unit.value_or(1e300);
    if (seconds >= least) continue;
    least = seconds;
    fastest = static_cast<int>(i);
  }
  if (fastest < 0) return std::nullopt;
  for (std::size_t i = 0; i < view.trials.size(); ++i) {
    const TrialView& trial = view.trials[i];
    if (!trial.finished && trial.slot < 0)
      return Dispatch{static_cast<int>(i), fastest, trial.target - trial.done};
  }
  return std::nullopt;
}

}  // namespace clavier::cluster::rules
