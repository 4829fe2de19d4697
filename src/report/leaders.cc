#include "report/leaders.h"

#include <algorithm>
#include <cmath>

namespace clavier::report {

bool Leaders::Entry::operator<(const Entry& other) const {
  if (std::isnan(key) != std::isnan(other.key)) return std::isnan(other.key);
  if (!std::isnan(key) && key != other.key) return key < other.key;
  return trial < other.trial;
}

Leaders::Entry Leaders::entry(const State& state, TrialId id) {
  const Trial& trial = state.trial(id);
  if (!trial.best) return {std::nan(""), id};
  return {state.objective().rank_key(trial.best->value), id};
}

void Leaders::left(const State& state, TrialId trial) {
  std::erase_if(kept_, [&](const Entry& each) { return each.trial == trial; });
  kept_.insert(entry(state, trial));
  if (kept_.size() > kKept) kept_.erase(std::prev(kept_.end()));
}

std::vector<TrialId> Leaders::top(const State& state, std::size_t most) const {
  std::set<Entry> running;
  for (const TrialId id : state.with_status(TrialStatus::kRunning))
    running.insert(entry(state, id));
  std::vector<TrialId> trials;
  for (const Entry& each : running)
    if (trials.size() < most) trials.push_back(each.trial);
  const auto add = [&](TrialId id) {
    if (trials.size() < most && !state.trial(id).live() &&
        std::ranges::find(trials, id) == trials.end())
      trials.push_back(id);
  };
  if (state.objective().several()) std::ranges::for_each(state.front(), add);
  for (const Entry& each : kept_) add(each.trial);
  return trials;
}

}  // namespace clavier::report
