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
  friend bool operator==(const Reported&, const Reported&) = default;
};

/// A checkpoint that came outside a report.
struct CheckpointSaved {
  Checkpoint checkpoint;
  friend bool operator==(const CheckpointSaved&, const CheckpointSaved&) = default;
};

/// A checkpoint turned out to be damaged or gone; whoever was to start from it starts from the one
/// before.
struct CheckpointVoid {
  Checkpoint checkpoint;
  std::string reason = {};
  friend bool operator==(const CheckpointVoid&, const CheckpointVoid&) = default;
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
  friend bool operator==(const Exited&, const Exited&) = default;
};

/// The launch's slots are free again. After the last `Exited` of its members.
struct LaunchEnded {
  LaunchId launch;
  friend bool operator==(const LaunchEnded&, const LaunchEnded&) = default;
};

/// Why a started launch does not run yet.
struct Waiting {
  LaunchId launch;
  std::string reason;
  friend bool operator==(const Waiting&, const Waiting&) = default;
};

struct NodeJoined {
  Node node;
  friend bool operator==(const NodeJoined&, const NodeJoined&) = default;
};
/// What ran there is lost, and is told of after this signal: whoever starts a lost trial again must
/// know already where not to.
struct NodeLost {
  NodeId node;
  friend bool operator==(const NodeLost&, const NodeLost&) = default;
};

/// The time the loop asked to be woken at has come.
struct Deadline {
  friend bool operator==(const Deadline&, const Deadline&) = default;
};

using Signal = std::variant<Reported, CheckpointSaved, CheckpointVoid, Exited, LaunchEnded, Waiting,
                            NodeJoined, NodeLost, Deadline>;

}  // namespace clavier
