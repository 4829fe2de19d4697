#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "study/checkpoint.h"
#include "study/ids.h"

namespace clavier {

struct Metric {
  std::string name;
  double value = 0;  ///< NaN and infinities are allowed.
  friend bool operator==(const Metric& a, const Metric& b) {
    return a.name == b.name && (a.value == b.value || (std::isnan(a.value) && std::isnan(b.value)));
  }
};

/// What a trial says at one of its step boundaries.
struct Report {
  TrialId trial;
  LaunchId launch = {};
  Steps step = 0;
  /// The study's objective metric, of several the first. Absent if the report does not carry it.
  std::optional<double> value = {};
  /// Measured by the worker: wall seconds spent since the report before (or the launch's start).
  double seconds = 0;
  std::vector<Metric> metrics = {};  ///< All of them, the objective included, in reported order.
  std::optional<Checkpoint> checkpoint = {};
  friend bool operator==(const Report&, const Report&) = default;
};

}  // namespace clavier
