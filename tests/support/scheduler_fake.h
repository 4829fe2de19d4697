#pragma once

#include <map>
#include <utility>
#include <vector>

#include "sched/scheduler.h"

namespace clavier::sched {

/// A scheduler that does what a test tells it. By itself it starts `trials` trials that run to
/// `until`, completes each that waits there, and resumes every paused one to `until`.
/// `answers` overrule that: the action for a trial's report at exactly that step.
class ScriptedScheduler final : public Scheduler {
 public:
  std::int64_t trials = kForever;  ///< It asks for no more than so many in all.
  Steps until = 1;                 ///< Where every trial is complete.
  Steps first_until = 0;           ///< Where new trials wait first; 0: at `until`.
  bool resumes = true;             ///< Whether paused trials come back by themselves.
  std::map<std::pair<TrialId, Steps>, Decision> answers = {};

  std::int64_t turns_seen = 0;  ///< Calls of `observe`.
  StepId last_seen = {};        ///< The turn that `observe` was told last.

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override {
    std::vector<Runnable> runnables;
    if (resumes)
      for (const TrialId id : state.with_status(TrialStatus::kPaused))
        if (runnables.size() < appetite && !state.trial(id).held)
          runnables.push_back(Resume{id, until});
    auto created = static_cast<std::int64_t>(state.trials().size());
    for (; runnables.size() < appetite && created < trials; ++created)
      runnables.push_back(New{.until = first_until > 0 ? first_until : until});
    return runnables;
  }

  std::vector<Decision> decide(const Turn& turn, const State& state) const override {
    std::vector<Decision> decisions;
    const auto* reported = input_as<Reported>(turn);
    if (!reported || turn.late) return decisions;
    for (const Report& report : reported->reports) {
      const Trial& trial = state.trial(report.trial);
      if (!trial.open()) continue;
      const auto found = answers.find({report.trial, report.step});
      if (found != answers.end())
        decisions.push_back(found->second);
      else if (report.step >= until)
        decisions.push_back({Complete{report.trial}, "scripted end"});
      else if (report.step >= trial.until)
        decisions.push_back({Continue{report.trial, until}});
    }
    return decisions;
  }

  void observe(const Turn& turn, const State&) override {
    ++turns_seen;
    last_seen = turn.id;
  }

  bool finished(const State& state) const override {
    if (!resumes) return true;
    for (const TrialId id : state.with_status(TrialStatus::kPaused))
      if (!state.trial(id).held) return false;
    return true;
  }
};

}  // namespace clavier::sched
