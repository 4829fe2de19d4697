#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "study/state.h"

namespace clavier::app {

/// Removes what a killed run has left in the trials' directories: checkpoints that were written but
/// never logged, or whose deletion was logged but not done, and half-written ones. Only names as
/// our workers give them (`checkpoint_000005_12`, `.checkpoint_000005_12.part`) are touched, so a
/// user's own files stay. What cannot be removed stays, too, and so does what lies behind a link.
/// Returns how many went. REQUIRES: no worker of the study lives, and its log is ours.
int remove_leftovers(const std::filesystem::path& study, const State& state);

/// Kills what workers of a killed run have started and its guards, killed as well, could not end.
/// Says so with `warn` if some cannot be killed. REQUIRES: the log is ours, no worker was started.
void kill_leftovers(const std::filesystem::path& study,
                    const std::function<void(const std::string&)>& warn);

}  // namespace clavier::app
