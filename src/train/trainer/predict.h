#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace clavier::train {

/// Whose probabilities are told, besides the label: its own, or those of all classes.
enum class Probabilities { kOfLabel, kOfAll };

struct Prediction {
  /// CSV: `sample,label,probability` (the most probable class by its name), with kOfAll also
  /// `probability_NAME` of each class in their order; or `sample,value` in the unit of the training
  /// targets.
  std::string csv;
  std::vector<std::string> remarks;  ///< What of the data was left out.
};

/// What the model of a checkpoint says of data without labels (data/unlabelled.h). A checkpoint of
/// an older version, which does not say how its data were normalised, needs these (`data_dir`).
/// Fails with kOfAll where there are no classes.
Result<Prediction> predict(const std::filesystem::path& checkpoint,
                           const std::filesystem::path& data, const std::filesystem::path& data_dir,
                           Probabilities probabilities = Probabilities::kOfLabel);

}  // namespace clavier::train
