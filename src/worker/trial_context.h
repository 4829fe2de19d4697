#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "study/config.h"
#include "study/report.h"

namespace clavier::worker {

/// What the training code is to do after a report.
enum class Verdict { kGoOn, kLeave };

/// A trial as its training code sees it: the same in a worker process, on a thread of the tuner
/// and in a test. All calls from the thread that runs the trial.
class TrialContext {
 public:
  using Verdict = worker::Verdict;

  virtual ~TrialContext() = default;

  virtual TrialId trial() const = 0;
  virtual const Config& config() const = 0;
  /// Absolute; exists; also the place for the trial's own files.
  virtual const std::filesystem::path& directory() const = 0;
  /// The directory to resume from, if any. May change after `report` when weights are to be taken
  /// over from another trial (population based training).
  virtual std::optional<std::filesystem::path> checkpoint() const = 0;
  /// How often the trial has taken over another's state since it was started here. Where `report`
  /// changes it, `checkpoint`, `config` and `step` are to be taken anew, even if they read as
  /// before.
  virtual int takeovers() const = 0;
  /// Model width relative to the target (1 unless a surrogate).
  virtual double width() const = 0;

  /// Reports at a step boundary; `step` counts on from the last one if not given. Blocks while the
  /// trial has reached the step it may run to, until the tuner decides.
  /// `save`, if given, writes a checkpoint into the empty directory it gets. It is called during
  /// this call only, and only where the study wants a checkpoint: at the trial's best so far, by
  /// its other `[checkpoint]` rules, before every pause, and at the end where the study says so. A
  /// trial that ends by itself leaves its best, and its last state if the study knew of the end:
  /// by `[trial.stop] steps`, or `max_steps` of its scheduler.
  virtual Verdict report(const std::vector<Metric>& metrics, std::optional<Steps> step = {},
                         const std::function<void(const std::filesystem::path&)>& save = {}) = 0;
  /// The tuner wants this trial to leave; also known from `report`. Cheap.
  virtual bool should_stop() const = 0;
  /// The step to resume at: that of the checkpoint, 0 from scratch.
  virtual Steps step() const = 0;
  /// The step it may run to, as far as is known: there the study waits for a report, and `report`
  /// for a decision. Cheap.
  virtual Steps until() const = 0;
};

/// Trains one trial; returns when done or told to leave. May throw: the trial then failed.
using Trainable = std::function<void(TrialContext&)>;

}  // namespace clavier::worker
