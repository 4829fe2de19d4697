#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/study_spec.h"
#include "study/observer.h"

namespace clavier::app {

/// What writes into the study's folder besides the log, as far as the study wants it: trial
/// directories, and Ray's policy files of a population. `live` is the first step of the run to
/// come. Nothing if there is no folder. `warn` gets one line for the user.
std::vector<std::unique_ptr<Observer>> folder_observers(
    const StudySpec& spec, const std::filesystem::path& folder, StepId live,
    std::function<void(const std::string&)> warn);

}  // namespace clavier::app
