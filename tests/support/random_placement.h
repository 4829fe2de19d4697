#pragma once

#include <vector>

#include "base/rng.h"
#include "cluster/rollout.h"

namespace clavier::cluster {

/// For tests and benchmarks: every idle slot takes one of the waiting trials at random, to its end.
class RandomPlacement final : public RolloutRule {
 public:
  explicit RandomPlacement(std::uint64_t seed) : rng_(Rng::keyed(seed, 17)) {}

  Habits habits() const override { return {}; }
  void observe(const RolloutView&, const Happening&) override {}
  std::optional<Dispatch> next(const RolloutView& view) override {
    const auto drawn = [&](std::vector<int> from) { return from[rng_.below(from.size())]; };
    std::vector<int> slots, trials;
    for (std::size_t i = 0; i < view.slots.size(); ++i)
      if (view.slots[i].alive && view.slots[i].trial < 0) slots.push_back(static_cast<int>(i));
    for (std::size_t i = 0; i < view.trials.size(); ++i)
      if (!view.trials[i].finished && view.trials[i].slot < 0)
        trials.push_back(static_cast<int>(i));
    if (slots.empty() || trials.empty()) return std::nullopt;
    const int slot = drawn(slots), trial = drawn(trials);
    const TrialView& seen = view.trials[static_cast<std::size_t>(trial)];
    return Dispatch{trial, slot, seen.target - seen.done};
  }

 private:
  Rng rng_;
};

}  // namespace clavier::cluster
