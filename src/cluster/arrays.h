#pragma once

#include <cstddef>

#include "cluster/planner.h"

namespace clavier::cluster {

/// What `planner` answers if those wants that are alike stand for one, in each launch as many as
/// they say. The first want's array is placed first, then the largest ones. Where fewer trials
/// are left than all slots could hold, they are spread over the slots: each gets its part of all
/// that runs or is to run.
/// REQUIRES: every want is for one slot; the planner shares out no slots over time.
Plan plan_arrays(Planner& planner, const Demand& demand, const ClusterState& cluster,
                 StudyTime now);

}  // namespace clavier::cluster
