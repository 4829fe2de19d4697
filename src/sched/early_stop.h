#pragma once

#include <optional>
#include <string>

#include "study/objective.h"
#include "study/trial.h"
#include "study/trial_stop.h"

/// Rules of `[trial.stop]` that stop what looks bad. They judge each report before the scheduler
/// does, under which they so may lie, whatever it is; all but the rival are questions about state.
namespace clavier::sched {

/// The trial that others are tested against: of those completed the one with the best mean of its
/// reports. Kept as it was when it ended.
class Rival {
 public:
  /// Told of every trial that has ended.
  void ended(const Objective& objective, const Trial& trial);
  bool known() const { return !history_.empty(); }
  TrialId trial() const { return trial_; }
  const std::vector<Point>& history() const { return history_; }

 private:
  TrialId trial_;
  double mean_ = 0;
  std::vector<Point> history_ = {};
};

/// Why this running trial, which has just reported, is to be stopped, beginning with the rule's
/// name; nothing if it goes on. Thresholds come first, then patience, then the test.
std::optional<std::string> looks_bad(const TrialStop& rules, const Objective& objective,
                                     const Trial& trial, const Report& report, const Rival& rival);

}  // namespace clavier::sched
