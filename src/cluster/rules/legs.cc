#include "cluster/rules/legs.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace clavier::cluster::rules {
namespace {

/// Plays legs to the letter: a slot waits for the trial of its next leg.
class ByLegs : public RolloutRule {
 public:
  ByLegs(const Outlook& outlook, const Legs& legs) : legs_(legs), next_(legs.size()) {
    busy_.resize(outlook.trials.size());
    waiting_.resize(outlook.trials.size());
    runs_.resize(outlook.slots.size(), -1);
    for (std::size_t slot = 0; slot < outlook.slots.size(); ++slot)
      if (const int trial = outlook.slots[slot].trial; trial >= 0) {
        busy_[static_cast<std::size_t>(trial)] = true;
        runs_[slot] = trial;
      }
  }

  Habits habits() const override { return {}; }

  void observe(const RolloutView&, const Happening& happening) override {
    to_ask_.push_back(happening.slot);
    int& trial = runs_[static_cast<std::size_t>(happening.slot)];
    if (trial < 0) return;
    busy_[static_cast<std::size_t>(trial)] = false;
    auto& waiting = waiting_[static_cast<std::size_t>(trial)];
    to_ask_.insert(to_ask_.end(), waiting.begin(), waiting.end());
    waiting.clear();
    trial = -1;
  }

  std::optional<Dispatch> next(const RolloutView& view) override {
    while (!to_ask_.empty()) {
      const int slot = to_ask_.back();
      to_ask_.pop_back();
      if (const auto dispatch = next_of(slot, view)) return dispatch;
    }
    return std::nullopt;
  }

 private:
  std::optional<Dispatch> next_of(int slot, const RolloutView& view) {
    const auto at = static_cast<std::size_t>(slot);
    const SlotView& seen = view.slots[at];
    if (!seen.alive || seen.trial >= 0) return std::nullopt;
    while (next_[at] < legs_[at].size()) {
      const Leg& leg = legs_[at][next_[at]];
      const auto trial = static_cast<std::size_t>(leg.trial);
      if (busy_[trial] || view.trials[trial].done < leg.from) {
        waiting_[trial].push_back(slot);
        return std::nullopt;
      }
      ++next_[at];
      if (view.trials[trial].done >= leg.to) continue;
      busy_[trial] = true;
      runs_[at] = leg.trial;
      return Dispatch{leg.trial, slot, leg.to - view.trials[trial].done};
    }
    return std::nullopt;
  }

  const Legs& legs_;
  std::vector<std::size_t> next_;
  std::vector<bool> busy_;
  std::vector<std::vector<int>> waiting_;  ///< By trial: slots whose next leg it is.
  std::vector<int> runs_;                  ///< By slot.
  std::vector<int> to_ask_ = {};
};

}  // namespace

std::vector<int> longest_first(const Outlook& outlook) {
  std::vector<int> order;
  for (std::size_t i = 0; i < outlook.trials.size(); ++i)
    if (outlook.trials[i].work > 0) order.push_back(static_cast<int>(i));
  std::ranges::stable_sort(order, std::greater{}, [&](int trial) {
    return outlook.trials[static_cast<std::size_t>(trial)].work;
  });
  return order;
}

Legs list_schedule(const Outlook& outlook) {
  Legs legs(outlook.slots.size());
  std::vector<double> free;
  for (const Outlook::Slot& slot : outlook.slots) free.push_back(slot.free);
  for (const int number : longest_first(outlook)) {
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

RolloutResult rehearse(const Outlook& outlook, const Legs& legs) {
  Scenario scenario{.costs = outlook.costs};
  for (const Outlook::Trial& trial : outlook.trials)
    scenario.trials.push_back({.target = trial.target,
                               .done = trial.work > 0 ? trial.done : trial.target,
                               .cost = trial.cost,
                               .home = trial.home});
  for (std::size_t i = 0; i < outlook.slots.size(); ++i) {
    const Outlook::Slot& slot = outlook.slots[i];
    scenario.slots.push_back({.rate = std::max(slot.rate, 1e-300)});
    if (slot.rate > 0 && slot.free == 0) continue;
    scenario.changes.push_back({.time = 0, .slot = static_cast<int>(i), .alive = false});
    if (slot.rate > 0) scenario.changes.push_back({slot.free, static_cast<int>(i), true});
  }
  std::ranges::stable_sort(scenario.changes, {}, &SlotChange::time);
  ByLegs rule(outlook, legs);
  RolloutResult result = roll_out(scenario, rule);
  for (const Outlook::Slot& slot : outlook.slots)
    if (slot.trial >= 0) result.makespan = std::max(result.makespan, slot.free);
  return result;
}

}  // namespace clavier::cluster::rules
