#pragma once

#include <cstdint>
#include <limits>

#include "base/id.h"

namespace clavier {

/// Trials count from 0 in the order of their creation; so do steps of the log and launches.
using TrialId = Id<struct TrialTag>;
using StepId = Id<struct StepTag>;
using LaunchId = Id<struct LaunchTag>;
using NodeId = Id<struct NodeTag>;
using SlotId = Id<struct SlotTag>;

/// Training progress in the trial's own steps: what it reports as `step` (epochs or batches),
/// else the count of its reports.
using Steps = std::int64_t;
inline constexpr Steps kForever = std::numeric_limits<Steps>::max();

}  // namespace clavier
