#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "study/step.h"

namespace clavier::exec {

/// What a worker needs to know of a trial, besides what the log says of its launch.
struct OrderedMember {
  Config config = {};
  std::string directory = {};  ///< Relative to the study's folder.
  double width = 1;
  std::optional<double> best = {};  ///< What it has reached.
};

/// A launch with everything that workers need to run it. What an executor does not carry out (many
/// trials, many slots) it refuses, in one place.
struct Order {
  Launch launch;
  std::vector<OrderedMember> members;  ///< As in the launch.
  std::vector<Slot> slots;             ///< Of its shares.
};

/// To one live trial. Messages to a trial that has just left are dropped silently.
struct ContinueTo {
  Steps until = kForever;
};
struct StopNow {};   ///< Leave; no checkpoint is needed.
struct PauseNow {};  ///< Checkpoint if possible, then leave.
struct ExploitFrom {
  Checkpoint donor;
  Config config;
  Steps until = kForever;
};
struct Message {
  LaunchId launch;
  TrialId trial;
  std::variant<ContinueTo, StopNow, PauseNow, ExploitFrom> content;
};

/// Owns processes (or threads, or virtual time). All calls come from the loop's thread; only
/// `wait` blocks. A trial named by a started order yields exactly one `Exited`, whatever dies,
/// followed by one `LaunchEnded` of its launch.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Never blocks; a launch that cannot be started yields `Exited{kRefused}` from `wait`.
  virtual void start(Order order) = 0;
  virtual void send(const Message& message) = 0;
  /// Deletes a checkpoint that no committed step needs any more; `path` relative to the study.
  virtual void discard(const std::string& path) = 0;
  /// Returns when something has happened, at `deadline` (then with a `Deadline` signal), or empty
  /// when the program's Waker was woken. Signals are in the order in which they happened, at most
  /// kMaxSignals. The first call yields `NodeJoined` for every node known at once.
  virtual std::vector<Signal> wait(StudyTime deadline) = 0;
  /// Time since this executor was made, or its virtual time; never runs backwards.
  virtual StudyTime now() const = 0;
  /// Told every logged step on recovery, in order, before any other call. True if this executor
  /// has rebuilt from the log what was running after this step; false if that is lost.
  virtual bool replay(const Step& step) = 0;

  static constexpr std::size_t kMaxSignals = 64;
};

}  // namespace clavier::exec
