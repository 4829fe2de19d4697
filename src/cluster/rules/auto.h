#pragma once

#include <vector>

#include "cluster/rules/legs.h"

namespace clavier::cluster::rules {

struct AutoOptions {
  /// A dispatch is at most this part of what is left of the study, so that a wrong belief about a
  /// slot is found out in time. The trial usually stays, so a cut costs nothing.
  double chunk = 1.0 / 64;
  /// Schedules are made anew at most once in this part of what is left, unless something joined,
  /// left or stopped.
  double pace = 1.0 / 64;
  /// But neither is shorter than this many moves, or moves would eat what they gain.
  double moves_per_chunk = 8;
  /// A learned speed that differs by less from the one planned with changes nothing.
  double tolerance = 0.01;
  /// From this many trials and slots together fewer candidates are drawn up, at a quarter of the
  /// pace.
  std::size_t large = 400;
  /// How much better a new schedule must be than going on with the present one.
  double gain = 0.005;
};

/// Finishes all trials as early as possible on slots of unequal and changing speed: keeps a
/// schedule of everything that is left, follows it in short dispatches, and whenever speeds turn
/// out different draws up candidates (level schedules from the present state, a list schedule, the
/// present one) and takes the one whose rehearsal at the learned speeds ends first, moves and
/// evaluations costed. Slots of unknown speed first run two iterations. While more trials are to
/// come than anybody can see, slots finish trials one after the other.
class Auto : public RolloutRule {
 public:
  explicit Auto(AutoOptions options = {}) : options_(options) {}

  Habits habits() const override { return {}; }
  void observe(const RolloutView& view, const Happening& happening) override;
  std::optional<Dispatch> next(const RolloutView& view) override;

 private:
  enum class Need { kNone, kWish, kMust };

  std::optional<Dispatch> probe(const RolloutView& view);
  void schedule(const RolloutView& view);
  std::optional<Dispatch> follow(const RolloutView& view);
  /// The slot where the trial's next leg is; -1: none.
  int next_slot(const RolloutView& view, int trial) const;
  std::optional<Dispatch> follow(const RolloutView& view, int slot);
  /// Instead of waiting idle for a trial that comes late: more of the trial that is about to leave
  /// `slot` but must wait, too, for where it goes.
  std::optional<Dispatch> bridge(const RolloutView& view, int slot) const;
  std::optional<Dispatch> last_resort(const RolloutView& view) const;
  /// While the end is far: every slot brings trials to their end, one after the other.
  std::optional<Dispatch> keep_busy(const RolloutView& view);
  int next_trial(const RolloutView& view, int slot);
  Steps chunk(const RolloutView& view, int slot, const Leg& leg) const;

  AutoOptions options_;
  Legs legs_ = {};
  struct Stop {
    Steps to = 0;
    int slot = 0;
  };
  std::vector<std::vector<Stop>> itinerary_ = {};  ///< By trial: its legs, in order.
  std::vector<double> planned_seconds_ = {};       ///< By slot, per unit of work.
  std::vector<double> planned_costs_ = {};         ///< By trial.
  Steps planned_grid_ = 1;
  double end_ = 0;  ///< When the schedule ends everything.
  double next_schedule_ = 0;
  Need need_ = Need::kMust;
  bool whole_ = false;               ///< The legs cover everything that is left.
  bool far_ = false;                 ///< The end was far when last asked.
  std::vector<int> begun_ = {};      ///< Then: trials that some slot has lost or left.
  std::size_t fresh_ = 0;            ///< Then: those before it are not fresh.
  bool probing_ = false;             ///< Some slot may be of unknown speed.
  std::vector<int> to_ask_ = {};     ///< Slots that may have something to start.
  std::vector<int> last_here_ = {};  ///< By slot: the trial that ran there last; -1: none.
  std::int64_t schedules_made_ = 0;
};

}  // namespace clavier::cluster::rules
