#pragma once

#include <algorithm>
#include <map>

#include "cluster/backfill.h"

namespace clavier::cluster {

/// For tests and benchmarks: who fits starts, in order; nothing is kept for anybody.
class GreedyGangs final : public Planner {
 public:
  GreedyGangs() : Planner({}) {}
  Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime) override {
    std::map<NodeId, std::vector<SlotId>> free;
    for (const SlotId id : cluster.free_slots())
      free[cluster.slots().at(id).slot.node].push_back(id);
    Plan plan;
    plan.left_out.assign(demand.wants.size(), "it does not fit");
    for (std::size_t i = 0; i < demand.wants.size(); ++i) {
      const auto wanted = static_cast<std::ptrdiff_t>(demand.wants[i].slots);
      for (auto& [node, slots] : free) {
        if (std::ssize(slots) < wanted) continue;
        plan.starts.push_back({.wants = {i}, .slots = {slots.begin(), slots.begin() + wanted}});
        slots.erase(slots.begin(), slots.begin() + wanted);
        plan.left_out[i].clear();
        break;
      }
    }
    return plan;
  }
  std::size_t appetite(const ClusterState& cluster, const Supply& supply) const override {
    return Backfill({}).appetite(cluster, supply);
  }
};

}  // namespace clavier::cluster
