#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/study_spec.h"
#include "study/observer.h"

namespace clavier::app {

/// What an output is made from.
struct OutputContext {
  const StudySpec& spec;
  std::filesystem::path folder;  ///< The study's; empty: there is none, and so no output.
  StepId live = {};              ///< The first step of the run to come.
  std::function<void(const std::string&)> warn;  ///< One line for the user.
};

/// What writes into the study's folder besides its log, as far as the study wants it, in the order
/// in which they see a step. A new output is one entry of the table in `outputs.cc`.
std::vector<std::unique_ptr<Observer>> make_outputs(const OutputContext& context);

}  // namespace clavier::app
