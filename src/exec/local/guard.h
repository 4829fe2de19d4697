#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exec/conversation/worker_fate.h"

/// The resident parent of one worker. It exists so that nothing the worker started survives: not
/// when the worker ends, not when the tuner is killed with -9. It is the subreaper of everything
/// below it, so a grandchild that daemonised is still found and killed. Should the guard itself be
/// killed, the kernel kills the worker, and the tuner or, if that is gone as well, the study's next
/// run whatever the worker has started (worker_tree.h).
namespace clavier::exec {

/// To be called as main's first statement by every program that runs local workers: does the
/// guard's work and returns its exit status if this process was started as one.
std::optional<int> guard_main_if_asked(int argc, char** argv);

inline constexpr std::string_view kGuardFlag = "--guard";

/// What a guard is told on its command line. Environment, directory, standard output and standard
/// error are simply handed down to the worker.
struct GuardOrder {
  std::vector<std::string> command = {};  ///< The worker's program and its arguments.
  std::vector<int> cpu_ids = {};          ///< Cores for the worker; empty: all.
  /// RLIMIT_DATA of each of its processes; 0: none. Not RLIMIT_AS, which would refuse the address
  /// space that CUDA and sanitizers reserve without using it.
  std::int64_t memory_mb = 0;
  std::int64_t grace_ms = 5000;  ///< Between SIGTERM and SIGKILL.
};
/// Guard's arguments, to follow those that start the guard program.
std::vector<std::string> to_arguments(const GuardOrder& order);
Result<GuardOrder> guard_order_from(const std::vector<std::string>& arguments);

/// The guard's descriptors: a sequenced-packet socket to the tuner, whose end-of-file means that
/// the tuner is gone, and the worker's wire, which the worker gets as kWorkerFd.
inline constexpr int kGuardControlFd = 3;
inline constexpr int kGuardWireFd = 4;
inline constexpr int kWorkerFd = 3;

/// One byte to the guard.
inline constexpr char kTerminate = 't';  ///< SIGTERM to the worker's group, SIGKILL after grace.
inline constexpr char kKill = 'k';       ///< SIGKILL at once.

/// The one packet a guard sends, when all is over and nobody is left.
std::string to_packet(const GuardReport& report);
std::optional<GuardReport> guard_report_from(std::string_view packet);

}  // namespace clavier::exec
