#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "exec/local/outcome.h"
#include "exec/local/trial_log.h"
#include "exec/local/worker_process.h"
#include "study/node.h"
#include "study/time.h"
#include "worker/line_buffer.h"
#include "worker/protocol.h"

namespace clavier::exec {

/// Of what a trial reports after it was told to leave, so much is taken. A step or two are under
/// way then; what floods the log is a program that ignores what it is told.
inline constexpr int kMaxLateReports = 1000;

/// One launch in a worker, from its start until the worker is free or gone.
struct WorkerRun {
  TrialId trial;
  LaunchId launch;
  std::vector<SlotId> slots;
  std::string directory;  ///< Absolute.
  std::string relative;   ///< The same from the study's folder.
  Steps step = 0;         ///< Last reported; at first that of the checkpoint.
  StudyTime started{};
  StudyTime last_report{};  ///< Or when it was last told to go on.
  Wish wish = Wish::kNone;
  std::string complaint = {};
  Order order;                 ///< By which it was started.
  int late = 0;                ///< Reports since it was told to leave.
  bool taken_up = false;       ///< The worker has said something about it.
  bool exited = false;         ///< Its `Exited` is out.
  bool plain_reports = false;  ///< It reports on standard output.
  int complaints = 0;
  std::string first_ignored = {};
  std::set<std::string> checkpoints = {};
  LogFile output;
  LogFile error;
};

/// One process, which takes one launch after another if it can.
struct LocalWorker {
  std::uint64_t id = 0;
  Slot slot;
  WorkerProcess process;
  worker::LineBuffer wire_lines = worker::LineBuffer();
  worker::LineBuffer output_lines = worker::LineBuffer();
  bool heard = false;  ///< It speaks the protocol, so its standard output is only a log.
  std::optional<worker::HelloLine> hello = {};
  int launches = 0;
  std::optional<WorkerRun> run = {};
  bool terminated = false;
  bool left_unread = false;     ///< It closed the wire before it had read everything.
  bool wants_to_write = false;  ///< As the poller knows.
  /// When patience ends: it has not obeyed or not left or, once terminated, its guard has not.
  std::optional<StudyTime> patience = {};

  static constexpr StudyDuration kGuardGrace = std::chrono::seconds(30);
  static constexpr int kMaxComplaints = 20;  ///< Written to a trial's log; the rest is counted.
};

}  // namespace clavier::exec
