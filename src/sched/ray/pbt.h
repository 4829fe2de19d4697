#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sched/explore.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// Whose steps a trial counts after it has taken over a donor's weights.
enum class Counter {
  kDonors,  ///< Those of the weights, as Ray does.
  kOwn,     ///< Its own: its budget no longer counts the training of its weights (HRFS).
};

/// Names and defaults as in Ray Tune, in steps.
struct RayPbtOptions {
  Steps perturbation_interval = 60;
  Steps burn_in_period = 0;
  double quantile_fraction = 0.25;
  ExploreOptions explore = {};
  Steps max_steps = kForever;  ///< A trial is complete here.
  Counter counter = Counter::kDonors;
  bool shares_slots = true;  ///< As in `PbtOptions`.
};

/// The asynchronous rule of Ray Tune's PopulationBasedTraining (2.60), for comparisons; `Pbt` is
/// the sound rule. What is Ray's own, and reproduced:
///   · a trial is tested at the first report at least one interval after its last test, and ranked
///     with all others by their last tested scores, whatever their progress; NaN takes no part;
///   · only who was in the upper quantile at its own last test is a donor, else nothing happens;
///   · the lower quantile takes over a donor drawn from the upper one, be it better or not, and
///     explores without clipping (`explore_as_ray`);
///   · a trial gives up its slot after every test while others wait for one.
/// Reports of one turn are taken one by one. Ray could set the same trial back for ever: no trial
/// takes over the same checkpoint more than kMostTimes here.
///
/// With Counter::kOwn it is the rule of the HRFS tuner (Ken and Wu, J. Supercomputing, 2024)
/// without its races: ended trials are ranked as well, a value of exactly 0 counts as none, every
/// wait ends a task of which only a full interval is tested, and a trial keeps its own counter.
class RayPbt final : public Scheduler {
 public:
  /// REQUIRES: check(space, options).
  RayPbt(Objective objective, Space space, RayPbtOptions options, std::uint64_t seed);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  static constexpr int kMostTimes = 50;

 private:
  /// What Ray keeps of one trial.
  struct Course {
    std::optional<double> score = {};           ///< At its last test; more is better.
    std::optional<Checkpoint> checkpoint = {};  ///< If it was in the upper quantile then.
    double saved_value = 0;                     ///< Of that checkpoint.
    Steps last = 0;                             ///< Step of the weights at its last test.
    Steps offset = 0;                           ///< Its own counter less that of its weights.
    std::optional<Exploit> plan = {};           ///< To be carried out as it leaves its slot.
    std::string reason = {};                    ///< Of the plan.
    std::map<std::pair<TrialId, Steps>, int> taken = {};
  };
  using Courses = std::vector<Course>;

  Course& course(Courses& courses, TrialId trial) const;
  Steps until(const Course& course, Steps step) const;
  bool due(const Course& course, const Report& report, bool waits) const;
  bool full(const Course& course, Steps step) const;
  bool ranked(TrialId trial, const Course& course, const State& state) const;
  /// Takes the report into `courses` and tests the trial.
  Decision test(const Report& report, const State& state, Courses& courses) const;
  Decision exploit(TrialId trial, TrialId donor, Courses& courses, const State& state) const;
  void took_over(const Exploit& exploit, Steps from);
  std::vector<Runnable> resumes(const State& state) const;

  Objective objective_;
  Space space_;
  RayPbtOptions options_;
  std::uint64_t seed_;
  Courses courses_;  ///< By trial.
};

/// As `check` of PbtOptions.
Status check(const Space& space, const RayPbtOptions& options);

}  // namespace clavier::sched
