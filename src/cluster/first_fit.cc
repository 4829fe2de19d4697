#include "cluster/first_fit.h"

#include <algorithm>

namespace clavier::cluster {
namespace {

/// Fastest first. Who shares a device is slower there: its places count as if taken one by one.
std::vector<SlotId> in_order(const ClusterState& cluster) {
  struct Place {
    SlotId slot;
    double speed;
    int company;  ///< On its device, with it.
  };
  std::vector<Place> places;
  SlotId last;
  int company = 0;
  for (const SlotId id : cluster.free_slots()) {
    company =
        cluster.packing().same_device(last, id) ? company + 1 : cluster.packing().company(id) + 1;
    const double part = cluster.packing().part(id, company);
    places.push_back({id, cluster.slots().at(id).slot.speed * part, company});
    last = id;
  }
  std::ranges::stable_sort(places, [](const Place& a, const Place& b) {
    return a.speed != b.speed ? a.speed > b.speed : a.company < b.company;
  });
  std::vector<SlotId> slots;
  for (const Place& place : places) slots.push_back(place.slot);
  return slots;
}

}  // namespace

Plan FirstFit::plan(const Demand& demand, const ClusterState& cluster, StudyTime) {
  const std::vector<SlotId> free = in_order(cluster);
  Plan plan;
  plan.left_out.resize(demand.wants.size());
  for (std::size_t want = 0; want < demand.wants.size(); ++want) {
    if (want < free.size())
      plan.starts.push_back({{want}, {free[want]}});
    else
      plan.left_out[want] =
          cluster.alive_slots() == 0 ? "no slot has joined yet" : "every slot is busy";
  }
  return plan;
}

std::size_t FirstFit::appetite(const ClusterState& cluster, const Supply& supply) const {
  return supply.single ? std::min<std::size_t>(cluster.free_count(), 1) : cluster.free_count();
}

}  // namespace clavier::cluster
