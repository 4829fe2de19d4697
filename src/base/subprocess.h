#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace clavier {

/// Our descriptor and the number it gets in the child. Of the others only 0, 1 and 2 stay open
/// there.
struct DescriptorMapping {
  int ours = -1;
  int childs = -1;
};

struct SpawnOptions {
  /// A path, or a name to be found along the PATH of `environment`. Relative paths start at
  /// `directory`.
  std::string program;
  std::vector<std::string> argv;              ///< argv[0] included.
  std::vector<std::string> environment = {};  ///< All of it, NAME=value.
  std::string directory = {};                 ///< Empty: ours.
  std::vector<DescriptorMapping> descriptors = {};
  std::vector<int> cpu_ids = {};      ///< Cores it may use; empty: ours.
  std::int64_t data_limit_bytes = 0;  ///< RLIMIT_DATA: heap and private maps; 0: none.
  bool new_session = false;           ///< Leader of its own session as well, without a terminal.
  int death_signal = 0;               ///< Sent to it when the thread that spawned it ends; 0: none.
};

/// How a process ended: by itself with `exit_code`, or by `signal`.
struct ProcessEnd {
  int exit_code = 0;
  int signal = 0;
  bool ok() const { return signal == 0 && exit_code == 0; }
};
/// "exit status 3", "signal 11 (SIGSEGV)".
std::string describe(const ProcessEnd& end);

/// The program to execute: `name` itself if it is a path, else the first of that name in the
/// folders of `path` (as $PATH lists them); empty if there is none.
std::string find_program(std::string_view name, std::string_view path);

/// Whether errno says that the system has no room now and may have later: descriptors, processes,
/// memory, disk space.
bool is_shortage(int error);

/// A child process, leader of its own process group, with default signal handling and nothing of
/// ours but what it was given. Its end shows on a descriptor: nobody waits in a thread.
/// Not a zombie once `reap` returned a value or this object is gone.
class Process {
 public:
  /// Fails with kNotFound if there is no such program, kInvalid if it cannot be executed,
  /// kUnavailable if the system has no room (processes, memory, descriptors). The message names the
  /// program and says what to do. Does not copy our memory, so it is fast in a large process.
  static Result<Process> spawn(const SpawnOptions& options);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  /// Kills the group if the process still runs, and waits for it.
  ~Process();

  pid_t pid() const { return pid_; }
  /// Readable once the process has ended. Valid as long as this object.
  int end_fd() const { return pidfd_.get(); }
  /// Without effect once it was reaped.
  void signal(int number) const;
  void signal_group(int number) const;
  /// How it ended, if it has; does not block. Repeats its answer.
  std::optional<ProcessEnd> reap();

 private:
  Process(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;
  Fd pidfd_;
  std::optional<ProcessEnd> end_;
};

/// This process's, NAME=value.
std::vector<std::string> own_environment();

/// What a wait status of waitpid(2) says.
ProcessEnd end_of(int wait_status);

}  // namespace clavier
