#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "study/node.h"
#include "study/time.h"
#include "worker/protocol.h"

namespace clavier::exec {

/// From `time` on a slot works at so many times its declared speed, which nobody is told.
struct SimDrift {
  StudyTime time{};  ///< Since the simulation began.
  double factor = 1;
};

/// What was lost comes back, or what is there is lost.
struct SimPresence {
  StudyTime time{};
  bool here = false;
};

struct SimSlot {
  double speed = 1;  ///< Every duration of a trial is divided by it.
  Resources resources = {};
  double price_per_hour = 0;
  std::vector<SimDrift> drift = {};
  /// Of the slot alone: its node joins anew without it, or with it again. Of no effect where it is
  /// so already.
  std::vector<SimPresence> later = {};
  std::vector<int> gpu_ids = {};  ///< Slots of a node with the same ones share these devices.
  /// What k trials that share the devices do in total, relative to one alone, from k = 1 on. One
  /// that waits for a decision counts as well. Empty: they do not slow down each other.
  std::vector<double> sharing = {};
};

struct SimNode {
  std::vector<SimSlot> slots = {SimSlot{}};
  std::string host = {};                ///< Empty: `sim0`, `sim1`, …
  StudyTime joins{};                    ///< Since the simulation began.
  StudyTime lost = kNever;              ///< Everything on it is lost then.
  std::vector<SimPresence> later = {};  ///< Of no effect where it is so already.
};

struct SimOptions {
  /// Slots get their ids in this order, from 0.
  std::vector<SimNode> nodes = {SimNode{}};
  double seconds_per_step = 1;  ///< At speed 1 and cost 1.
  double start_seconds = 0;     ///< From a launch's start to its first step.
  double report_seconds = 0;    ///< From the worker to the tuner.
  double command_seconds = 0;   ///< From the tuner to the worker.
  /// To start from a checkpoint that was written in another slot, or to take it over.
  double move_seconds = 0;
  /// What an array of k trials does in total, relative to one alone, from k = 1 on; larger ones as
  /// the last. Empty: its trials do not slow down each other.
  std::vector<double> arrays = {};
  Steps report_every = 1;         ///< Trials report, and wait, at its multiples and at their end.
  double evaluation_seconds = 0;  ///< Before each of those, at speed 1.
  double save_seconds = 0;        ///< Before each that carries a checkpoint, at any speed.
  /// Durations are multiplied by exp(noise · z), z standard normal, keyed by (seed, trial,
  /// attempt, step).
  double noise = 0;
  double failure_probability = 0;  ///< Per step, keyed by (seed, trial, attempt, step).
  /// Nodes fail at random, this often in the mean, keyed by (seed, node, how often it came); 0:
  /// not.
  double mtbf_seconds = 0;
  /// The same for each slot by itself, keyed by (seed, slot, how often it came or went).
  double slot_mtbf_seconds = 0;
  double repair_seconds = 0;  ///< Until a node or a slot that failed at random is back.
  worker::CheckpointRules checkpoints = {};
  /// A report at which the trial waits for a decision carries a checkpoint as well.
  bool checkpoint_at_until = true;
  std::uint64_t seed = 0;   ///< Of noise and failures, and handed to the curve.
  std::string metric = {};  ///< The objective's name.
};

}  // namespace clavier::exec
