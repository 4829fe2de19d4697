#pragma once

#include <string_view>

#include "base/result.h"
#include "train/data/dataset.h"

namespace clavier::train {

struct TrainerSpec;

/// Reads `data = "digits"` or `data = { source = "digits", … }` (the JSON of that value). Unknown
/// keys and values outside their range are errors that name them.
Result<data::DataSpec> parse_data(std::string_view json);

/// What a trial's data are: the table, the trainer's `image_size` and its `data_seed`.
Result<data::DataSpec> data_of(const TrainerSpec& spec);

}  // namespace clavier::train
