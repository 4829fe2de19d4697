#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "study/config.h"
#include "study/ids.h"

namespace clavier {

/// What a user asks of a study, running or not; each is an input of its own in the log.
struct AddTrial {
  Config config;  ///< May be partial: the searcher draws the rest.
  friend bool operator==(const AddTrial&, const AddTrial&) = default;
};
struct PauseTrial {
  TrialId trial;
  friend bool operator==(const PauseTrial&, const PauseTrial&) = default;
};
struct ResumeTrial {
  TrialId trial;
  friend bool operator==(const ResumeTrial&, const ResumeTrial&) = default;
};
/// Trials that have ended run again, from their last checkpoints, with all their retries; and the
/// study goes on, if it had ended. Without trials it does only that.
struct Retry {
  std::vector<TrialId> trials = {};
  friend bool operator==(const Retry&, const Retry&) = default;
};
struct StopTrial {
  TrialId trial;
  friend bool operator==(const StopTrial&, const StopTrial&) = default;
};
/// Pause everything and close the run; running the study again goes on. Also what Ctrl-C means.
struct PauseStudy {
  friend bool operator==(const PauseStudy&, const PauseStudy&) = default;
};
/// End the study with what it has.
struct StopStudy {
  friend bool operator==(const StopStudy&, const StopStudy&) = default;
};
/// Raise the number of trials.
struct RaiseTrials {
  std::int64_t trials = 0;
  friend bool operator==(const RaiseTrials&, const RaiseTrials&) = default;
};

using UserCommand = std::variant<AddTrial, PauseTrial, ResumeTrial, StopTrial, PauseStudy,
                                 StopStudy, RaiseTrials, Retry>;

}  // namespace clavier
