#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/checkpoint_writer.h"
#include "worker/trial_context.h"

namespace clavier::worker {

/// What one trial of a launch reports, as in `TrialContext::report`.
struct MemberReport {
  TrialId trial;
  std::vector<Metric> metrics = {};
  std::optional<Steps> step = {};
  Save save = {};
};

/// A launch as its training code sees it: trials that are trained as one, and this process's part
/// of the work. An ordinary launch is one trial on one share, and its trial is all there is to it.
/// All calls from the thread that runs the launch.
class LaunchContext {
 public:
  virtual ~LaunchContext() = default;

  /// Those that have not left, in the order in which they came. Fewer after `report`, `leave` and
  /// `fail`. The trials live as long as the launch.
  virtual const std::vector<TrialContext*>& members() const = 0;
  /// How many processes train this launch, and which of them this one is, from 0.
  virtual std::int64_t shares() const = 0;
  virtual std::int64_t rank() const = 0;

  /// At a boundary: reports for those trials, then blocks until each of them may go on or is to
  /// leave. Who is to leave has left when this returns. Reports for trials that have left are
  /// dropped.
  virtual void report(const std::vector<MemberReport>& reports) = 0;
  /// A trial has come to its own end, or has failed, and the others go on.
  virtual void leave(TrialId trial) = 0;
  virtual void fail(TrialId trial, const std::string& error) = 0;
};

/// Trains one launch; returns when all its trials are done or have left. May throw: those that
/// have not left failed.
using LaunchTrainable = std::function<void(LaunchContext&)>;

/// For launches of one trial.
inline LaunchTrainable alone(Trainable train) {
  return [train = std::move(train)](LaunchContext& launch) { train(*launch.members().front()); };
}

}  // namespace clavier::worker
