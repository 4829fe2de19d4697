#pragma once

#include <string>

#include "app/recorded_study.h"
#include "base/result.h"

namespace clavier::app {

/// What a trial waits for, or why it has ended: a few lines, from the log alone.
/// REQUIRES: the study knows the trial.
Result<std::string> explain_wait(const RecordedStudy& study, TrialId trial, bool study_runs);

}  // namespace clavier::app
