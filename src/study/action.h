#pragma once

#include <string>
#include <variant>

#include "study/checkpoint.h"
#include "study/config.h"
#include "study/ids.h"

namespace clavier {

/// Ends the trial early: it looks bad.
struct Stop {
  TrialId trial;
  friend bool operator==(const Stop&, const Stop&) = default;
};
/// Ends the trial well: it has had its whole budget, or met its goal.
struct Complete {
  TrialId trial;
  friend bool operator==(const Complete&, const Complete&) = default;
};
/// Checkpoint and release the slot; only the scheduler (or the user, if `held`) brings it back.
struct Pause {
  TrialId trial;
  bool held = false;
  friend bool operator==(const Pause&, const Pause&) = default;
};
/// Checkpoint and release the slot; the trial is runnable again at once or in the next run.
struct Requeue {
  TrialId trial;
  friend bool operator==(const Requeue&, const Requeue&) = default;
};
/// Go on until step `until`, and wait there for the next decision; and already at `stretch`, so
/// that the planner may give the slot to another.
struct Continue {
  TrialId trial;
  Steps until = kForever;
  Steps stretch = kForever;
  friend bool operator==(const Continue&, const Continue&) = default;
};
/// Take the donor's weights with a configuration explored from the donor's.
struct Exploit {
  TrialId trial;
  Checkpoint donor;
  double donor_value = 0;  ///< The donor's score at that checkpoint.
  Config config;
  Steps until = kForever;
  Steps stretch = kForever;  ///< As in `Continue`.
  friend bool operator==(const Exploit&, const Exploit&) = default;
};

using Action = std::variant<Stop, Complete, Pause, Requeue, Continue, Exploit>;

/// What a policy wants done and why, in words a user understands. A `Continue` or `Exploit` that is
/// followed by a `Requeue` of the same trial takes effect at its next launch.
struct Decision {
  Action action;
  std::string reason = {};
  friend bool operator==(const Decision&, const Decision&) = default;
};

TrialId subject(const Action& action);

}  // namespace clavier
