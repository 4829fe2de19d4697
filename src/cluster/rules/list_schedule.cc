#include "cluster/rules/list_schedule.h"

#include <algorithm>
#include <limits>

namespace clavier::cluster::rules {

Legs list_schedule(const Outlook& outlook) {
  std::vector<int> order;
  for (std::size_t i = 0; i < outlook.trials.size(); ++i)
    if (outlook.trials[i].work > 0) order.push_back(static_cast<int>(i));
  std::ranges::stable_sort(order, std::greater{}, [&](int trial) {
    return outlook.trials[static_cast<std::size_t>(trial)].work;
  });
  Legs legs(outlook.slots.size());
  std::vector<double> free;
  for (const Outlook::Slot& slot : outlook.slots) free.push_back(slot.free);
  for (const int number : order) {
    const Outlook::Trial& trial = outlook.trials[static_cast<std::size_t>(number)];
    double soonest = std::numeric_limits<double>::infinity();
    std::size_t best = 0;
    for (std::size_t slot = 0; slot < free.size(); ++slot) {
      if (outlook.slots[slot].rate <= 0) continue;
      const bool moves = trial.home >= 0 && trial.home != static_cast<int>(slot);
      const double end = std::max(free[slot], trial.ready) +
                         (moves ? outlook.costs.move_seconds : 0) +
                         trial.work / outlook.slots[slot].rate;
      if (end < soonest) {
        soonest = end;
        best = slot;
      }
    }
    if (soonest == std::numeric_limits<double>::infinity()) break;  // No slot is there.
    free[best] = soonest;
    legs[best].push_back({number, trial.done, trial.target});
  }
  return legs;
}

}  // namespace clavier::cluster::rules
