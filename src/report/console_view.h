#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report/machines.h"
#include "report/table.h"
#include "study/state.h"

/// What the console says, as text: pure functions of the study's state.
namespace clavier::report {

struct Memory {
  std::int64_t used_mb = 0;
  std::int64_t total_mb = 0;
};

/// What is shown of a study besides its state.
struct StudyView {
  std::string study_name = {};
  std::string directory = {};                    ///< As the user would type it.
  std::string scheduler = {};                    ///< In a few words: `asha, max_steps 100`.
  std::optional<StudyDuration> time_limit = {};  ///< Of the study, by its stop rule.
  std::vector<std::string> parameters = {};      ///< Columns; empty: those of the first trial.
  std::vector<std::string> metrics = {};         ///< Besides the objective; empty: as reported.
  std::function<Memory()> memory = nullptr;      ///< Of this host; null: not shown.
  /// What a trial of an earlier run reported last; null: not known.
  std::function<std::vector<Metric>(TrialId)> earlier = nullptr;
  /// Of a live trial's worker; null: not shown.
  std::function<std::optional<std::int64_t>(const Trial&)> pid = nullptr;
};

/// Elapsed and remaining time, resources, counts, the best trial, where the results are.
std::vector<std::string> header(const StudyView& view, const Machines& machines, const State& state,
                                StudyTime now);
/// A row for each of these trials.
Table trial_table(const StudyView& view, const Machines& machines, const State& state,
                  StudyTime now, const std::vector<TrialId>& trials);
/// One line: how the trial ended, its value, time, reason and configuration.
std::string end_of(const State& state, const Trial& trial);
/// What came of the study: counts, the best trial with its configuration and checkpoint, failures
/// by cause with the last lines of their logs.
std::vector<std::string> summary(const StudyView& view, const State& state);

/// What no trial has reported, where none is the best: `loss`, or `a finite loss` where the values
/// of all are NaN or infinite.
std::string no_best(const State& state);
/// `2 running, 5 completed`, in the order of a trial's life; empty without trials.
std::string counts(const State& state, bool study_runs);
/// Time until the limit of trials at the rate so far; nothing if there is no limit or no rate.
std::optional<StudyDuration> remaining(const State& state, StudyTime now);

}  // namespace clavier::report
