#include "cluster/rules/in_order.h"

#include <limits>

namespace clavier::cluster::rules {

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
