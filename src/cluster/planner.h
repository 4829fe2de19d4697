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
  /// Something is left out that would fit on a node which is away: nothing runs, and yet not all
  /// is lost.
  bool awaits_node = false;
};

/// Decides which work goes to which slot. Deterministic in everything it was ever asked: recovery
/// asks a planner with a memory the same questions again. Never over-commits a slot; may cut a
/// trial's way into stretches, never lengthen it.
class Planner {
 public:
  virtual ~Planner() = default;

  virtual Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime now) = 0;
  /// How many runnables it can make use of just now.
  virtual std::size_t appetite(const ClusterState& cluster) const = 0;
  /// It cuts trials into stretches and takes them off their slots for others; schedulers then need
  /// not share out the slots themselves. It has a memory.
  virtual bool multiplexes() const { return false; }
  /// It has given a slot, in which a trial waits at the end of a stretch, to somebody: it must be
  /// asked about that trial although nothing happens.
  virtual bool restless() const { return false; }
  /// What this trial waits for, in words; empty if it does not know.
  virtual std::string why(TrialId) const { return {}; }
};

}  // namespace clavier::cluster
