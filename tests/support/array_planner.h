#pragma once

#include <algorithm>
#include <utility>

#include "cluster/planner.h"

namespace clavier::tuner {

/// Puts up to `members` of what could run on each idle slot, as one launch, for tests of whoever
/// deals with such launches.
class ArrayPlanner final : public cluster::Planner {
 public:
  explicit ArrayPlanner(std::size_t members) : Planner({}), members_(members) {}

  cluster::Plan plan(const cluster::Demand& demand, const cluster::ClusterState& cluster,
                     StudyTime) override {
    cluster::Plan plan;
    plan.left_out.assign(demand.wants.size(), "no room");
    std::size_t want = 0;
    for (const SlotId slot : cluster.free_slots()) {
      cluster::Start start{.wants = {}, .slots = {slot}};
      for (; want < demand.wants.size() && start.wants.size() < members_; ++want) {
        start.wants.push_back(want);
        plan.left_out[want].clear();
      }
      if (!start.wants.empty()) plan.starts.push_back(std::move(start));
    }
    return plan;
  }
  /// It wants to see all that its launches could hold, also where one trial is to go first.
  std::size_t appetite(const cluster::ClusterState& cluster,
                       const cluster::Supply&) const override {
    return members_ * cluster.free_count();
  }

 private:
  std::size_t members_;
};

}  // namespace clavier::tuner
