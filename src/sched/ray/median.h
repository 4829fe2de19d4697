#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "sched/median.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// Names and defaults as in Ray Tune.
struct RayMedianOptions {
  Axis axis = Axis::kSeconds;  ///< Ray's time_attr: time_total_s, or training_iteration.
  double grace_period = 60;
  int min_samples_required = 3;
  double min_time_slice = 0;
  bool hard_stop = true;  ///< Else a bad trial is paused once, and later runs to its end.
};

/// Ray Tune's MedianStoppingRule (2.60), decision by decision, for comparisons; `Median` is the
/// sound rule. What is Ray's own, and reproduced:
///   · at every report from the grace period on, the trial's best value is compared with the median
///     of the running means over [grace, now] of all others whose last report is at now or later;
///     means that are not finite are left out; NaN first in a trial's values stays its best;
///   · with fewer than min_samples_required means it is paused if others wait and it has run for
///     longer than min_time_slice since its last pause;
///   · a trial that ends by itself has its last report counted twice;
///   · new trials run before paused ones.
/// Sums are added up in numpy's order, so that means agree bit by bit. A report costs
/// O(trials · log reports), as much as the rule demands; every worker waits at every report.
class RayMedian final : public Scheduler {
 public:
  RayMedian(Objective objective, RayMedianOptions options);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

 private:
  /// All reports of one trial that carried the objective.
  struct Course {
    std::vector<double> times = {};
    std::vector<double> values = {};
    std::vector<double> means = {};  ///< Running means at each report, valid while `rising`.
    bool rising = true;              ///< Times never fell (a retried trial repeats some).
    double best = 0;                 ///< As Python's min or max of `values` finds it.
    double seconds = 0;
    std::optional<std::pair<double, double>> last = {};  ///< Time and value of the last report.
    std::optional<double> last_pause = {};
    bool over = false;    ///< Told to end.
    bool spared = false;  ///< Judged bad under soft stops: not judged again.
  };
  enum class Verdict { kGoOn, kBad, kYield };

  Course& course(TrialId trial);
  const Course* find(TrialId trial) const;
  void append(Course& course, double time, double value) const;
  double time_of(const Report& report, const Course* course) const;
  double running_mean(const Course& course, double time) const;
  double best(const Course* course, double value) const;  ///< Of its values and this one.
  Verdict judge(const Report& report, const Trial& trial, const State& state) const;
  void take(const Report& report, Verdict verdict);

  Objective objective_;
  RayMedianOptions options_;
  std::vector<Course> courses_;  ///< By trial.
};

/// numpy.mean of these numbers, bit by bit. REQUIRES: not empty.
double numpy_mean(const double* values, std::size_t count);

}  // namespace clavier::sched
