#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/match.h"
#include "exec/sim/sim_executor.h"

// How launches begin, what they are told, and how they end. Of several slots the first one's place
// has the run, and the others are held by it. Trials of one launch go on together: one event for
// all, at which each reports, and no next one while any of them waits for a decision. So whatever
// takes the last one's waiting away, an answer or its leaving, sets them going again; an exploit
// alone begins the step anew, for the weights that it had come to are gone.
namespace clavier::exec {
namespace {

/// The slot of launches that this simulation has not seen.
constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

}  // namespace

std::string SimExecutor::obstacle(const Order& order) const {
  const std::size_t members = order.launch.members.size();
  if (members == 0 || order.launch.shares.empty()) return "a launch has a trial and a slot";
  if (members > kMaxMembers)
    return fmt::format("the simulator runs {} trials in a launch at most", kMaxMembers);
  std::optional<std::uint32_t> first;
  for (const Share& share : order.launch.shares) {
    if (share.slot.value < 0 || static_cast<std::size_t>(share.slot.value) >= places_.size())
      return fmt::format("there is no slot {}", share.slot.value);
    const auto slot = static_cast<std::uint32_t>(share.slot.value);
    if (std::string why = obstacle(slot); !why.empty()) return why;
    if (places_[slot].node != places_[first.value_or(slot)].node)
      return fmt::format("slots {} and {} are not on one node", *first, slot);
    if (order.launch.shares.size() > 1 && places_[slot].shares != 0)
      return fmt::format("slot {} shares its devices: it takes no part of a trial", slot);
    if (!first) first = slot;
  }
  return {};
}

std::string SimExecutor::obstacle(std::uint32_t slot) const {
  const Place& place = places_[slot];
  if (place.away) return fmt::format("slot {} is not there", slot);
  if (!place.alive) return fmt::format("the node of slot {} is not there", slot);
  if (const auto at = runner(slot))
    return fmt::format("slot {} runs launch {}", slot, places_[*at].run->launch.value);
  return {};
}

std::optional<std::uint32_t> SimExecutor::runner(std::uint32_t slot) const {
  return places_[slot].run ? slot : places_[slot].held_by;
}

double SimExecutor::rate(std::uint32_t slot) const {
  double slowest = places_[slot].rate();
  if (const auto& run = places_[slot].run)
    for (const std::uint32_t further : run->further)
      slowest = std::min(slowest, places_[further].rate());
  return slowest;
}

void SimExecutor::begin(const Order& order) {
  if (const std::string why = obstacle(order); !why.empty()) {
    // A node that the tuner has not yet heard to be lost.
    const bool gone = std::ranges::any_of(order.launch.shares, [&](const Share& share) {
      const auto slot = static_cast<std::size_t>(share.slot.value);
      return share.slot.valid() && slot < places_.size() &&
             (changes_[places_[slot].node] > 1 || places_[slot].changes > 0);
    });
    for (const Member& member : order.launch.members)
      deliver(order.launch.id, Exited{.trial = member.trial,
                                      .launch = order.launch.id,
                                      .kind = gone ? ExitKind::kLost : ExitKind::kRefused,
                                      .error = why});
    deliver(order.launch.id, LaunchEnded{order.launch.id});
    return;
  }
  const auto slot = static_cast<std::uint32_t>(order.launch.shares.front().slot.value);
  Run run;
  run.launch = order.launch.id;
  run.since = now_;
  double fetching = 0;
  for (std::size_t i = 0; i < order.members.size(); ++i) {
    const Member& member = order.launch.members[i];
    Part& part = run.parts.emplace_back();
    part.trial = member.trial;
    part.attempt = member.attempt;
    part.config = order.members[i].config;
    part.directory = order.members[i].directory;
    part.step = part.from = member.from ? member.from->step : 0;
    part.until = std::min(member.until, member.stretch);
    part.last = last_step(part.config);
    if (!member.from) continue;
    part.weights = weights_of(member.from->path);
    fetching += fetch(member.from->launch, slot);
  }
  crowd(slot, +1);
  for (std::size_t i = 1; i < order.launch.shares.size(); ++i) {
    run.further.push_back(static_cast<std::uint32_t>(order.launch.shares[i].slot.value));
    places_[run.further.back()].held_by = slot;
  }
  places_[slot].run = std::move(run);
  slot_of_[order.launch.id] = slot;
  const auto launch = static_cast<std::size_t>(order.launch.id.value);
  if (launch >= wrote_in_.size()) wrote_in_.resize(launch + 1, kNowhere);
  wrote_in_[launch] = slot;
  schedule(slot, span(fetching + options_.start_seconds / rate(slot)));
}

double SimExecutor::fetch(LaunchId launch, std::uint32_t slot) {
  const auto index = static_cast<std::size_t>(launch.value);
  if (index < wrote_in_.size() && wrote_in_[index] == slot) return 0;
  ++moves_;
  return options_.move_seconds;
}

void SimExecutor::leave(std::uint32_t slot, TrialId trial, ExitKind kind, std::string error) {
  Run& run = *places_[slot].run;
  const LaunchId launch = run.launch;
  std::erase_if(run.parts, [&](const Part& each) { return each.trial == trial; });
  deliver(launch,
          Exited{.trial = trial, .launch = launch, .kind = kind, .error = std::move(error)});
  if (!run.parts.empty()) return;
  deliver(launch, LaunchEnded{launch});
  slot_of_.erase(launch);
  for (const std::uint32_t further : run.further) places_[further].held_by.reset();
  places_[slot].run.reset();
  crowd(slot, -1);
}

void SimExecutor::leave_all(std::uint32_t slot, ExitKind kind, const std::string& error) {
  while (places_[slot].run) leave(slot, places_[slot].run->parts.front().trial, kind, error);
}

void SimExecutor::pass_on(const Message& message) {
  const auto slot = slot_of_.find(message.launch);
  if (slot == slot_of_.end()) return;
  push(now_ + span(options_.command_seconds), Kind::kCommand, slot->second, message.launch,
       messages_.put(message));
}

void SimExecutor::obey(std::uint32_t slot, const Message& message) {
  auto& place = places_[slot];
  if (!place.run || place.run->launch != message.launch) return;
  Run& run = *place.run;
  const auto part = std::ranges::find(run.parts, message.trial, &Part::trial);
  if (part == run.parts.end()) return;
  const bool waited = run.waiting();
  match(
      message.content,
      [&](const ContinueTo& go_on) {
        part->until = go_on.until;
        if (part->step < part->until) part->waiting = false;
      },
      [&](const StopNow&) { leave(slot, part->trial, ExitKind::kStopped); },
      [&](const PauseNow&) {
        if (part->step > part->from)
          deliver(run.launch, CheckpointSaved{checkpoint(*part, run.launch)});
        leave(slot, part->trial, ExitKind::kPaused);
      },
      [&](const ExploitFrom& exploit) {
        part->config = exploit.config;
        part->weights = weights_of(exploit.donor.path);
        part->step = part->from = exploit.donor.step;
        part->until = exploit.until;
        part->last = last_step(part->config);
        part->waiting = false;
        const StudyDuration fetching = span(fetch(exploit.donor.launch, slot));
        run.since = now_ + fetching;
        ++run.generation;
        if (!run.waiting()) schedule(slot, fetching);
      });
  // Whoever was the last to be waited for.
  if (std::holds_alternative<ExploitFrom>(message.content) || !waited || !place.run) return;
  if (place.run->waiting()) return;
  place.run->since = now_;
  go_on(slot);
}

}  // namespace clavier::exec
