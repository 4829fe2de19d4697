#pragma once

#include <filesystem>
#include <string>

#include "app/registry/study_spec.h"
#include "base/result.h"
#include "store/step_log.h"
#include "study/command.h"

/// What is asked of a study at rest: may it go on like this, do its decisions stand.
namespace clavier::app {

/// Fails with the differences if `now` cannot go on with what `before` has begun: space, metric,
/// mode, searcher, scheduler, trainer and seed are fixed; everything else may change.
Status check_unchanged(const StudySpec& before, const StudySpec& now);
/// The same of a study whose log begins with the text `begun`; empty: there is nothing to go on.
Status check_goes_on(const std::string& begun, const StudySpec& now);

/// Where nothing is said about the searcher, the study goes on with the one it was begun with, if
/// that was the default then (random). Whether it is another than now.
Result<bool> keep_searcher(const store::StepLog& log, StudySpec& spec);

/// Recomputes every decision of the study in `folder`.
Result<std::string> verify_study(const std::filesystem::path& folder);

/// Appends a command to the log of a study that is not running; its next run sees it.
Status append_command(const std::filesystem::path& folder, const UserCommand& command);

}  // namespace clavier::app
