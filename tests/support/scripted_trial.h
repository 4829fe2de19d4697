#pragma once

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "worker/launch_context.h"

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

inline Steps scripted_step(const std::optional<std::filesystem::path>& checkpoint) {
  Steps step = 0;
  if (checkpoint && !(std::ifstream(*checkpoint / "step") >> step))
    throw std::runtime_error("no step in " + checkpoint->string());
  return step;
}

inline worker::Save scripted_save(Steps step) {
  return [step](const std::filesystem::path& directory) {
    if (!(std::ofstream(directory / "step") << step << std::flush))
      throw std::runtime_error("cannot write the step");
  };
}

/// Plays the script of `trial.config()`. Its checkpoints hold the step in a file `step`, and it
/// resumes at what that file says, also when it is to take over another trial's.
inline void scripted_trial(worker::TrialContext& trial) {
  auto resumed_from = trial.checkpoint();
  Steps step = scripted_step(resumed_from);
  while (true) {
    const ScriptedTrial script = script_of(trial.config());
    if (script.silent) {
      while (!trial.should_stop()) std::this_thread::yield();
      return;
    }
    if (step >= script.steps) return;
    if (++step == script.fails_at)
      throw std::runtime_error("broken at step " + std::to_string(step));
    if (trial.report({{"loss", 1.0 / static_cast<double>(step)}}, step, scripted_save(step)) ==
        worker::Verdict::kLeave)
      return;
    if (trial.checkpoint() != resumed_from) {
      resumed_from = trial.checkpoint();
      step = scripted_step(resumed_from);
    }
  }
}

/// Plays the scripts of several trials as one: all do a step, then all report. Nobody is silent.
inline void scripted_launch(worker::LaunchContext& launch) {
  if (launch.members().size() == 1) return scripted_trial(*launch.members().front());
  std::map<TrialId, Steps> steps;
  for (const worker::TrialContext* each : launch.members())
    steps[each->trial()] = scripted_step(each->checkpoint());
  while (!launch.members().empty()) {
    std::vector<worker::MemberReport> reports;
    const auto members = launch.members();
    for (const worker::TrialContext* each : members) {
      const ScriptedTrial script = script_of(each->config());
      Steps& step = steps[each->trial()];
      if (step >= script.steps) {
        launch.leave(each->trial());
      } else if (++step == script.fails_at) {
        launch.fail(each->trial(), "broken at step " + std::to_string(step));
      } else {
        reports.push_back({.trial = each->trial(),
                           .metrics = {{"loss", 1.0 / static_cast<double>(step)}},
                           .step = step,
                           .save = scripted_save(step)});
      }
    }
    launch.report(reports);
  }
}

}  // namespace clavier::exec
