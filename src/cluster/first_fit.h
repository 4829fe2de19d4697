#pragma once

#include "cluster/planner.h"

namespace clavier::cluster {

/// Gives the best runnable the fastest idle slot, and so on; ties to the device that fewer share,
/// then to the lower slot id. All slots
/// of a study carry the resources of one trial, so any runnable fits any slot.
class FirstFit : public Planner {
 public:
  FirstFit() : Planner({}) {}

  Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime now) override;
  std::size_t appetite(const ClusterState& cluster, const Supply& supply) const override;
};

}  // namespace clavier::cluster
