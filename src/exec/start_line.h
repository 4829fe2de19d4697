#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/match.h"
#include "exec/executor.h"
#include "worker/protocol.h"

namespace clavier::exec {

/// What the slowest of its slots emulates; nothing if none does.
inline std::optional<double> emulated_speed(const Order& order) {
  if (std::ranges::none_of(order.slots, &Slot::emulated)) return std::nullopt;
  return std::ranges::min(order.slots, {}, &Slot::speed).speed;
}

/// What a worker is told about one member of an order. `study` is the study's folder, absolute.
/// `seconds_per_step`: of a slot of speed 1, where a slot emulates its speed.
inline worker::StartLine start_line(const Order& order, std::size_t member,
                                    const std::filesystem::path& study,
                                    worker::CheckpointRules rules, double seconds_per_step = 1) {
  const Member& who = order.launch.members[member];
  const OrderedMember& what = order.members[member];
  worker::StartLine line;
  line.trial = who.trial;
  line.launch = order.launch.id;
  line.attempt = who.attempt;
  line.config = what.config;
  line.directory = (study / what.directory).string();
  if (who.from) {
    line.checkpoint = (study / who.from->path).string();
    line.step = who.from->step;
  }
  line.until = std::min(who.until, who.stretch);
  line.width = what.width;
  line.checkpoints = std::move(rules);
  if (line.checkpoints.best) line.best = what.best;
  line.members = std::ssize(order.members);
  line.slots = static_cast<std::int64_t>(order.launch.shares.size());
  if (const auto speed = emulated_speed(order)) line.step_seconds = seconds_per_step / *speed;
  return line;
}

/// The content of a message as the worker reads it; `named`: to that trial of several.
inline worker::ToWorker line(const decltype(Message::content)& content,
                             const std::filesystem::path& study,
                             std::optional<TrialId> named = {}) {
  using worker::ToWorker;
  return match(
      content,
      [&](const ContinueTo& go_on) {
        return ToWorker(worker::ContinueLine{go_on.until, named});
      },
      [&](const StopNow&) { return ToWorker(worker::StopLine{named}); },
      [&](const PauseNow&) { return ToWorker(worker::PauseLine{named}); },
      [&](const ExploitFrom& exploit) {
        return ToWorker(worker::ExploitLine{(study / exploit.donor.path).string(), exploit.config,
                                            exploit.donor.step, exploit.until, named});
      });
}

}  // namespace clavier::exec
