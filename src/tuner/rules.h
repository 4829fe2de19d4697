#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/state.h"
#include "study/trial_stop.h"

/// Stop rules of trials and of the study: pure questions about the state.
namespace clavier::tuner {

/// The study ends when one of these holds (`[stop]`).
struct StudyRules {
  std::optional<double> metric = {};
  std::optional<StudyDuration> time = {};
  std::optional<std::int64_t> trials = {};  ///< So many have ended.
  std::int64_t plateau_trials = 0;          ///< 0: no plateau rule.
  double plateau_min_delta = 0;
  std::optional<double> cost = {};  ///< By the prices of the slots, while they are at work.
};

/// Why this running trial, which has just reported, has met a rule; nothing if it has not.
std::optional<std::string> met(const TrialStop& rules, const Objectives& objective,
                               const Trial& trial, const Report& report, StudyTime now);
/// Why this report shows that its trial has diverged: an objective, or a metric that calls itself
/// a loss, is NaN or infinite. Nothing if it does not, or if no rule asks.
std::optional<std::string> diverged(const TrialStop& rules, const Objectives& objective,
                                    const Report& report);
/// When the running trial's time will be up; kNever without a time rule.
StudyTime time_up(const TrialStop& rules, const Trial& trial);

/// Remembers what the plateau rule needs: the best value after each ended trial.
class Plateau {
 public:
  Plateau(std::int64_t trials, double min_delta) : trials_(trials), min_delta_(min_delta) {}
  /// Told of every ended trial, with the best value of the study so far.
  void ended(const Objective& objective, std::optional<double> best);
  void change(std::int64_t trials, double min_delta) {
    trials_ = trials;
    min_delta_ = min_delta;
  }
  bool reached() const { return trials_ > 0 && since_improvement_ >= trials_; }

 private:
  std::int64_t trials_;
  double min_delta_;
  std::optional<double> reference_;
  std::int64_t since_improvement_ = 0;
};

/// Why the study is over by its rules; nothing if it is not. `cost` is what it has cost until now.
std::optional<std::string> met(const StudyRules& rules, const Plateau& plateau, const State& state,
                               double cost);
/// When the study will have cost what it may, at `per_hour` from `now` on; kNever without the rule,
/// or if nothing costs anything.
StudyTime cost_up(const StudyRules& rules, double cost, double per_hour, StudyTime now);

}  // namespace clavier::tuner
