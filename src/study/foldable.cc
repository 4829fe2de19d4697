#include "study/foldable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

/// Asks what the folds take for granted, and nothing more: that ids exist and follow each other,
/// that times and sums stay within their types, that no path leads out of the study. Whether a
/// policy would have decided so is `clavier verify`'s question; a log by another version may well
/// decide otherwise.
/// Trials are counted on within the step, since its launches may start those that it creates.
namespace clavier {
namespace {

/// Numbers beyond it are nothing that a study can reach, and sums with them overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 61;

/// Of the study's folder. Of one that was edited by a stranger.
bool leads_out(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != path.npos) return true;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    if (path.substr(from, end - from) == "..") return true;
    from = end + 1;
  }
  return false;
}

/// Asks of one step what the folds take for granted.
class Check {
 public:
  Check(const Step& step, const State& state)
      : step_(step), state_(state), trials_(static_cast<std::int64_t>(state.trials().size())) {}

  Status all() {
    if (step_.turn.id.value != state_.last_step().value + 1)
      return corrupt(fmt::format("follows step {}", state_.last_step().value));
    if (step_.turn.time < state_.now()) return corrupt("lies before the step that it follows");
    if (microseconds(step_.turn.time) > kMost) return corrupt("lies in no time");
    if (const auto* signal = input_as<Signal>(step_.turn)) TRY(signalled(*signal));
    for (const Decision& decision : step_.turn.decisions) TRY(decided(decision));
    return filled(step_.fill);
  }

 private:
  bool known(TrialId trial) const { return trial.valid() && trial.value < trials_; }

  Status names(std::string_view what, TrialId trial) const {
    if (known(trial)) return ok_status();
    return corrupt(fmt::format("{} the unknown trial {}", what, trial.value));
  }
  Status names(std::string_view what, const Checkpoint& checkpoint) const {
    TRY(names(what, checkpoint.trial));
    if (checkpoint.step < 0 || checkpoint.step > kMostSteps)
      return corrupt(fmt::format("{} a checkpoint of step {}", what, checkpoint.step));
    if (!leads_out(checkpoint.path)) return ok_status();
    return corrupt(fmt::format("names the checkpoint '{}' outside the study", checkpoint.path));
  }

  Status signalled(const Signal& signal) const {
    if (const auto* reported = std::get_if<Reported>(&signal))
      for (const Report& report : reported->reports) {
        TRY(names("holds a report of", report.trial));
        if (report.step < -kMostSteps || report.step > kMostSteps)
          return corrupt(fmt::format("holds a report of step {}", report.step));
        if (!(std::abs(report.seconds) <= kMostSeconds))
          return corrupt(fmt::format("holds a report of {} seconds", report.seconds));
        if (report.checkpoint) TRY(names("names a checkpoint of", *report.checkpoint));
      }
    if (const auto* saved = std::get_if<CheckpointSaved>(&signal))
      return names("names a checkpoint of", saved->checkpoint);
    if (const auto* gone = std::get_if<CheckpointVoid>(&signal))
      return names("names a checkpoint of", gone->checkpoint);
    if (const auto* exited = std::get_if<Exited>(&signal)) return names("ends", exited->trial);
    if (const auto* joined = std::get_if<NodeJoined>(&signal)) return sound(joined->node);
    return ok_status();
  }

  static Status sound(const Node& node) {
    std::set<SlotId> seen;
    for (const Slot& slot : node.slots)
      if (!node.id.valid() || !slot.id.valid() || !seen.insert(slot.id).second ||
          !(slot.speed > 0) || !std::isfinite(slot.speed) || !(slot.price_per_hour >= 0) ||
          !std::isfinite(slot.price_per_hour) || !(slot.resources.cpus >= 0) ||
          !(slot.resources.gpus >= 0))
        return corrupt(fmt::format("brings the impossible slot {}", slot.id.value));
    return ok_status();
  }

  Status decided(const Decision& decision) const {
    TRY(names("decides about", subject(decision.action)));
    const auto* exploit = std::get_if<Exploit>(&decision.action);
    return exploit ? names("takes over", exploit->donor) : ok_status();
  }

  Status filled(const Fill& fill) {
    for (const NewTrial& created : fill.created) {
      if (created.id.value != trials_++)
        return corrupt(fmt::format("creates trial {} out of turn", created.id.value));
      // A scheduler begins a bracket for a trial, or has so few that each may be the first one's.
      constexpr std::int64_t kBrackets = 100;
      if (!(created.width > 0) || !std::isfinite(created.width) || created.bracket < 0 ||
          created.bracket > created.id.value + kBrackets)
        return corrupt(fmt::format("creates trial {} as none can be", created.id.value));
      if (leads_out(created.directory))
        return corrupt(fmt::format("puts trial {} into '{}', outside the study", created.id.value,
                                   created.directory));
    }
    LaunchId next = state_.next_launch();
    for (const Launch& launch : fill.launches) {
      if (launch.id < next || launch.id.value > kMost)
        return corrupt(fmt::format("starts launch {} a second time", launch.id.value));
      next = LaunchId{launch.id.value + 1};
      if (launch.members.empty() || launch.shares.empty())
        return corrupt(fmt::format("starts launch {} of nothing", launch.id.value));
      for (const Member& member : launch.members) {
        TRY(names("starts", member.trial));
        if (member.from) TRY(names("starts from", *member.from));
      }
      for (const Share& share : launch.shares)
        if (!share.slot.valid())
          return corrupt(fmt::format("starts launch {} in no slot", launch.id.value));
    }
    if (fill.finished && fill.finished->best)
      return names("takes for the best", *fill.finished->best);
    return ok_status();
  }

  const Step& step_;
  const State& state_;
  std::int64_t trials_;
};

}  // namespace

Status foldable(const Step& step, const State& state) {
  Status status = Check(step, state).all();
  if (status.ok()) return status;
  return corrupt(fmt::format("step {} {}", step.turn.id.value, status.error().message));
}

}  // namespace clavier
