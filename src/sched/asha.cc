#include "sched/asha.h"

#include <fmt/format.h>

#include "sched/reports.h"

namespace clavier::sched {

Asha::Asha(Objectives objective, AshaOptions options, std::uint64_t seed)
    : options_(options), records_(std::move(objective), options, seed) {}

std::vector<Runnable> Asha::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  const Rungs& rungs = records_.rungs();
  for (const TrialId id : resumable(state, appetite)) {
    const Trial& trial = state.trial(id);
    runnables.push_back(Resume{id, rungs.next(trial.bracket, trial.step)});
  }
  records_.fill_up(runnables, state, appetite);
  return runnables;
}

Decision Asha::judge(const Arrival& arrival, const std::vector<Arrival>& together,
                     Steps step) const {
  const Standing place = records_.standing(arrival, together);
  const std::size_t go_on = std::max<std::size_t>(1, survivors(place.entries, options_.reduction));
  std::string reason =
      fmt::format("rung {}: {} of {} are better, the best {} go on",
                  records_.rungs().milestone(arrival.rung), place.better, place.entries, go_on);
  if (place.better >= go_on) return {Stop{arrival.trial}, std::move(reason)};
  return {Continue{arrival.trial, records_.rungs().next(arrival.bracket, step)}, std::move(reason)};
}

std::vector<Decision> Asha::decide(const Turn& turn, const State& state) const {
  return records_.decide(
      turn, state, [&](const Arrival& arrival, const std::vector<Arrival>& together, Steps step) {
        return judge(arrival, together, step);
      });
}

void Asha::observe(const Turn& turn, const State& state) {
  records_.observe(records_.arrivals(turn, state), turn, state);
}

bool Asha::finished(const State& state) const { return resumable(state, 1).empty(); }

}  // namespace clavier::sched
