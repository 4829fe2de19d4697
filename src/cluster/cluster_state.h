#pragma once

#include <map>
#include <optional>
#include <vector>

#include "study/step.h"

namespace clavier::cluster {

/// One slot and what the log says about its use.
struct SlotState {
  Slot slot;
  bool alive = true;                  ///< Its node is here.
  std::optional<LaunchId> busy = {};  ///< The launch that holds it.
  StudyTime busy_since{};
  StudyTime idle_since{};
  std::int64_t dispatches = 0;
  StudyDuration worked{};  ///< In launches that ended.
};

/// Nodes and slots as the fold of the log, so that a resumed study plans as the uninterrupted one.
class ClusterState {
 public:
  void apply(const Step& step);
  void apply(const Turn& turn);
  void apply(const Fill& fill, StudyTime time);

  const std::map<NodeId, Node>& nodes() const { return nodes_; }
  /// In order of id; dead ones included.
  const std::map<SlotId, SlotState>& slots() const { return slots_; }
  /// Alive and idle, in order of id.
  std::vector<SlotId> free_slots() const;
  std::size_t alive_slots() const;

 private:
  void join(const Node& node, StudyTime time);
  void free(LaunchId launch, StudyTime time);

  std::map<NodeId, Node> nodes_;
  std::map<SlotId, SlotState> slots_;
  std::map<LaunchId, std::vector<SlotId>> held_;
};

}  // namespace clavier::cluster
