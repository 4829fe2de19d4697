#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster_state.h"
#include "study/time.h"

namespace clavier::cluster {

/// Something that could run now.
struct Want {
  std::optional<TrialId> trial = {};  ///< None: a configuration not yet drawn.
  Steps done = 0;
  Steps until = kForever;
  Resources resources = {};
  std::optional<NodeId> checkpoint_at = {};
  std::uint64_t checkpoint_bytes = 0;
};

struct Running {
  LaunchId launch;
  TrialId trial;
  SlotId slot;
  Steps done = 0;
  Steps until = kForever;
};

/// Everything runnable, best first, and everything running.
struct Demand {
  std::vector<Want> wants;
  std::vector<Running> running;
};

/// wants[want] starts on `slot`, until a step no later than it asked for.
struct Start {
  std::size_t want = 0;
  SlotId slot;
  Steps until = kForever;
};

struct Plan {
  std::vector<Start> starts;          ///< At most one per want and per slot.
  std::vector<std::string> left_out;  ///< Per want: why it waits; empty if it starts.
};

/// Decides which work goes to which slot. Pure: same arguments, same plan. Never over-commits a
/// slot; may shorten an `until`, never lengthen it.
class Planner {
 public:
  virtual ~Planner() = default;

  virtual Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime now) const = 0;
  /// How many runnables it can make use of just now.
  virtual std::size_t appetite(const ClusterState& cluster) const = 0;
};

}  // namespace clavier::cluster
