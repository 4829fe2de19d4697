#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace clavier::train::data {

/// Samples without labels.
struct Unlabelled {
  Split split = {};
  std::vector<std::string> names = {};  ///< Of each: the image's file, or the row from 0.
  std::vector<std::string> remarks = {};
};

/// Reads what a model that was trained on data with these `facts` is to be used on: a CSV file, a
/// .npy, .safetensors (`inputs`) or IDX file, a folder with inputs.npy, an image, or a folder of
/// images, flat or nested. Fails if they are not of the model's shape, by name if columns are
/// missing.
Result<Unlabelled> read_unlabelled(const std::filesystem::path& path, const Dataset& facts,
                                   bool skip_damaged);

}  // namespace clavier::train::data
