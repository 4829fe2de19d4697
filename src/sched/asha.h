#pragma once

#include "sched/rung_records.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// Asynchronous successive halving (Li et al., MLSys 2020), stopping variant: no trial ever waits
/// for another, and none is paused.
///
/// The rule. At each rung (`Rungs`) a trial is ranked among all values recorded there so far, its
/// own and those that arrive in the same turn included. It goes on if fewer than
/// max(1, floor(n / reduction)) of the n values are strictly better, else it is stopped. So ties
/// survive, NaN ranks after every number, the first arrival survives, and of many arrivals one in
/// `reduction` does. At max_steps a trial is complete. A report without the objective at a rung
/// lets the trial go on to its next report. See `RungRecords` for strides and retries, and for what
/// is better of several objectives (as in multi-objective ASHA, Schmucker et al., 2021).
///
/// Ray's rule (`RayAsha`) differs: it excludes the trial's own value, interpolates a percentile,
/// and judges skipped rungs later with later values.
class Asha final : public Scheduler {
 public:
  Asha(Objectives objective, AshaOptions options, std::uint64_t seed);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  std::int64_t visits() const { return records_.visits(); }

 private:
  Decision judge(const Arrival& arrival, const std::vector<Arrival>& together, Steps step) const;

  AshaOptions options_;
  RungRecords records_;
};

}  // namespace clavier::sched
