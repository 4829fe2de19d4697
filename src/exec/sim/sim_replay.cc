#include <algorithm>
#include <cmath>

#include "base/match.h"
#include "exec/sim/sim_executor.h"
#include "exec/told.h"

namespace clavier::exec {
namespace {

bool same(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b) return !a && !b;
  return *a == *b || (std::isnan(*a) && std::isnan(*b));
}

bool same(const Report& a, const Report& b) {
  return a.trial == b.trial && a.launch == b.launch && a.step == b.step && same(a.value, b.value) &&
         a.checkpoint == b.checkpoint;
}

/// Enough to tell that the two worlds go the same way; words and durations follow from that.
bool same(const Signal& logged, const Signal& simulated) {
  if (logged.index() != simulated.index()) return false;
  return match(
      logged,
      [&](const Reported& each) {
        const auto& other = std::get<Reported>(simulated).reports;
        return std::ranges::equal(each.reports, other,
                                  [](const Report& a, const Report& b) { return same(a, b); });
      },
      [&](const CheckpointSaved& each) {
        return each.checkpoint == std::get<CheckpointSaved>(simulated).checkpoint;
      },
      [&](const CheckpointVoid& each) {
        return each.checkpoint == std::get<CheckpointVoid>(simulated).checkpoint;
      },
      [&](const Exited& each) {
        const auto& other = std::get<Exited>(simulated);
        // The tuner excuses a failure that was not the trial's fault: it logs a loss.
        const bool excused = each.kind == ExitKind::kLost && other.kind == ExitKind::kFailed;
        return each.trial == other.trial && each.launch == other.launch &&
               (each.kind == other.kind || excused);
      },
      [&](const LaunchEnded& each) {
        return each.launch == std::get<LaunchEnded>(simulated).launch;
      },
      [](const Waiting&) { return false; },
      [&](const NodeJoined& each) { return each.node == std::get<NodeJoined>(simulated).node; },
      [&](const NodeLost& each) { return each.node == std::get<NodeLost>(simulated).node; },
      [](const Deadline&) { return true; });
}

}  // namespace

bool SimExecutor::replay(const Step& step) {
  if (!lost_) lost_ = !follow_input(step.turn);
  if (lost_) {
    now_ = std::max(now_, step.turn.time);
    return false;
  }
  follow_decisions(step.turn);
  follow_fill(step.fill);
  return true;
}

bool SimExecutor::follow_input(const Turn& turn) {
  // What happened before an input that was no signal has happened without a word.
  const auto pass_until = [&](StudyTime limit) {
    next(limit);
    now_ = std::max(now_, turn.time);
    return true;
  };
  const StudyTime before = turn.time - StudyDuration(1);
  return match(
      turn.input,
      [&](const Opened& opened) {
        if (!opened.rebuilt) reset(turn.time);
        return pass_until(before);
      },
      [&](const UserCommand&) { return pass_until(before); },
      [&](const Signal& signal) {
        if (std::holds_alternative<Deadline>(signal)) return pass_until(turn.time);
        return follow_signal(signal, turn.time);
      });
}

bool SimExecutor::follow_signal(const Signal& signal, StudyTime time) {
  if (!next(time) || now_ != time || !same(signal, ready_.front())) return false;
  ready_.pop_front();
  return true;
}

void SimExecutor::follow_decisions(const Turn& turn) {
  for (Message& message : told(turn.decisions)) {
    const auto trial = static_cast<std::size_t>(message.trial.value);
    if (trial >= known_.size()) continue;
    message.launch = known_[trial].launch;
    pass_on(message);
  }
  for (const Decision& decision : turn.decisions)
    if (const auto* exploit = std::get_if<Exploit>(&decision.action))
      if (const auto trial = static_cast<std::size_t>(exploit->trial.value); trial < known_.size())
        known_[trial].config = exploit->config;
}

void SimExecutor::follow_fill(const Fill& fill) {
  for (const NewTrial& created : fill.created)
    known_.push_back({created.config, created.directory, LaunchId{}});
  for (const Launch& launch : fill.launches) {
    Order order{.launch = launch, .members = {}, .slots = {}};
    for (const Member& member : launch.members) {
      Known& known = known_[static_cast<std::size_t>(member.trial.value)];
      known.launch = launch.id;
      order.members.push_back({.config = known.config, .directory = known.directory});
    }
    begin(order);
  }
}

}  // namespace clavier::exec
