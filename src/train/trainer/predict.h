#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace clavier::train {

struct Prediction {
  /// CSV: `sample,label,probability` (the most probable class by its name), or `sample,value` in
  /// the unit of the training targets.
  std::string csv;
  std::vector<std::string> remarks;  ///< What of the data was left out.
};

/// What the model of a checkpoint says of data without labels (data/unlabelled.h). A checkpoint of
/// an older version, which does not say how its data were normalised, needs these (`data_dir`).
Result<Prediction> predict(const std::filesystem::path& checkpoint,
                           const std::filesystem::path& data,
                           const std::filesystem::path& data_dir);

}  // namespace clavier::train
