#include "study/foldable.h"

#include <fmt/format.h>

namespace clavier {
namespace {

Status check_fill(const Fill& fill, std::int64_t trials, LaunchId next_launch) {
  for (const NewTrial& created : fill.created)
    if (created.id.value != trials++)
      return corrupt(fmt::format("creates trial {} out of turn", created.id.value));
  const auto known = [&](TrialId trial) { return trial.valid() && trial.value < trials; };
  for (const Launch& launch : fill.launches) {
    if (launch.id < next_launch)
      return corrupt(fmt::format("starts launch {} a second time", launch.id.value));
    next_launch = LaunchId{launch.id.value + 1};
    if (launch.members.empty() || launch.shares.empty())
      return corrupt(fmt::format("starts launch {} of nothing", launch.id.value));
    for (const Member& member : launch.members)
      if (!known(member.trial))
        return corrupt(fmt::format("starts the unknown trial {}", member.trial.value));
  }
  if (fill.finished && fill.finished->best && !known(*fill.finished->best))
    return corrupt(
        fmt::format("names the unknown trial {} as the best", fill.finished->best->value));
  return ok_status();
}

}  // namespace

Status foldable(const Step& step, const State& state) {
  const auto check = [&]() -> Status {
    if (step.turn.id.value != state.last_step().value + 1)
      return corrupt(fmt::format("follows step {}", state.last_step().value));
    if (step.turn.time < state.now()) return corrupt("lies before the step that it follows");
    for (const Decision& decision : step.turn.decisions)
      if (!state.known(subject(decision.action)))
        return corrupt(
            fmt::format("decides about the unknown trial {}", subject(decision.action).value));
    return check_fill(step.fill, static_cast<std::int64_t>(state.trials().size()),
                      state.next_launch());
  };
  Status status = check();
  if (status.ok()) return status;
  return corrupt(fmt::format("step {} {}", step.turn.id.value, status.error().message));
}

}  // namespace clavier
