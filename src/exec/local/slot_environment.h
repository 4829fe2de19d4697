#pragma once

#include <map>
#include <string>
#include <vector>

#include "study/node.h"

namespace clavier::exec {

/// What every worker of a slot finds: as many threads as it has cores, only its devices, output
/// that is not held back. Depends on the slot alone, so a worker can serve trial after trial.
std::map<std::string, std::string> slot_environment(const Slot& slot);

/// `base` (NAME=value) without variables that begin with CLAVIER_, overlaid by `layers`, later
/// ones stronger. Sorted by name.
std::vector<std::string> merge_environment(
    const std::vector<std::string>& base,
    const std::vector<std::map<std::string, std::string>>& layers);

}  // namespace clavier::exec
