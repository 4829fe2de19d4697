#include "cluster/baselines/gpa.h"

#include <algorithm>
#include <limits>

namespace clavier::cluster::rules {
namespace {

constexpr double kLatePart = 0.8;
constexpr std::size_t kMostRetired = 9;

bool late(const RolloutView& view) {
  double done = 0, all = 0;
  for (const TrialView& trial : view.trials) {
    all += static_cast<double>(trial.target);
    done += static_cast<double>(trial.finished ? trial.target : trial.done);
  }
  return done >= kLatePart * all;
}

/// The weakest slots that are there, all but one at most.
std::vector<int> weakest(const RolloutView& view) {
  std::vector<int> alive;
  for (std::size_t i = 0; i < view.slots.size(); ++i)
    if (view.slots[i].alive) alive.push_back(static_cast<int>(i));
  std::ranges::stable_sort(alive, {}, [&](int slot) {
    return view.slots[static_cast<std::size_t>(slot)].seconds_per_unit.value_or(
        std::numeric_limits<double>::infinity());
  });
  const std::size_t keep = alive.size() > kMostRetired ? alive.size() - kMostRetired : 1;
  alive.erase(alive.begin(),
              alive.begin() + static_cast<std::ptrdiff_t>(std::min(keep, alive.size())));
  return alive;
}

}  // namespace

void Gpa::observe(const RolloutView& view, const Happening& happening) {
  queues_.observe(view, happening);
}

std::optional<Dispatch> Gpa::next(const RolloutView& view) {
  if (!retired_ && late(view)) retired_ = weakest(view);
  while (!queues_.trials.empty() && !queues_.slots.empty()) {
    const int slot = *queues_.slots.take();
    if (retired_ && std::ranges::find(*retired_, slot) != retired_->end()) continue;
    const int trial = queues_.trials.take_least();
    return Dispatch{trial, slot,
                    at_most(view.trials[static_cast<std::size_t>(trial)], view.costs.interval)};
  }
  return std::nullopt;
}

}  // namespace clavier::cluster::rules
