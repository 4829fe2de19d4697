#pragma once

#include "base/result.h"
#include "train/data/dataset.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {

/// Reads `data = "digits"` or `data = { source = "digits", … }`. Unknown keys and values outside
/// their range are added to `problems`.
data::DataSpec read_data(const Json& json, KeyProblems& problems);

/// What a trial's data are: the table, the trainer's `image_size` and its `data_seed`.
Result<data::DataSpec> data_of(const TrainerSpec& spec);

}  // namespace clavier::train
