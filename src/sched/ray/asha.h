#pragma once

#include "sched/ranking.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// Names and defaults as in Ray Tune.
struct RayAshaOptions {
  Steps max_t = 100;
  Steps grace_period = 1;
  double reduction_factor = 4;
  int brackets = 1;
  bool stop_last_trials = true;  ///< Stop at max_t; else trials run until they end by themselves.
};

/// Ray Tune's AsyncHyperBandScheduler (2.60), decision by decision, for comparisons; `Asha` is the
/// sound rule. What is Ray's own, and reproduced:
///   · int(ln(max_t / grace) / ln(rf) − s + 1) rungs in bracket s, in floating point, so that some
///     exact powers lack their top rung; milestones may be fractions;
///   · at a report, the highest milestone at or below it where the trial has no record counts:
///     with stop_last_trials, a rung that was skipped is judged at the next report, with its value;
///   · the cutoff is the (1 − 1/rf) percentile, linearly interpolated, of the values recorded
///     before, NaN left out; a trial strictly below it stops and is recorded all the same; NaN is
///     never below;
///   · a trial that ends by itself has its last value recorded once more, one rung lower;
///   · brackets are drawn with probability softmax(number of rungs). Ray draws them unseeded, we
///     from (seed, trial).
/// Reports that come in one turn are judged against what was recorded before that turn.
class RayAsha final : public Scheduler {
 public:
  RayAsha(Objective objective, RayAshaOptions options, std::uint64_t seed);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  std::int64_t visits() const;

 private:
  struct Rung {
    double milestone = 0;
    Ranking rewards = {};  ///< Without NaN; ascending.
  };
  using Bracket = std::vector<Rung>;  ///< Highest rung first.

  std::size_t bracket_of(const Trial& trial) const;
  const Bracket& rungs_of(const Trial& trial) const { return brackets_[bracket_of(trial)]; }
  bool recorded(TrialId trial, std::size_t rung) const;
  void record(const Trial& trial, Steps step, double value);
  /// The rung that a report at `step` is judged at; nothing: it just goes on.
  /// `besides`: a rung that counts as recorded.
  std::optional<std::size_t> rung_at(const Trial& trial, Steps step,
                                     std::optional<std::size_t> besides = {}) const;
  Steps next_until(const Trial& trial, Steps step, std::optional<std::size_t> besides) const;
  std::optional<Decision> judge(const Report& report, const Trial& trial) const;

  Objective objective_;
  RayAshaOptions options_;
  std::uint64_t seed_;
  std::vector<Bracket> brackets_;
  std::vector<double> weights_;
  std::vector<std::vector<bool>> recorded_;  ///< By trial and rung.
  std::vector<bool> over_;                   ///< Trials that were told to end.
};

/// numpy.nanpercentile(values, percent) of a sorted sample without NaN, bit by bit.
/// REQUIRES: not empty.
double percentile(const Ranking& sorted, double percent);

}  // namespace clavier::sched
