#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "study/objective.h"
#include "study/step.h"
#include "study/trial.h"

namespace clavier {

/// Bounds that decide what becomes of a trial whose worker failed or vanished.
struct RetryLimits {
  int max_failures = 0;  ///< Failures that are retried, per trial; -1: without end.
  /// Losses (not the trial's fault) that are retried, as long as it gets no further in between.
  int max_losses = 20;
};

/// The study as the fold of its log: a value, without I/O. Keeps the indexes that policies need,
/// so that none of them scans all trials on a report. Single-threaded.
class State {
 public:
  State(Objectives objective, RetryLimits retries);

  /// Folds the first half of a step. Reports of a `late` turn change counters only.
  void apply(const Turn& turn) {
    apply_input(turn);
    apply_decisions(turn);
  }
  /// The two parts of it, for whoever makes the decisions in between.
  void apply_input(const Turn& turn);
  void apply_decisions(const Turn& turn);
  /// Folds the second half.
  void apply(const Fill& fill, StudyTime time);
  void apply(const Step& step) {
    apply(step.turn);
    apply(step.fill, step.turn.time);
  }

  /// Retry limits as of a new run.
  void change(RetryLimits retries) { retries_ = retries; }

  const Objectives& objective() const { return objective_; }
  StudyTime now() const { return now_; }
  StepId last_step() const { return last_step_; }
  std::uint64_t seed() const { return seed_; }
  /// The limit on the number of trials; kForever if none.
  std::int64_t trial_limit() const { return std::max(trial_limit_, raised_limit_); }

  std::int64_t raised_limit() const { return raised_limit_; }

  const std::vector<Trial>& trials() const { return trials_; }
  /// REQUIRES: known(id).
  const Trial& trial(TrialId id) const;
  bool known(TrialId id) const;
  /// The report is of a trial's present launch and came before its end was decided.
  bool counts(const Report& report) const {
    return known(report.trial) && trial(report.trial).open() &&
           trial(report.trial).launch == report.launch;
  }
  /// In order of id.
  const std::set<TrialId>& with_status(TrialStatus status) const {
    return by_status_[static_cast<std::size_t>(status)];
  }
  std::size_t count(TrialStatus status) const { return with_status(status).size(); }
  /// Trials not ended.
  std::size_t unfinished() const;

  /// The trial with the best finite value ever reported, ties to the lower id; target width only.
  /// Of several objectives the only member of the front, if it has one.
  std::optional<TrialId> best() const;
  /// The best trial; of several objectives all that no other dominates by what they stand with, in
  /// order of id. Found anew after a report, in time of the trials times the front.
  std::vector<TrialId> front() const;
  std::int64_t reports() const { return reports_; }
  bool exhausted() const { return exhausted_; }
  const std::optional<Finished>& finished() const { return finished_; }
  /// Configurations the user asked for and no trial has taken yet, oldest first.
  const std::vector<Config>& requested() const { return requested_; }
  LaunchId next_launch() const { return next_launch_; }
  int runs() const { return runs_; }
  /// In its last run trials were asked for; so they are with whoever asked.
  bool asked() const { return asked_; }
  /// Wall clock of the first run's start, microseconds since 1970.
  std::int64_t first_utc_us() const { return first_utc_us_; }

 private:
  Trial& at(TrialId id);
  void set_status(Trial& trial, TrialStatus status);
  void open(const Opened& opened);
  void take(const Signal& signal, bool late);
  void take(const UserCommand& command);
  void take(const Report& report);
  static void saved_best(Trial& trial, const Checkpoint& checkpoint);
  void exit(Trial& trial, const Exited& exited, int stuck = 1);
  void retry(TrialId id);
  void decide(const Decision& decision);
  void keep(const Checkpoint& checkpoint);
  void forget(const Checkpoint& checkpoint);

  Objectives objective_;
  RetryLimits retries_;
  StudyTime now_{};
  StepId last_step_{};
  std::uint64_t seed_ = 0;
  std::int64_t trial_limit_ = kForever;
  std::int64_t raised_limit_ = 0;
  std::vector<Trial> trials_;
  std::array<std::set<TrialId>, kTrialStatuses> by_status_;
  std::optional<TrialId> best_;
  mutable std::optional<std::vector<TrialId>> front_;  ///< Of several objectives, once asked for.
  std::int64_t reports_ = 0;
  bool exhausted_ = false;
  std::optional<Finished> finished_;
  std::vector<Config> requested_;
  LaunchId next_launch_{0};
  int runs_ = 0;
  bool asked_ = false;
  std::int64_t first_utc_us_ = 0;
};

/// Trials that failed, or completed without the study's metric. In order of id.
std::vector<TrialId> unsuccessful(const State& state);

}  // namespace clavier
