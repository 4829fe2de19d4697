#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/study_spec.h"
#include "base/waker.h"
#include "exec/local/options.h"
#include "study/observer.h"
#include "tuner/tuner.h"

namespace clavier::app {

/// What observers of a run may want to know of it.
struct Running {
  StepId first;  ///< The run's first step; earlier ones are replayed.
  /// Process number of a live trial's worker. Valid while the study runs.
  std::function<std::optional<std::int64_t>(const Trial&)> pid;
};

/// How and where a study runs on this machine; nothing of it shapes decisions.
struct RunOptions {
  std::filesystem::path folder;          ///< The study's; created if missing.
  std::filesystem::path data_directory;  ///< Data sets of the built-in trainer.
  const Waker& waker;                    ///< Wakes the loop; signal handlers use it too.
  const std::atomic<int>* interrupts = nullptr;
  /// Makes observers besides trial directories, once; they must live until `run_study` returns.
  std::function<std::vector<Observer*>(const Running&)> observers = {};
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

struct RunReport {
  tuner::RunEnd end = tuner::RunEnd::kFinished;
  bool interrupted = false;  ///< By Ctrl-C, not by `clavier pause`.
  State state;
};

/// Runs the study in worker processes of this host until it is over or closed; goes on where an
/// earlier run ended. Fails if another tuner has it, if what must not change has changed, if a
/// file cannot be written, or if the program to run is missing.
Result<RunReport> run_study(const StudySpec& spec, const RunOptions& options);

/// How trials of this study become processes on `node`, this machine; the study lives in `folder`.
/// Everything but the command. Throughout, the one place where a study's settings reach them.
exec::LocalOptions local_options(const StudySpec& spec, const std::filesystem::path& folder,
                                 Node node);

}  // namespace clavier::app
