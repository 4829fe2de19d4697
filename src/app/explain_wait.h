#pragma once

#include <string>

#include "app/recorded_study.h"
#include "base/result.h"

namespace clavier::app {

/// What a trial waits for, or why it has ended: a few lines, from the log alone. `no_room`: why its
/// launch waits for the machine, as long as nothing else was heard of it.
/// REQUIRES: the study knows the trial.
Result<std::string> explain_wait(const RecordedStudy& study, TrialId trial, bool study_runs,
                                 const std::string& no_room = {});

}  // namespace clavier::app
