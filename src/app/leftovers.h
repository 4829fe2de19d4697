#pragma once

#include <filesystem>

#include "study/state.h"

namespace clavier::app {

/// Removes what a killed run has left in the trials' directories: checkpoints that were written but
/// never logged, or whose deletion was logged but not done, and half-written ones. Only names as
/// our workers give them (`checkpoint_000005_12`, `.checkpoint_000005_12.part`) are touched, so a
/// user's own files stay. What cannot be removed stays, too.
/// Returns how many went. REQUIRES: no worker of the study lives, and its log is ours.
int remove_leftovers(const std::filesystem::path& study, const State& state);

}  // namespace clavier::app
