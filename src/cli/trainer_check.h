#pragma once

#include "app/study_spec.h"
#include "train/data/dataset.h"
#include "train/spec/model_spec.h"

/// What can be known of a study of the built-in trainer before it trains.
namespace clavier::cli {

struct TrainerCheck {
  train::KeyProblems wrong;  ///< Every trial would fail, or the study find no metric.
  train::KeyProblems notes;  ///< Some trials would fail.
};

/// Metrics that no report has, values of the space that the trainer refuses, and, where the data
/// are generated, known by name or small enough to be read at once, data without a validation part
/// and models that do not fit them. REQUIRES: resolved (app/trainer.h), with its data in place.
TrainerCheck check_trainer(const app::StudySpec& spec);

/// A GPU that `[trainer] device` names and trials would not see, where this machine has `gpus`.
train::KeyProblems check_device(const app::StudySpec& spec, std::size_t gpus);

/// Files named relative to the study file, as its trials find them.
void find_beside(const app::StudySpec& spec, train::data::DataSpec& data);

}  // namespace clavier::cli
