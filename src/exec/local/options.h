#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "study/node.h"
#include "study/time.h"
#include "worker/protocol.h"

namespace clavier::exec {

/// How trials become processes on this machine.
struct LocalOptions {
  std::filesystem::path study;  ///< The study's folder; absolute; exists.
  std::string metric;           ///< The objective's name, to be found in reports.
  Node node = {};               ///< This machine with its slots.

  /// The worker: its arguments may hold {lr}, {trial}, {dir}, {checkpoint}, {until}.
  std::vector<std::string> command = {};
  /// Added to ours, and stronger than what the slot sets.
  std::map<std::string, std::string> environment = {};
  std::filesystem::path working_directory = {};  ///< Empty: ours.
  /// The program that answers to `--guard`; by default the running one, see `guard_main_if_asked`.
  std::string guard = "/proc/self/exe";

  /// What workers are told that the first trial's number is.
  std::int64_t first_trial = 0;
  bool warm = true;               ///< One process may take trial after trial, if its hello says so.
  int max_trials_per_worker = 0;  ///< Then it is replaced, against leaks; 0: never.
  worker::CheckpointRules checkpoints = {};
  /// What a step takes on a slot of speed 1, where slots emulate their speed (`Slot::emulated`).
  double seconds_per_step = 1;

  std::optional<StudyDuration> time_limit = {};  ///< Wall time of one attempt; then it failed.
  std::int64_t log_limit_bytes = 64 << 20;       ///< Of a trial's stdout and stderr, each.
  /// How long a worker may take to obey before it is terminated. A pause writes a checkpoint.
  StudyDuration obey_stop = std::chrono::seconds(30);
  StudyDuration obey_pause = std::chrono::minutes(10);
  StudyDuration leave = std::chrono::seconds(10);  ///< From `exited` to the process's end.
  StudyDuration grace = std::chrono::seconds(5);   ///< From SIGTERM to SIGKILL.
  /// One line for the user, not part of the record.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

}  // namespace clavier::exec
