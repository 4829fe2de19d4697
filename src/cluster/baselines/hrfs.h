#pragma once

#include <cstdint>
#include <vector>

#include "cluster/baselines/queues.h"

namespace clavier::cluster::rules {

/// The rule of "Heterogeneous Resource Fusion Scheduling", as its authors' program has it: two
/// classes of slots by a capability number that is measured once. A slot of unknown capability, or
/// one too slow for what is left, takes the most advanced trial for half an interval or is retired
/// for good; any other takes the least advanced for a full one. Capability does not count the slot
/// itself. A baseline: it may hang, because retiring can drop the last slot.
class Hrfs : public RolloutRule {
 public:
  Habits habits() const override {
    return {.evaluates_each_dispatch = true, .moves_each_dispatch = true};
  }
  void observe(const RolloutView& view, const Happening& happening) override;
  std::optional<Dispatch> next(const RolloutView& view) override;

 private:
  /// One scheduling call of the program: starts at most one trial.
  std::optional<Dispatch> call(const RolloutView& view);
  void measure(const Happening& happening, std::size_t slots);

  Queues queues_;
  std::int64_t calls_ = 0;  ///< Due: one per slot at the start, one per dispatch that ended.
  std::vector<std::int64_t> capability_ = {};  ///< By slot; 0: unmeasured.
  std::vector<bool> half_ = {};                ///< By slot: its dispatch is half an interval.
  double least_seconds_ = 0;
  std::int64_t last_run_interval_ = -1;
};

}  // namespace clavier::cluster::rules
