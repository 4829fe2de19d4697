#include "cluster/rules/agnostic.h"

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

}  // namespace clavier::cluster::rules
