#pragma once

#include <filesystem>

#include "train/data/dataset.h"

namespace clavier::train::data {

/// Writes the three splits for other programs, and in a form that `load_dataset` reads again as it
/// is: inputs.npy and labels.npy (training), the same with validation_ and test_ in front, and
/// dataset.json (facts.h). `folder` is made; files in it are
/// replaced.
Status export_dataset(const Dataset& data, const std::filesystem::path& folder);

}  // namespace clavier::train::data
