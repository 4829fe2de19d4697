#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "sched/ranking.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// What progress is measured in.
enum class Axis {
  kSteps,
  kSeconds,  ///< Of a trial's own training, as its reports measure it, all attempts together.
};

struct MedianOptions {
  Axis axis = Axis::kSteps;
  double grace = 1;            ///< No trial is judged before, and no earlier value counts.
  double every = 1;            ///< Trials are judged at grace, grace + every, grace + 2·every, …
  int min_trials = 5;          ///< No trial is judged with fewer others.
  double percentile = 50;      ///< So many percent of the others, the best, set the bar.
  Steps max_steps = kForever;  ///< A trial is complete here; kForever: it ends by itself.
};

/// Median stopping (Golovin et al., KDD 2017). At each of its milestones a trial is stopped if its
/// best value so far is strictly worse than the median of what the other trials had on average when
/// they came to the same milestone. `percentile` puts another place of their order where the median
/// stands, counted from the best and interpolated between neighbours: 25 stops all that is worse
/// than the best quarter, whether less or more is better.
///
/// "On average": the mean of the reports from grace on that carry a number; none: ranks last, as
/// NaN. A report counts for the highest milestone at or below it, once per trial; reports of one
/// turn see each other. A trial without any number is stopped as soon as the median is one; a
/// median that is no number, or lies next to none, stops nobody. By seconds no worker ever waits: a
/// stop reaches it at its next report.
class Median final : public Scheduler {
 public:
  /// REQUIRES: every > 0, grace >= 0, min_trials >= 1, 0 <= percentile <= 100.
  Median(Objective objective, MedianOptions options);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  std::int64_t visits() const;

 private:
  /// What is known of a trial's course.
  struct Course {
    Steps step = 0;
    double seconds = 0;
    double sum = 0;
    std::int64_t count = 0;
    std::int64_t milestone = -1;  ///< The last one it came to.
    double mean() const;
  };
  /// A trial at its report: its course with it, and the milestone it comes to, if to any.
  struct Arrival {
    TrialId trial;
    Course course;
    bool comes = false;
  };

  Course course(TrialId trial) const;
  std::vector<Arrival> arrivals(const Turn& turn, const State& state) const;
  Arrival arrive(const Report& report, const Trial& trial) const;
  /// What a trial must not be worse than, of the others' means: those known and `extra` in order.
  /// REQUIRES: there is one.
  double bar_of(const Ranking& means, std::span<const double> extra) const;
  /// Why the trial is to be stopped; empty: it goes on.
  std::string verdict(const Arrival& arrival, const std::vector<Arrival>& together,
                      const Trial& trial) const;
  Steps next_until(Steps step) const;

  Objective objective_;
  MedianOptions options_;
  std::vector<Course> courses_;            ///< By trial.
  std::map<std::int64_t, Ranking> means_;  ///< By milestone.
};

}  // namespace clavier::sched
