#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "app/run/simulate_study.h"
#include "base/waker.h"

namespace clavier::app {

struct PlanOptions {
  std::filesystem::path home = {};       ///< Of all studies.
  std::optional<std::string> from = {};  ///< An earlier study, by name or folder.
  bool probed = false;                   ///< The study comes from `probe_speeds`.
  std::int64_t most_events = 1'000'000;  ///< Longer studies are planned in coarser steps.
};

/// How often a trial should save, by what saves and failures of [simulate] cost (Daly 2006).
struct CheckpointAdvice {
  Steps every = 0;      ///< Loses least.
  double loss = 0;      ///< The part of the time that it loses.
  double loss_now = 0;  ///< The same of [checkpoint] every as it is.
};

/// A study before it has run.
struct Planned {
  Simulated simulated;
  std::string source;  ///< Where the durations come from, in words.
  bool measured = true;
  std::string starts;                           ///< What the start of a launch counts, in words.
  std::optional<CheckpointAdvice> advice = {};  ///< If saves cost time and something fails.
};

/// What the study is expected to do: simulated without noise and failures, at the speeds of
/// [cluster] or as an earlier study measured them. Fails if nothing limits trials or steps.
Result<Planned> plan_study(const StudySpec& spec, const PlanOptions& options);

/// Where and how a probe runs trials.
struct ProbeOptions {
  std::filesystem::path folder;  ///< Scratch, emptied by the caller.
  std::filesystem::path data_directory;
  const Waker& waker;
  const std::atomic<int>* interrupts = nullptr;
};

/// The study with the seconds per step of each kind of its slots as measured here: one trial runs
/// one interval on each kind, through the ordinary executor. Fails if such a trial fails.
Result<StudySpec> probe_speeds(const StudySpec& spec, const ProbeOptions& options);

}  // namespace clavier::app
