#pragma once

#include "app/tuning.h"
#include "store/step_log.h"

namespace clavier::app {

/// The study specification that a C++ program's description stands for, validated.
Result<StudySpec> spec_of(const Tuning& tuning);
/// The log where the description wants it: in its directory or in memory.
Result<store::StepLog> log_of(const Tuning& tuning);

}  // namespace clavier::app
