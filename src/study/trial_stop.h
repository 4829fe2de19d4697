#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/report.h"
#include "study/time.h"

namespace clavier {

/// Without a better value, by more than `min_delta`, for so many steps a trial is stopped.
struct Patience {
  Steps steps = 0;
  double min_delta = 0;
  Steps grace = 0;  ///< No trial is judged before this step; also below.
  friend bool operator==(const Patience&, const Patience&) = default;
};

/// Where the metric is below `lower` or above `upper` a trial is stopped.
struct Threshold {
  std::string metric = {};
  std::optional<double> lower = {}, upper = {};
  Steps grace = 0;
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

/// Worse at the same steps than the best trial that was completed: Wilcoxon's signed-rank test
/// gives that a chance below `p` if the two were alike.
struct Wilcoxon {
  double p = 0.1;
  Steps grace = 0;
  friend bool operator==(const Wilcoxon&, const Wilcoxon&) = default;
};

/// Rules that end a trial whatever its scheduler says (`[trial.stop]`).
struct TrialStop {
  // It ends well when one of these holds.
  Steps steps = kForever;
  std::optional<StudyDuration> time = {};  ///< Time in launches, summed over attempts.
  /// Metric and threshold; the objective's direction for the objective, else `>=`.
  std::vector<Metric> metrics = {};
  // It is stopped when one of these does.
  bool non_finite = false;  ///< The objective, or a metric called a loss, is NaN or infinite.
  std::optional<Patience> patience = {};
  std::vector<Threshold> thresholds = {};
  std::optional<Wilcoxon> wilcoxon = {};
  friend bool operator==(const TrialStop&, const TrialStop&) = default;
};

}  // namespace clavier
