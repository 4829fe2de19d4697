#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/file/recorded_study.h"
#include "base/result.h"
#include "study/report.h"

namespace clavier::app {

struct HeldOut {
  std::string checkpoint;       ///< Relative to the study's folder.
  std::vector<Metric> metrics;  ///< `test accuracy`, `test loss`.
};

/// Rebuilds the trial's model, loads its best checkpoint and measures it on the test split: the
/// only place where test data are read. For studies of the built-in trainer.
/// kNotFound without a checkpoint, kUnavailable for other workers; else what the trainer says.
Result<HeldOut> test_trial(const RecordedStudy& study, TrialId trial,
                           const std::filesystem::path& data_directory);

/// Runs the built-in trainer of a study's specification with further arguments, where its data lie;
/// what it prints. What it says is wrong goes to standard error; `hint` is added to the failure.
/// REQUIRES: a study of the built-in trainer, resolved (app/file/trainer.h).
Result<std::string> ask_trainer(const StudySpec& spec, const std::filesystem::path& directory,
                                const std::filesystem::path& data_directory,
                                const std::vector<std::string>& arguments,
                                std::string_view hint = "");

/// What is to be predicted of which data.
struct Wanted {
  std::filesystem::path data;
  std::filesystem::path data_directory;  ///< Of known data sets.
  bool probabilities = false;            ///< Of all classes, not only of the most probable one.
};

/// What the model of a checkpoint's directory says of data, as CSV (docs/trainer.md). The data are
/// those that the user names; failures are the trainer's.
Result<std::string> predict(const std::filesystem::path& checkpoint, const Wanted& wanted);
/// The same with the trial's best checkpoint. Fails as `test_trial` does.
Result<std::string> predict(const RecordedStudy& study, TrialId trial, const Wanted& wanted);

}  // namespace clavier::app
