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
  for (const Entry& each : kept_)
    if (trials.size() < most && !state.trial(each.trial).live()) trials.push_back(each.trial);
  return trials;
}

}  // namespace clavier::report
