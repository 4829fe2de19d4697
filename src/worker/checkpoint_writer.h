#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "study/ids.h"

namespace clavier::worker {

/// Writes the state of a trial into the directory it gets; throws if it cannot.
using Save = std::function<void(const std::filesystem::path&)>;

/// Lets `save` fill a new hidden directory inside `trial_directory`, then renames it, so that a
/// checkpoint is there as a whole or not at all. Returns its name there. After a failure, also
/// one thrown by `save`, nothing of it is left and earlier checkpoints are untouched. kUnavailable
/// if the disk is full, which is no fault of the trial.
Result<std::string> write_checkpoint(const std::filesystem::path& trial_directory, Steps step,
                                     LaunchId launch, const Save& save);

}  // namespace clavier::worker
