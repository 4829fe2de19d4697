#include "sched/fifo.h"

#include <fmt/format.h>

#include "sched/reports.h"

namespace clavier::sched {

std::vector<Runnable> Fifo::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  for (const TrialId id : resumable(state, appetite))
    runnables.push_back(Resume{id, options_.max_steps});
  while (runnables.size() < appetite) runnables.push_back(New{.until = options_.max_steps});
  return runnables;
}

std::vector<Decision> Fifo::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (report.step >= options_.max_steps)
      decisions.push_back({Complete{trial.id}, fmt::format("reached step {}", options_.max_steps)});
    else if (report.step >= trial.until)
      decisions.push_back({Continue{trial.id, options_.max_steps}});
  });
  return decisions;
}

bool Fifo::finished(const State& state) const { return resumable(state, 1).empty(); }

}  // namespace clavier::sched
