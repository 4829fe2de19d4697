#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "train/data/dataset.h"

namespace clavier::train::data {

/// What a model must know of the data it was trained on, as JSON: everything of `data` but its
/// samples and remarks. Part of a checkpoint (docs/trainer.md) and of exported data.
Json facts_of(const Dataset& data);

/// A data set without samples. `origin` names the file in errors.
Result<Dataset> parse_facts(std::string_view json, std::string_view origin);

/// Normalises `data` as a model saw its data. Fails if they cannot be those it was trained on.
Status adopt_facts(Dataset& data, const Dataset& facts);

}  // namespace clavier::train::data
