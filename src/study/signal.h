#pragma once

#include <string>
#include <variant>
#include <vector>

#include "study/node.h"
#include "study/report.h"

namespace clavier {

/// Members of one launch that report at the same boundary arrive together, so that a rung is
/// decided on all of them at once.
struct Reported {
  std::vector<Report> reports;
};

/// A checkpoint that came outside a report.
struct CheckpointSaved {
  Checkpoint checkpoint;
};

enum class ExitKind {
  kCompleted,  ///< The trial ended by itself, its work done.
  kStopped,    ///< It obeyed a stop.
  kPaused,     ///< It obeyed a pause.
  kFailed,     ///< Its own fault: exception, bad exit status, out of memory, time limit.
  kLost,       ///< Not its fault: worker, node or tuner vanished.
  kRefused,    ///< It was never started; `error` says why.
};

/// Exactly one for each trial named by a committed launch, whatever dies.
struct Exited {
  TrialId trial;
  LaunchId launch = {};
  ExitKind kind = ExitKind::kCompleted;
  std::string error = {};     ///< One line; empty when all is well.
  std::string log_tail = {};  ///< Last lines of the trial's log, for failures.
};

/// The launch's slots are free again. After the last `Exited` of its members.
struct LaunchEnded {
  LaunchId launch;
};

/// Why a started launch does not run yet.
struct Waiting {
  LaunchId launch;
  std::string reason;
};

struct NodeJoined {
  Node node;
};
/// Its launches have ended; their trials were reported as lost before this signal.
struct NodeLost {
  NodeId node;
};

/// The time the loop asked to be woken at has come.
struct Deadline {};

using Signal = std::variant<Reported, CheckpointSaved, Exited, LaunchEnded, Waiting, NodeJoined,
                            NodeLost, Deadline>;

}  // namespace clavier
