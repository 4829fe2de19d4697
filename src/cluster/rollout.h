#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/rate.h"
#include "study/ids.h"

namespace clavier::cluster {

/// What a rollout knows of one trial. Trials and slots are numbered from 0.
struct RolloutTrial {
  Steps target = 0;          ///< Iterations at which it is finished.
  Steps done = 0;            ///< Already behind it.
  double cost = 1;           ///< Units of work per iteration.
  Steps stop_at = kForever;  ///< The first evaluation at or after this ends it; no rule knows.
  int home = -1;             ///< Slot that holds its checkpoint; -1: there is none.
};

struct RolloutSlot {
  Rate rate = 1;                       ///< Units of work per second. No rule knows.
  std::optional<double> assumed = {};  ///< The rate a rule may assume before it measured one.
  bool bundle = true;                  ///< Carries the bundle that uniform placement asks for.
};

struct RolloutCosts {
  Steps interval = 50;      ///< Iterations between two evaluations.
  double evaluation = 0;    ///< Of one evaluation, in iterations of the trial.
  double move_seconds = 0;  ///< To fetch a checkpoint that another slot holds.
  Steps grid = 1;           ///< Dispatches end at multiples of it, or at the target.

  /// The first of these places at or after an iteration.
  Steps on_grid(Steps iteration, Steps target) const {
    return std::min(target, (iteration + grid - 1) / grid * grid);
  }
};

/// From `time` on the slot is there, or gone with what ran on it since the last evaluation.
struct SlotChange {
  double time = 0;
  int slot = 0;
  bool alive = false;
};

/// A whole situation: what remains to be done, by which slots, under which circumstances.
struct Scenario {
  std::vector<RolloutTrial> trials = {};
  std::vector<RolloutSlot> slots = {};
  RolloutCosts costs = {};
  std::vector<SlotChange> changes = {};  ///< In order of time.
  /// Relative standard deviation of the time an interval takes, drawn once per slot, trial and
  /// interval, so that every rule meets the same.
  double noise = 0;
  std::uint64_t seed = 0;
};

/// How trials behave under a rule's regime.
struct Habits {
  /// One evaluation at the end of every dispatch, as the sources do; else whenever a trial
  /// reaches a multiple of the interval, wherever its dispatches begin and end.
  bool evaluates_each_dispatch = false;
  /// Its checkpoint travels at every dispatch but the first, even if the trial stays.
  bool moves_each_dispatch = false;
};

/// What a rule may see of a trial.
struct TrialView {
  Steps done = 0;  ///< As of the end of its last dispatch.
  Steps target = 0;
  double cost = 1;
  bool finished = false;  ///< Or stopped.
  bool stopped = false;   ///< Ended before its target.
  int slot = -1;          ///< Where it runs; -1: nowhere.
  int home = -1;          ///< Slot that holds its checkpoint; -1: none yet.
};

/// What a rule may see of a slot.
struct SlotView {
  bool alive = false;
  int trial = -1;   ///< What runs there; -1: nothing.
  Steps until = 0;  ///< Of the running dispatch.
  double since = 0;
  double work = 0;  ///< Nominal, of the running dispatch.
  double move = 0;  ///< Seconds of it spent on fetching the checkpoint.
  /// Moving average of seconds per unit of work over ended dispatches, an interval's worth counting
  /// one half; begun anew when one is off by half; before the first: what may be assumed, if
  /// anything.
  std::optional<double> seconds_per_unit = {};
  std::int64_t measured = 0;  ///< Ended dispatches.
  bool bundle = true;
};

/// Takes an ended dispatch into the slot's moving average: `measured` seconds per unit of work,
/// over so many intervals.
void learn_speed(SlotView& slot, double measured, double intervals);

/// Units of work to bring a trial from one iteration to another: training, and the evaluations due
/// at multiples of the interval and at the target.
double nominal_work(const RolloutCosts& costs, double cost, Steps target, Steps from, Steps to);

struct RolloutView {
  double now = 0;
  bool more_now = false;  ///< Something else happens at this very moment.
  /// More trials will follow than can be seen: the end is far.
  bool more_trials = false;
  std::vector<TrialView> trials = {};
  std::vector<SlotView> slots = {};
  RolloutCosts costs = {};

  double work(int trial, Steps from, Steps to) const;
};

struct Dispatch {
  int trial = 0;
  int slot = 0;
  Steps iterations = 0;
};

struct Happening {
  enum class Kind {
    kJoined,  ///< `slot` is there; `trial` is -1.
    kEnded,   ///< `trial` did what it was dispatched for on `slot`, or stopped.
    kLost,    ///< `slot` is gone; `trial`, if not -1, is back at its last evaluation.
  };
  Kind kind = Kind::kJoined;
  int slot = 0;
  int trial = -1;
  Steps iterations = 0;
  double seconds = 0;  ///< Of the dispatch, the move included.
};

/// Answers which trial an idle slot runs next, and for how long. Told everything in order; asked
/// after everything it was told, until it has no answer.
class RolloutRule {
 public:
  virtual ~RolloutRule() = default;

  virtual Habits habits() const = 0;
  virtual void observe(const RolloutView& view, const Happening& happening) = 0;
  /// The trial must be neither running nor finished, the slot alive and idle. It runs on to the
  /// next place where dispatches end.
  virtual std::optional<Dispatch> next(const RolloutView& view) = 0;
};

/// One dispatch as it was carried out.
struct Piece {
  int slot = 0;
  int trial = 0;
  Steps from = 0;
  Steps to = 0;
  double start = 0;
  double end = 0;
  bool moved = false;
};

struct RolloutResult {
  double makespan = 0;
  bool hung = false;  ///< Unfinished trials were left and nothing more would have happened.
  std::int64_t moves = 0;
  std::int64_t dispatches = 0;
  std::int64_t events = 0;
  std::vector<Piece> pieces = {};  ///< Only if asked for.
};

struct RolloutOptions {
  bool record_pieces = false;
  double start = 0;  ///< The clock's first value.
};

/// Plays the scenario in virtual time under the rule. Deterministic.
/// REQUIRES: targets and costs and intervals are positive.
RolloutResult roll_out(const Scenario& scenario, RolloutRule& rule,
                       const RolloutOptions& options = {});

/// The bound on the makespan of a scenario from its start: works with evaluations included, moves
/// free, early stops as they will happen, rates as they will change.
double bound_of(const Scenario& scenario);

}  // namespace clavier::cluster
