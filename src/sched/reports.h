#pragma once

#include "sched/scheduler.h"

namespace clavier::sched {

/// True if the trial was decided upon in this very turn.
inline bool decided(const Turn& turn, TrialId trial) {
  for (const Decision& decision : turn.decisions)
    if (subject(decision.action) == trial) return true;
  return false;
}

/// Calls `visit(report, trial)` for the reports that a policy may judge: none that is late, one of
/// a trial that is being paused included. The same ones for `decide`, before the decisions are
/// folded, and for `observe`, after it.
template <typename Visit>
void for_each_report(const Turn& turn, const State& state, const Visit& visit) {
  const auto* reported = input_as<Reported>(turn);
  if (!reported || turn.late) return;
  for (const Report& report : reported->reports) {
    if (!state.known(report.trial)) continue;
    const Trial& trial = state.trial(report.trial);
    if (ended(trial.status)) continue;
    if (!ends(trial.decided) || decided(turn, trial.id)) visit(report, trial);
  }
}

/// The exit that this turn brings of a known trial; null if it brings none.
inline const Exited* exit_in(const Turn& turn, const State& state) {
  const auto* exited = input_as<Exited>(turn);
  return exited && state.known(exited->trial) ? exited : nullptr;
}

/// The trials that this turn's command lets run again.
inline std::vector<TrialId> brought_back(const Turn& turn, const State& state) {
  std::vector<TrialId> trials;
  if (const auto* resumed = input_as<ResumeTrial>(turn)) trials = {resumed->trial};
  if (const auto* again = input_as<Retry>(turn)) trials = again->trials;
  std::erase_if(trials, [&](TrialId id) {
    return !state.known(id) || state.trial(id).status != TrialStatus::kPending;
  });
  return trials;
}

/// Paused trials that no user holds, in order of id, at most `appetite`.
inline std::vector<TrialId> resumable(const State& state, std::size_t appetite) {
  std::vector<TrialId> trials;
  for (const TrialId id : state.with_status(TrialStatus::kPaused)) {
    if (trials.size() >= appetite) break;
    if (!state.trial(id).held) trials.push_back(id);
  }
  return trials;
}

}  // namespace clavier::sched
