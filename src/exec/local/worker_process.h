#pragma once

#include <signal.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/subprocess.h"
#include "exec/local/guard.h"

namespace clavier::exec {

struct WorkerProcessOptions {
  std::string guard;  ///< The program that answers to `--guard`.
  GuardOrder order;
  std::vector<std::string> environment;  ///< All of it, NAME=value.
  std::string working_directory;
  std::string mark;  ///< The worker's own (worker_tree.h), to be added to the environment.
};

/// One worker under its guard, and our ends of its wire, output and error. All of them are
/// non-blocking. Its end is the guard's end, when nobody it started is left. Destruction kills.
class WorkerProcess {
 public:
  /// Fails with kUnavailable if the system has no room for it now.
  static Result<WorkerProcess> start(const WorkerProcessOptions& options);
  WorkerProcess(WorkerProcess&&) = default;
  /// Kills everything and waits until it is gone, for kFarewell and kKillPatience at most.
  ~WorkerProcess();

  Fd wire;    ///< Both directions; reset at its end-of-file.
  Fd output;  ///< Its standard output; reset likewise.
  Fd error;

  /// Readable once all is over.
  int end_fd() const { return guard_.end_fd(); }
  /// SIGTERM, after the guard's grace SIGKILL. Once is enough.
  void terminate();
  /// SIGKILL at once, to all below the guard.
  void kill();
  /// SIGKILL to the guard, for one that does not answer; `take_report` does its work.
  void kill_guard() { guard_.signal(SIGKILL); }
  /// REQUIRES: `end_fd` is readable. What the guard had to say; nothing if it was killed itself:
  /// then whatever it has left behind is killed here.
  std::optional<GuardReport> take_report();

  /// Queues `line` for the wire and writes what it takes without blocking.
  /// False once more than kMaxQueuedBytes wait: the worker does not read.
  bool write(std::string_view line);
  /// To be called when the wire is writable.
  void flush();
  bool has_queued() const { return !queue_.empty(); }
  /// Something was written after the worker had closed its end.
  bool undelivered() const { return undelivered_; }

  static constexpr std::size_t kMaxQueuedBytes = std::size_t{1} << 20;
  static constexpr std::chrono::milliseconds kFarewell{10'000};

 private:
  WorkerProcess(Process guard, Fd control, std::string mark)
      : control_(std::move(control)), guard_(std::move(guard)), mark_(std::move(mark)) {}
  void order(char byte);

  Fd control_;
  Process guard_;
  std::string mark_;
  std::string queue_;
  bool undelivered_ = false;
  bool over_ = false;  ///< The report has been taken.
};

}  // namespace clavier::exec
