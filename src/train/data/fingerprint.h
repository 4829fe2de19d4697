#pragma once

#include <string>

#include "train/data/dataset.h"

namespace clavier::train::data {

/// Tells own data from what they were: names and sizes of all files, and their content up to 64 MB
/// (of more, pieces spread over all of it). Empty for known and synthetic sets, and for data that
/// cannot be read: who loads them says why. Takes a tenth of a second at most.
std::string fingerprint(const DataSpec& spec);

}  // namespace clavier::train::data
