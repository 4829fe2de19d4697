#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/subprocess.h"
#include "study/signal.h"

namespace clavier::exec {

/// How a worker's process ended, or why there never was one, as whoever watched it says.
struct GuardReport {
  enum class Kind {
    kEnded,
    kNotStarted,
    kNoRoom,  ///< Not started either, but it may be later: the system lacked something.
  };
  Kind kind = Kind::kEnded;
  ProcessEnd end = {};         ///< The worker's.
  bool out_of_memory = false;  ///< The kernel's memory killer struck in our control group.
  std::string error = {};      ///< Why it was not started.
};

/// What the tuner last wanted of a trial, or what we hold against its worker.
enum class Wish {
  kNone,
  kStop,
  kPause,
  kTimeLimit,  ///< Its time was up.
  kRefuse,     ///< It speaks a protocol that we do not.
  kVoid,       ///< The checkpoint it was to take over turned out to be damaged.
  kFail,       ///< It does not do what it must; `complaint` says what.
};

/// All that is known when a worker has ended under a live trial.
struct WorkerEnd {
  std::optional<GuardReport> report = {};  ///< None: the guard itself was killed.
  Wish wish = Wish::kNone;
  bool terminated = false;     ///< We had it killed.
  bool takes_several = false;  ///< Its hello said so, hence it must say when a trial ends.
  bool never_read = false;     ///< Warm, it ended before it had read of this trial.
  std::string complaint = {};
  std::string last_error_line = {};  ///< Of its standard error.
  std::string error_tail = {};
};

/// How a trial ended with its worker.
struct WorkerFate {
  ExitKind kind = ExitKind::kCompleted;
  std::string error = {};
};

/// What is held against its worker, whatever that says itself; nothing if its own words count.
std::optional<WorkerFate> overruled(Wish wish, const std::string& complaint);

/// Whose fault it was. Killed by a signal that only others send (KILL, TERM, INT, HUP): lost;
/// by the kernel for want of memory, or by its own mistake: failed. A warm worker that never read
/// of the trial was leaving because of an earlier one: lost.
WorkerFate judge(const WorkerEnd& end);

/// Words that programs and libraries use when memory, of the host or of a device, runs out.
bool mentions_out_of_memory(std::string_view text);
/// Begins with "out of memory" exactly when memory ran out, whatever the program's own words.
std::string error_with_cause(std::string error, std::string_view log_tail);

}  // namespace clavier::exec
