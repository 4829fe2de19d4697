#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/registry/study_spec.h"
#include "base/result.h"
#include "study/fusion.h"
#include "train/spec/model_spec.h"

/// The built-in trainer as a worker: what `[trainer]` becomes.
namespace clavier::app {

/// Checks `[trainer]` against the space and joins it with the study: seeds come from the study,
/// `epochs` from the scheduler's budget where the table does not say, and the other way round.
/// Fails with file, line and column of every key of [trainer] that is wrong, or of every parameter
/// of [space] that the trainer does not know.
Status resolve_trainer(StudySpec& spec);

/// What is wrong with keys of the study's file, whole names such as "trainer.data": all of it in
/// the order of the file, each with the place of its key, else of its table. REQUIRES: there is
/// some.
Error at_keys(const StudySpec& spec, const train::KeyProblems& found);

/// Which trials of the study may be trained as one.
Fusion fusion_of(const StudySpec& spec);

/// The command that serves this study's trials.
/// kNotFound if the program `clavier-train` is not installed beside this one, nor in $PATH.
Result<std::vector<std::string>> trainer_command(const StudySpec& spec,
                                                 const std::filesystem::path& data_directory);

/// `clavier-train`: $CLAVIER_TRAINER, beside this program, or in $PATH.
Result<std::string> find_trainer();

/// A small and quick version of the study: 2 trials, 2 epochs, a few synthetic samples of the
/// data's shape, under a name of its own.
Status make_smoke(StudySpec& spec);

}  // namespace clavier::app
