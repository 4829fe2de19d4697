#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "study/node.h"
#include "study/time.h"
#include "worker/protocol.h"

namespace clavier::exec {

struct SimSlot {
  double speed = 1;  ///< Every duration of a trial is divided by it.
  Resources resources = {};
  double price_per_hour = 0;
};

struct SimNode {
  std::vector<SimSlot> slots = {SimSlot{}};
  std::string host = {};    ///< Empty: `sim0`, `sim1`, …
  StudyTime joins{};        ///< Since the simulation began.
  StudyTime lost = kNever;  ///< Everything on it is lost then; it does not come back.
};

struct SimOptions {
  /// Slots get their ids in this order, from 0.
  std::vector<SimNode> nodes = {SimNode{}};
  double seconds_per_step = 1;  ///< At speed 1 and cost 1.
  double start_seconds = 0;     ///< From a launch's start to its first step.
  double report_seconds = 0;    ///< From the worker to the tuner.
  double command_seconds = 0;   ///< From the tuner to the worker.
  /// Durations are multiplied by exp(noise · z), z standard normal, keyed by (seed, trial,
  /// attempt, step).
  double noise = 0;
  double failure_probability = 0;  ///< Per step, keyed by (seed, trial, attempt, step).
  worker::CheckpointRules checkpoints = {};
  /// A report at which the trial waits for a decision carries a checkpoint as well.
  bool checkpoint_at_until = true;
  std::uint64_t seed = 0;   ///< Of noise and failures, and handed to the curve.
  std::string metric = {};  ///< The objective's name.
};

}  // namespace clavier::exec
