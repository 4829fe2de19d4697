#include "cluster/rules/outlook.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cluster/bound.h"

namespace clavier::cluster::rules {
namespace {

double median_seconds(const RolloutView& view) {
  std::vector<double> known;
  for (const SlotView& slot : view.slots)
    if (slot.alive && slot.seconds_per_unit) known.push_back(*slot.seconds_per_unit);
  if (known.empty()) return 1;
  const auto middle = known.begin() + static_cast<std::ptrdiff_t>(known.size() / 2);
  std::ranges::nth_element(known, middle);
  return *middle;
}

Outlook::Slot look(const SlotView& seen, double now, double unknown) {
  if (!seen.alive) return {};
  double seconds = seen.seconds_per_unit.value_or(unknown);
  if (seen.trial < 0) return {.rate = 1 / seconds};
  const double elapsed = std::max(0.0, now - seen.since - seen.move);
  double left = seen.since + seen.move + seen.work * seconds - now;
  if (left < 0) {
    left *= -0.5;
    seconds = std::max(seconds, (elapsed + left) / seen.work);
  }
  return {.rate = 1 / seconds, .free = left, .trial = seen.trial};
}

}  // namespace

double Outlook::work(int trial, Steps from, Steps to) const {
  const Trial& seen = trials[static_cast<std::size_t>(trial)];
  return nominal_work(costs, seen.cost, seen.target, from, to);
}

Steps Outlook::reached(int trial, Steps from, double work) const {
  const Trial& seen = trials[static_cast<std::size_t>(trial)];
  const double iterations = work / seen.cost;
  const double per_interval = static_cast<double>(costs.interval) + costs.evaluation;
  // Evaluations only delay: what they let through is found from below.
  auto low =
      from +
      static_cast<Steps>(std::floor(
          iterations * static_cast<double>(costs.interval) / per_interval - costs.evaluation)) -
      1;
  low = std::clamp(low, from, seen.target);
  constexpr double kRounding = 1e-9;
  while (low < seen.target &&
         this->work(trial, from, low + 1) <= work * (1 + kRounding) + kRounding)
    ++low;
  return low;
}

double Outlook::bound() const {
  std::vector<double> works, rates;
  for (const Trial& trial : trials) works.push_back(trial.work);
  for (const Slot& slot : slots) rates.push_back(slot.rate);
  return preemptive_bound(works, rates);
}

double Outlook::soonest() const {
  double work = 0, rate = 0, end = 0;
  for (const Trial& trial : trials) work += trial.work;
  std::vector<std::pair<double, double>> joins;  // When a slot is free, and its rate.
  for (const Slot& slot : slots)
    if (slot.rate > 0) joins.emplace_back(slot.free, slot.rate);
  std::ranges::sort(joins);
  // The least time at which the slots, each from when it is free, have done all the work.
  for (const auto& [free, each] : joins) {
    if (rate > 0 && end + work / rate <= free) break;
    work -= rate * (free - end);
    end = free;
    rate += each;
  }
  return std::max(bound(), rate > 0 ? end + work / rate : 0);
}

Outlook look(const RolloutView& view) {
  Outlook outlook{.trials = {}, .slots = {}, .costs = view.costs};
  const double unknown = median_seconds(view);
  for (const SlotView& slot : view.slots) outlook.slots.push_back(look(slot, view.now, unknown));
  for (std::size_t i = 0; i < view.trials.size(); ++i) {
    const TrialView& seen = view.trials[i];
    Outlook::Trial trial{
        .done = seen.done, .target = seen.target, .cost = seen.cost, .home = seen.home};
    if (seen.slot >= 0) {
      const auto slot = static_cast<std::size_t>(seen.slot);
      trial.done = view.slots[slot].until;
      trial.ready = outlook.slots[slot].free;
    }
    outlook.trials.push_back(trial);
    if (!seen.finished)
      outlook.trials.back().work = outlook.work(static_cast<int>(i), trial.done, trial.target);
  }
  return outlook;
}

}  // namespace clavier::cluster::rules
