#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "worker/launch_context.h"

namespace clavier::worker {

struct WorkerOptions {
  std::string name = {};     ///< For people; empty: the program's.
  bool resume = true;        ///< The trainable starts from `checkpoint()` where there is one.
  bool exploit = false;      ///< It looks at `checkpoint()` after every report, too.
  std::int64_t members = 1;  ///< Trials of one launch that it trains at once.
};

/// The descriptor this process inherited as a worker; nothing if it is none. Takes it out of the
/// environment, so that programs started from here do not take themselves for the worker.
/// Call it once, before any thread is started.
std::optional<int> inherited_descriptor();

/// The main loop of a worker: launch after launch until the tuner says quit or is gone. Returns the
/// process's exit status. Exceptions of `train` fail their trial only.
int serve(int fd, const LaunchTrainable& train, const WorkerOptions& options = {});
/// For launches of one trial.
int serve(int fd, const Trainable& train, const WorkerOptions& options = {});

/// `serve` on the inherited descriptor; explains itself and returns 2 if there is none.
int worker_main(const LaunchTrainable& train, const WorkerOptions& options = {});
int worker_main(const Trainable& train, const WorkerOptions& options = {});

}  // namespace clavier::worker
