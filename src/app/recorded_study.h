#pragma once

#include <functional>
#include <string>

#include "app/study_folder.h"
#include "app/study_spec.h"
#include "base/result.h"
#include "store/step_log.h"
#include "study/state.h"

namespace clavier::app {

/// A study as its log tells it, whether it runs just now or not.
struct RecordedStudy {
  StudyFolder folder;
  StudySpec spec;  ///< As of its last run.
  State state;
  std::string version = {};     ///< Of Clavier, in the last run.
  std::int64_t run_utc_us = 0;  ///< Wall clock of the last run's start, microseconds since 1970.
  StudyTime run_began{};        ///< The same in study time.
};

/// Sees every step after `state` has folded it.
using StepVisitor = std::function<void(const Step& step, const State& state)>;

/// Folds the whole log. kNotFound if nothing was logged yet; kCorrupt if the log cannot be read.
Result<RecordedStudy> read_recorded(const StudyFolder& folder, store::Metrics metrics,
                                    const StepVisitor& visit = {});

}  // namespace clavier::app
