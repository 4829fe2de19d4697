#include "cluster/baselines/rounds.h"

#include <algorithm>
#include <utility>

namespace clavier::cluster::rules {
namespace {

constexpr double kLeastIterations = 4;

std::size_t index(int number) { return static_cast<std::size_t>(number); }

/// The furthest that so many units of work bring a trial, but one iteration at least.
Steps within(const RolloutView& view, int trial, double work) {
  const TrialView& seen = view.trials[index(trial)];
  Steps low = seen.done + 1, high = seen.target;
  while (low < high) {
    const Steps middle = low + (high - low + 1) / 2;
    if (view.work(trial, seen.done, middle) <= work)
      low = middle;
    else
      high = middle - 1;
  }
  return low - seen.done;
}

}  // namespace

std::optional<Dispatch> Rounds::next(const RolloutView& view) {
  if (view.more_now) return std::nullopt;
  if (round_.empty()) begin_round(view);
  if (round_.empty()) return std::nullopt;
  const Dispatch dispatch = round_.front();
  round_.pop_front();
  return dispatch;
}

void Rounds::begin_round(const RolloutView& view) {
  std::vector<int> slots, trials;
  double slowest = 0;
  for (std::size_t i = 0; i < view.slots.size(); ++i) {
    if (view.slots[i].trial >= 0) return;
    if (!view.slots[i].alive) continue;
    slots.push_back(static_cast<int>(i));
    slowest = std::max(slowest, view.slots[i].seconds_per_unit.value_or(0));
  }
  double dearest = 0;
  for (std::size_t i = 0; i < view.trials.size(); ++i) {
    if (view.trials[i].finished) continue;
    trials.push_back(static_cast<int>(i));
    dearest = std::max(dearest, view.trials[i].cost);
  }
  if (slots.empty() || trials.empty()) return;
  const auto seconds = [&](int slot) {
    return view.slots[index(slot)].seconds_per_unit.value_or(slowest > 0 ? slowest : 1);
  };
  std::ranges::stable_sort(slots, {}, seconds);
  if (slots.size() > trials.size()) slots.resize(trials.size());
  const double round = std::max(static_cast<double>(view.costs.interval) * seconds(slots.front()),
                                kLeastIterations * dearest * seconds(slots.back()));
  for (const Match& each : match(view, std::move(trials), slots, round))
    round_.push_back({each.trial, each.slot, within(view, each.trial, round / seconds(each.slot))});
}

std::vector<Rounds::Match> MaxMin::match(const RolloutView& view, std::vector<int> trials,
                                         const std::vector<int>& slots, double) {
  std::ranges::stable_sort(trials, {}, [&](int trial) {
    const TrialView& seen = view.trials[index(trial)];
    return static_cast<double>(seen.done) * seen.cost;
  });
  std::vector<Match> matches;
  for (std::size_t i = 0; i < slots.size(); ++i) matches.push_back({trials[i], slots[i]});
  return matches;
}

std::vector<Rounds::Match> Goodput::match(const RolloutView& view, std::vector<int> trials,
                                          const std::vector<int>& slots, double round_seconds) {
  const double moved = std::max(0.0, 1 - view.costs.move_seconds / round_seconds);
  std::vector<Match> matches;
  for (const int slot : slots) {
    const auto value = [&](int trial) {
      const int home = view.trials[index(trial)].home;
      const bool stays = home == slot;
      return std::pair(stays || home < 0 ? 1.0 : moved, stays);
    };
    const auto best = std::ranges::max_element(trials, {}, value);
    matches.push_back({*best, slot});
    trials.erase(best);
  }
  return matches;
}

}  // namespace clavier::cluster::rules
