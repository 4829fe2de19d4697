#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "exec/sim/curve.h"
#include "study/state.h"

namespace clavier::exec {

/// What one configuration reported, by step.
struct RecordedReport {
  Steps step = 0;
  std::vector<Metric> metrics = {};
  double seconds = 0;  ///< Since the report before; 0: not known.
};
struct RecordedTrial {
  Config config;
  std::vector<RecordedReport> reports = {};  ///< Steps ascending, above 0.
};

/// Trials report what these did, at the same steps, and end with the last one. A trial takes the
/// record with its own number if that has its configuration, else the first one that has it; with
/// none it fails and says so. Costs are the recorded seconds (so leave `seconds_per_step` at 1),
/// spread over steps without a report; 1 where they are not known.
/// Fails on records without reports, with steps out of order, or none at all.
Result<Curve> recorded_curve(std::vector<RecordedTrial> trials);

/// The trials of an earlier study with their objectives, named as there; those that never reported
/// are left out.
std::vector<RecordedTrial> recorded_trials(const State& state);

}  // namespace clavier::exec
