#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/match.h"
#include "exec/executor.h"

namespace clavier::exec {

/// What live workers are told because of the decisions of a step, in order. The launch is left to
/// the caller, who knows which one a trial runs in.
///
/// A trial that leaves its slot in the same step need not hear where it would have gone on; one
/// that is to take over other weights need not save its own.
inline std::vector<Message> told(std::span<const Decision> decisions) {
  const auto requeued = [&](TrialId trial) {
    return std::ranges::any_of(decisions, [&](const Decision& other) {
      return std::holds_alternative<Requeue>(other.action) && subject(other.action) == trial;
    });
  };
  const auto exploits = [&](TrialId trial) {
    return std::ranges::any_of(decisions, [&](const Decision& other) {
      return std::holds_alternative<Exploit>(other.action) && subject(other.action) == trial;
    });
  };
  std::vector<Message> messages;
  for (const Decision& decision : decisions) {
    const TrialId trial = subject(decision.action);
    const auto tell = [&](auto content) { messages.push_back({{}, trial, std::move(content)}); };
    match(
        decision.action, [&](const Stop&) { tell(StopNow{}); },
        [&](const Complete&) { tell(StopNow{}); }, [&](const Pause&) { tell(PauseNow{}); },
        [&](const Requeue&) { exploits(trial) ? tell(StopNow{}) : tell(PauseNow{}); },
        [&](const Continue& go_on) {
          if (!requeued(trial)) tell(ContinueTo{std::min(go_on.until, go_on.stretch)});
        },
        [&](const Exploit& exploit) {
          if (!requeued(trial))
            tell(ExploitFrom{exploit.donor, exploit.config,
                             std::min(exploit.until, exploit.stretch)});
        });
  }
  return messages;
}

}  // namespace clavier::exec
