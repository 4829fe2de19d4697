#include "sched/population.h"

#include <algorithm>
#include <cmath>

#include "sched/reports.h"

namespace clavier::sched {

std::size_t still_to_be_made(const State& state) {
  std::int64_t room = 0;
  if (!state.exhausted() && state.trial_limit() != kForever)
    room = state.trial_limit() - static_cast<std::int64_t>(state.trials().size());
  return static_cast<std::size_t>(std::max<std::int64_t>(room, 0)) + state.requested().size();
}

bool waits_for_slot(TrialId besides, const State& state) {
  const auto& pending = state.with_status(TrialStatus::kPending);
  if (pending.size() > (pending.contains(besides) ? 1u : 0u)) return true;
  return std::ranges::any_of(state.with_status(TrialStatus::kPaused),
                             [&](TrialId id) { return id != besides && !state.trial(id).held; });
}

std::vector<TrialId> least_advanced_first(const State& state) {
  std::vector<TrialId> trials = resumable(state, state.count(TrialStatus::kPaused));
  std::ranges::stable_sort(trials, {}, [&](TrialId id) { return state.trial(id).step; });
  return trials;
}

std::vector<Runnable> population_first(const State& state, std::size_t appetite, const New& fresh,
                                       const std::vector<Runnable>& resumes) {
  std::vector<Runnable> runnables(std::min(appetite, still_to_be_made(state)), fresh);
  for (const Runnable& resume : resumes)
    if (runnables.size() < appetite) runnables.push_back(resume);
  if (state.trial_limit() == kForever) runnables.resize(appetite, fresh);
  return runnables;
}

std::size_t quantile_size(std::size_t population, double quantile) {
  if (population < 2) return 0;
  const auto size = static_cast<std::size_t>(std::ceil(static_cast<double>(population) * quantile));
  return std::min(size, population / 2);
}

}  // namespace clavier::sched
