#include "report/machines.h"

#include <set>

namespace clavier::report {

void Machines::apply(const Step& step) {
  // A new run: its executor tells anew which nodes there are.
  if (std::holds_alternative<Opened>(step.turn.input)) {
    nodes_.clear();
    slots_.clear();
    further_.clear();
    return;
  }
  for (const Launch& launch : step.fill.launches)
    for (std::size_t i = 1; i < launch.shares.size(); ++i)
      further_[launch.id].push_back(launch.shares[i].slot);
  if (const auto* joined = input_as<NodeJoined>(step.turn)) {
    nodes_[joined->node.id] = joined->node;
    for (const Slot& slot : joined->node.slots) slots_[slot.id] = {joined->node.id, slot.resources};
  } else if (const auto* lost = input_as<NodeLost>(step.turn)) {
    nodes_.erase(lost->node);
  } else if (const auto* ended = input_as<LaunchEnded>(step.turn)) {
    further_.erase(ended->launch);
  }
}

Machines::Use Machines::use(const State& state) const {
  Use use;
  for (const auto& [id, node] : nodes_) {
    use.cpus.total += node.cpus;
    use.gpus.total += static_cast<double>(node.gpus.size());
    use.memory_mb += node.memory_mb;
  }
  use.nodes = nodes_.size();
  std::set<LaunchId> counted;  // members of one launch share its slot
  for (const TrialId id : state.with_status(TrialStatus::kRunning)) {
    const Trial& trial = state.trial(id);
    if (!counted.insert(trial.launch).second) continue;
    std::vector<SlotId> held{trial.slot};
    if (const auto further = further_.find(trial.launch); further != further_.end())
      held.insert(held.end(), further->second.begin(), further->second.end());
    for (const SlotId each : held) {
      const auto slot = slots_.find(each);
      if (slot == slots_.end()) continue;
      use.cpus.used += slot->second.resources.cpus;
      use.gpus.used += slot->second.resources.gpus;
    }
  }
  return use;
}

std::string Machines::host(SlotId slot) const {
  const auto place = slots_.find(slot);
  if (place == slots_.end()) return {};
  const auto node = nodes_.find(place->second.node);
  return node == nodes_.end() ? std::string() : node->second.host;
}

}  // namespace clavier::report
