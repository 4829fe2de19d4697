#include "cluster/first_fit.h"

#include <algorithm>

namespace clavier::cluster {

Plan FirstFit::plan(const Demand& demand, const ClusterState& cluster, StudyTime) {
  std::vector<SlotId> free = cluster.free_slots();
  std::ranges::stable_sort(free, std::greater{},
                           [&](SlotId id) { return cluster.slots().at(id).slot.speed; });
  Plan plan;
  plan.left_out.resize(demand.wants.size());
  for (std::size_t want = 0; want < demand.wants.size(); ++want) {
    if (want < free.size())
      plan.starts.push_back({want, free[want]});
    else
      plan.left_out[want] =
          cluster.alive_slots() == 0 ? "no slot has joined yet" : "every slot is busy";
  }
  return plan;
}

std::size_t FirstFit::appetite(const ClusterState& cluster) const { return cluster.free_count(); }

}  // namespace clavier::cluster
