#pragma once

#include "app/file/study_file_document.h"
#include "app/file/study_file_problems.h"
#include "app/registry/study_spec.h"

namespace clavier::app {

/// What a whole study file says without effect: objects to what cannot be meant, and notes what
/// probably is not. `root`: the file that `spec` was read from.
void check_effects(const StudySpec& spec, const TomlNode& root, Problems& problems);

}  // namespace clavier::app
