#pragma once

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
};

/// One worker under its guard, and our ends of its wire, output and error. All of them are
/// non-blocking. Its end is the guard's end, when nobody it started is left. Destruction kills.
class WorkerProcess {
 public:
  static Result<WorkerProcess> start(const WorkerProcessOptions& options);
  WorkerProcess(WorkerProcess&&) = default;
  /// Kills everything and waits until it is gone.
  ~WorkerProcess();

  Fd wire;    ///< Both directions; reset at its end-of-file.
  Fd output;  ///< Its standard output; reset likewise.
  Fd error;

  /// Readable once all is over.
  int end_fd() const { return guard_.end_fd(); }
  /// SIGTERM, after the guard's grace SIGKILL. Once is enough.
  void terminate();
  /// REQUIRES: `end_fd` is readable. What the guard had to say; nothing if it was killed itself.
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

 private:
  WorkerProcess(Process guard, Fd control)
      : control_(std::move(control)), guard_(std::move(guard)) {}
  void order(char byte);

  Fd control_;
  Process guard_;
  std::string queue_;
  bool undelivered_ = false;
};

}  // namespace clavier::exec
