#include "cluster/cluster_state.h"

#include "base/match.h"

namespace clavier::cluster {

void ClusterState::apply(const Step& step) {
  apply(step.turn);
  apply(step.fill, step.turn.time);
}

void ClusterState::apply(const Turn& turn) {
  if (const auto* opened = std::get_if<Opened>(&turn.input); opened && !opened->rebuilt) {
    for (auto& [id, slot] : slots_) {
      slot.alive = false;
      slot.busy.reset();
    }
    held_.clear();
  }
  const auto* signal = std::get_if<Signal>(&turn.input);
  if (!signal) return;
  if (const auto* ended = std::get_if<LaunchEnded>(signal)) free(ended->launch, turn.time);
  if (const auto* joined = std::get_if<NodeJoined>(signal)) join(joined->node, turn.time);
  if (const auto* lost = std::get_if<NodeLost>(signal))
    for (auto& [id, slot] : slots_)
      if (slot.slot.node == lost->node) slot.alive = false;
}

void ClusterState::apply(const Fill& fill, StudyTime time) {
  for (const Launch& launch : fill.launches) {
    for (const Share& share : launch.shares) {
      SlotState& slot = slots_[share.slot];
      slot.busy = launch.id;
      slot.busy_since = time;
      ++slot.dispatches;
      held_[launch.id].push_back(share.slot);
    }
  }
}

void ClusterState::join(const Node& node, StudyTime time) {
  nodes_[node.id] = node;
  for (auto& [id, slot] : slots_)
    if (slot.slot.node == node.id) slot.alive = false;
  for (const Slot& slot : node.slots) {
    SlotState& known = slots_[slot.id];
    known.slot = slot;
    known.alive = true;
    known.idle_since = time;
  }
}

void ClusterState::free(LaunchId launch, StudyTime time) {
  const auto held = held_.find(launch);
  if (held == held_.end()) return;
  for (const SlotId id : held->second) {
    SlotState& slot = slots_.at(id);
    slot.busy.reset();
    slot.worked += time - slot.busy_since;
    slot.idle_since = time;
  }
  held_.erase(held);
}

std::vector<SlotId> ClusterState::free_slots() const {
  std::vector<SlotId> free;
  for (const auto& [id, slot] : slots_)
    if (slot.alive && !slot.busy) free.push_back(id);
  return free;
}

std::size_t ClusterState::alive_slots() const {
  std::size_t alive = 0;
  for (const auto& [id, slot] : slots_) alive += slot.alive;
  return alive;
}

}  // namespace clavier::cluster
