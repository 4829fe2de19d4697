#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "sched/rank_consistency.h"
#include "sched/ranking.h"
#include "sched/rungs.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// A value that comes to a rung.
struct Arrival {
  TrialId trial;
  int bracket = 0;
  std::size_t rung = 0;
  double key = 0;
  Scores scores = {};  ///< Of several objectives; infinite where one of them is not finite.
};

/// How an arrival compares with everything at its rung, those that arrive with it included.
struct Standing {
  std::size_t entries = 0;  ///< At the rung, itself included.
  std::size_t better = 0;   ///< Strictly better ones.
  std::size_t ahead = 0;    ///< Better values, and equal ones of trials with a lower id.
};
Standing standing(const Arrival& arrival, const std::vector<Arrival>& together,
                  const Ranking& ranking);

/// Who came to which rung with what value: the memory of both variants of successive halving.
///
/// A trial is judged at the highest rung of its bracket that its step has reached, with its first
/// report there that carries the objectives, and never again at that rung or below: a retried trial
/// that repeats steps is not judged twice, and a rung that a long stride skipped never gets a value
/// from later in training.
class RungRecords {
 public:
  RungRecords(Objectives objective, const AshaOptions& options, std::uint64_t seed);

  const Rungs& rungs() const { return rungs_; }
  /// REQUIRES: the bracket exists and has the rung.
  const Ranking& ranking(int bracket, std::size_t rung) const;
  /// The highest rung where the trial was judged, and its value there.
  struct Place {
    int bracket = 0;
    std::size_t rung = 0;
    double key = 0;
  };
  std::optional<Place> place(TrialId trial) const;

  /// The rung where a report at `step` is to be judged, whether it carries a value or not.
  std::optional<std::size_t> due(const Trial& trial, Steps step) const;
  /// What this turn brings to the rungs, in the order of its reports.
  std::vector<Arrival> arrivals(const Turn& turn, const State& state) const;
  /// The turn's arrivals, after `state` has folded it.
  void observe(const std::vector<Arrival>& arrivals, const Turn& turn, const State& state);

  /// Puts new trials behind `runnables`, each in the bracket drawn for it.
  void fill_up(std::vector<Runnable>& runnables, const State& state, std::size_t appetite) const;
  /// Its standing among those recorded at its rung and those that arrive together. Of several
  /// objectives who is on an earlier front is better, and on the same one who lies less crowded.
  Standing standing(const Arrival& arrival, const std::vector<Arrival>& together) const;

  /// What becomes of the reports of this turn: a trial is complete at max_steps, `judge` says what
  /// an arrival means, and who waits without one goes on: to the next rung, or, where its report
  /// lacked the objective, to its next report.
  using Judge = std::function<Decision(const Arrival& arrival, const std::vector<Arrival>& together,
                                       Steps step)>;
  std::vector<Decision> decide(const Turn& turn, const State& state, const Judge& judge) const;

  std::int64_t visits() const;

 private:
  std::optional<Arrival> arrival_of(const Report& report, const Trial& trial) const;
  void record(const Arrival& arrival);

  Objectives objective_;
  Rungs rungs_;
  std::uint64_t seed_;
  std::optional<RankConsistency> consistency_ = {};       ///< If brackets are learned.
  std::vector<std::vector<Ranking>> rankings_;            ///< By bracket and rung.
  std::vector<std::vector<std::vector<Scores>>> scores_;  ///< The same; of several objectives.
  std::vector<std::optional<Place>> places_;              ///< By trial.
};

}  // namespace clavier::sched
