#pragma once

#include <optional>
#include <string>
#include <variant>

#include "study/config.h"
#include "study/ids.h"

namespace clavier {

/// What a user asks of a study, running or not; each is an input of its own in the log.
struct AddTrial {
  Config config;  ///< May be partial: the searcher draws the rest.
};
struct PauseTrial {
  TrialId trial;
};
struct ResumeTrial {
  TrialId trial;
};
struct StopTrial {
  TrialId trial;
};
/// Pause everything and close the run; running the study again goes on. Also what Ctrl-C means.
struct PauseStudy {};
/// End the study for good with what it has.
struct StopStudy {};
/// Raise the number of trials.
struct RaiseTrials {
  std::int64_t trials = 0;
};

using UserCommand = std::variant<AddTrial, PauseTrial, ResumeTrial, StopTrial, PauseStudy,
                                 StopStudy, RaiseTrials>;

}  // namespace clavier
