#pragma once

#include <functional>
#include <string>

#include "app/file/study_folder.h"
#include "app/registry/study_spec.h"
#include "base/result.h"
#include "store/step_log.h"
#include "study/state.h"

namespace clavier::app {

/// A study as its log tells it, whether it runs just now or not.
struct RecordedStudy {
  StudyFolder folder;
  /// As of its last run. `working_directory` is empty if the folder is not there any more.
  StudySpec spec;
  State state;
  std::string version = {};     ///< Of Clavier, in the last run.
  std::int64_t run_utc_us = 0;  ///< Wall clock of the last run's start, microseconds since 1970.
  StudyTime run_began{};        ///< The same in study time.

  /// A tuner runs its trials, or those who asked for them do.
  bool runs() const { return folder.is_running() || (state.asked() && !state.finished()); }
};

/// Sees every step after `state` has folded it.
using StepVisitor = std::function<void(const Step& step, const State& state)>;

/// Folds the whole log. kNotFound if nothing was logged yet; kCorrupt if the log cannot be read.
Result<RecordedStudy> read_recorded(const StudyFolder& folder, store::Metrics metrics,
                                    const StepVisitor& visit = {});

/// Where the study's program and data are: the folder of its study file, unless only the current
/// folder has what the file names. A study that was moved alone is served from there.
std::filesystem::path working_directory(const RecordedStudy& study);

}  // namespace clavier::app
