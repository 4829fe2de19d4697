#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster_state.h"
#include "study/state.h"

namespace clavier::cluster {

/// Something that could run now.
struct Want {
  std::optional<TrialId> trial = {};  ///< None: a configuration not yet drawn.
  Steps until = kForever;             ///< Where the scheduler is asked next.
  std::int64_t slots = 1;             ///< Of one machine at once, or none; 0: it asks for nonsense.
  std::string alike = {};             ///< Whose are equal may be members of one launch,
  std::int64_t members = 1;           ///< of so many at most.
};

/// A live trial at the end of its stretch: it goes on where it is, waits there, or leaves its slot.
struct AtEnd {
  TrialId trial;
  SlotId slot;
  Steps done = 0;  ///< Where it would go on from.
  Steps until = kForever;
};

/// Everything runnable, best first, and everything that might make room.
struct Demand {
  const State& state;
  std::vector<Want> wants = {};
  std::vector<AtEnd> at_end = {};
  std::int64_t new_trials = 0;  ///< How many may still be created; kForever if there is no limit.
};

/// One launch. Those wants start together, several of them as members of one array on one slot;
/// each of them is asked about again at `stretch`. Where one asks for several slots, they are of
/// one node, and none is slower than the first. INVARIANT: neither is empty, and one of them holds
/// one.
struct Start {
  std::vector<std::size_t> wants;
  std::vector<SlotId> slots;
  Steps stretch = kForever;
};

/// What becomes of at_end[trial]: on to `stretch` in the same slot, or away from it. It waits where
/// it is, and is asked about again, if `stretch` is where it has come to.
struct Ruling {
  std::size_t trial = 0;
  bool stays = true;
  Steps stretch = kForever;
  std::string reason = {};  ///< Why it leaves.
};

struct Plan {
  std::vector<Start> starts = {};          ///< Each want and each slot at most once.
  std::vector<Ruling> rulings = {};        ///< One per trial at the end of its stretch.
  std::vector<std::string> left_out = {};  ///< Per want: why it waits; empty if it starts.
  /// Something is left out that will have room without anybody's doing: on a node that is away, in
  /// a slot that is being left. Nothing runs, and yet not all is lost.
  bool awaits_room = false;
  /// When the planner must be asked again about trials at the end of their stretches, although
  /// nothing happens: it has given a slot, in which one waits, to somebody.
  StudyTime next_look = kNever;
};

/// What there is to run, before it is known in detail.
struct Supply {
  std::size_t waiting = 0;      ///< Trials that are pending or paused.
  std::int64_t new_trials = 0;  ///< As in `Demand`.
  bool single = false;          ///< Only one of them will be started.
};

/// What everybody must know of a planner.
struct Traits {
  /// It cuts trials into stretches and takes them off their slots for others; schedulers then need
  /// not share out the slots themselves. It has a memory.
  bool multiplexes = false;
};

/// Decides which work goes to which slot. Deterministic in everything it was ever asked: recovery
/// asks a planner with a memory the same questions again. Never over-commits a slot; may cut a
/// trial's way into stretches, never lengthen it. Single-threaded.
class Planner {
 public:
  explicit Planner(Traits traits) : traits_(traits) {}
  virtual ~Planner() = default;

  Traits traits() const { return traits_; }
  virtual Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime now) = 0;
  /// How many runnables of the supply it wants to choose from just now; 0: it need not be asked.
  virtual std::size_t appetite(const ClusterState& cluster, const Supply& supply) const = 0;

 private:
  Traits traits_;
};

}  // namespace clavier::cluster
