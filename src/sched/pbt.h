#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sched/explore.h"
#include "sched/scheduler.h"

namespace clavier::sched {

enum class Exchange {
  kAsynchronous,  ///< Each trial is judged as it reaches a boundary.
  kSynchronous,   ///< All trials that live wait for each other at every boundary.
};

struct PbtOptions {
  Steps interval = 10;         ///< A boundary at each multiple of it.
  Steps burn_in = 0;           ///< Nobody is judged before this step.
  Steps max_steps = kForever;  ///< A trial is complete here.
  double quantile = 0.25;      ///< Of the population: so many lose, so many may be donors.
  Exchange exchange = Exchange::kAsynchronous;
  /// Asynchronous: trials make room at boundaries for those that wait. Off where a planner sees to
  /// that.
  bool shares_slots = true;
  ExploreOptions explore = {};
};

/// What is wrong with them, before the first trial: quantile outside [0, 0.5], interval not
/// positive or beyond the budget, nothing that may change, ….
Status check(const Space& space, const PbtOptions& options);

/// Where a trial stood as it last reached a boundary.
struct Mark {
  Steps step = -1;  ///< -1: never.
  std::optional<double> value = {};
  LaunchId launch = {};
  std::optional<Checkpoint> checkpoint = {};  ///< Of the weights that had this value.
  /// The trial still goes on with those weights and that configuration: no exploit since.
  bool own = false;
  bool waits = false;                 ///< It was paused here and is to be judged as it leaves.
  Steps took_over = -1;               ///< Step of its own at which it last took over others.
  Steps seen = 0;                     ///< Of its last report, wherever that was.
  std::optional<double> latest = {};  ///< The value of that report.
};

/// Population-based training (Jaderberg et al., 2017) that stays fair on unequal machines. Needs
/// trainables that resume from a checkpoint, checkpoints at the boundaries, and trials enough to
/// call a population: the study's limit on trials is its size.
///
/// The rule. A trial waits at every boundary. It is ranked by the last values of all trials not
/// ended whose last report is within one interval of its own (NaN last, ties to the lower id). Is
/// it in the lower quantile, a donor is drawn from the upper one. If the donor's value at its last
/// boundary is better, its weights of then are there as a checkpoint and it has not itself taken
/// over others since, the trial takes over these weights and a configuration explored from the
/// donor's, in one decision: weights never meet hyperparameters of another origin. Else it goes on
/// as it is, with the reason. The donor may be an interval behind; who came past a step once by
/// taking over is not judged again up to there, so that everybody gets on.
///
/// Does anybody wait for a slot, or is a member of the population still to be made, the trial is
/// paused at its boundary and judged as it leaves, so that the slot is shared out by progress:
/// the least advanced goes on first. Synchronous: every trial is paused, and all are judged
/// together when the last has left.
///
/// Every draw is keyed by (seed, trial, step). Ended trials take no part. A judgement looks at each
/// trial of the population once.
class Pbt final : public Scheduler {
 public:
  /// REQUIRES: check(space, options).
  Pbt(Objective objective, Space space, PbtOptions options, std::uint64_t seed);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  /// By trial; shorter than the list of trials.
  const std::vector<Mark>& marks() const { return marks_; }

 private:
  using Marks = std::vector<Mark>;

  bool synchronous() const { return options_.exchange == Exchange::kSynchronous; }
  /// The boundary where a trial at `step` waits next.
  Steps after(Steps step) const;
  Decision at_boundary(const Report& report, const State& state, const Marks& marks) const;
  /// Takes over a donor's weights, or goes on with the reason.
  Decision judge(TrialId trial, const Marks& marks, const State& state) const;
  Decision take_over(TrialId trial, TrialId donor, const std::string& standing, const Marks& marks,
                     const State& state) const;
  void judge_at_rest(TrialId trial, const State& state, std::vector<Decision>& decisions) const;
  /// No other report since the last one lay in the same interval.
  bool at_or_past_boundary(const Report& report) const;
  void see(const Report& report);
  /// Synchronous: everybody is there.
  bool all_met(const State& state) const;
  bool others_wait(TrialId besides, const State& state) const;
  std::vector<Runnable> resumes(const State& state) const;

  Objective objective_;
  Space space_;
  PbtOptions options_;
  std::uint64_t seed_;
  Marks marks_;
  Steps meeting_;  ///< Synchronous: the boundary at which all meet next.
};

}  // namespace clavier::sched
