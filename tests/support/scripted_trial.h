#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "worker/trial_context.h"

namespace clavier::exec {

/// What a trial of the contract suite does. It travels as the trial's configuration, so that a
/// function, a worker process and a simulator can all play it.
struct ScriptedTrial {
  Steps steps = 3;      ///< Reports `loss` = 1 / step for each of 1 … steps, then ends.
  Steps fails_at = 0;   ///< Instead of that report fails with "broken at step K"; 0: never.
  bool silent = false;  ///< Never reports and leaves only when told.
};

inline Config config_of(const ScriptedTrial& script) {
  Config config;
  config.set("steps", script.steps);
  config.set("fails_at", script.fails_at);
  config.set("silent", script.silent);
  return config;
}

inline ScriptedTrial script_of(const Config& config) {
  ScriptedTrial script;
  if (const auto* steps = config.find("steps")) script.steps = *steps->as<std::int64_t>();
  if (const auto* at = config.find("fails_at")) script.fails_at = *at->as<std::int64_t>();
  if (const auto* silent = config.find("silent")) script.silent = *silent->as<bool>();
  return script;
}

/// Plays the script of `trial.config()`. Its checkpoints hold the step in a file `step`, and it
/// resumes at what that file says, also when it is to take over another trial's.
inline void scripted_trial(worker::TrialContext& trial) {
  auto resumed_from = trial.checkpoint();
  const auto resume = [&]() -> Steps {
    Steps step = 0;
    if (resumed_from && !(std::ifstream(*resumed_from / "step") >> step))
      throw std::runtime_error("no step in " + resumed_from->string());
    return step;
  };
  Steps step = resume();
  while (true) {
    const ScriptedTrial script = script_of(trial.config());
    if (script.silent) {
      while (!trial.should_stop()) std::this_thread::yield();
      return;
    }
    if (step >= script.steps) return;
    if (++step == script.fails_at)
      throw std::runtime_error("broken at step " + std::to_string(step));
    const auto save = [&](const std::filesystem::path& directory) {
      if (!(std::ofstream(directory / "step") << step << std::flush))
        throw std::runtime_error("cannot write the step");
    };
    if (trial.report({{"loss", 1.0 / static_cast<double>(step)}}, step, save) ==
        worker::Verdict::kLeave)
      return;
    if (trial.checkpoint() != resumed_from) {
      resumed_from = trial.checkpoint();
      step = resume();
    }
  }
}

}  // namespace clavier::exec
