#include "tuner/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace clavier::tuner {

namespace {

/// Sums of prices times durations are exact to this part.
constexpr double kCostRounding = 1e-9;

}  // namespace

std::optional<std::string> met(const TrialStop& rules, const Objectives& objective,
                               const Trial& trial, const Report& report, StudyTime now) {
  if (report.step >= rules.steps) return fmt::format("reached step {}", rules.steps);
  if (now >= time_up(rules, trial))
    return fmt::format("its time of {:.6g} s is up", seconds(*rules.time));
  for (const Metric& threshold : rules.metrics) {
    const auto reported = std::ranges::find(report.metrics, threshold.name, &Metric::name);
    if (reported == report.metrics.end() || !std::isfinite(reported->value)) continue;
    const Objective* own = objective.find(threshold.name);
    const bool lower_is_better = own && own->mode == Mode::kMin;
    if (lower_is_better ? reported->value <= threshold.value : reported->value >= threshold.value)
      return fmt::format("{} reached {:.6g}", threshold.name, threshold.value);
  }
  return {};
}

std::optional<std::string> diverged(const TrialStop& rules, const Objectives& objective,
                                    const Report& report) {
  if (!rules.non_finite) return {};
  for (const Metric& metric : report.metrics) {
    // Accuracies stay finite where the loss has long ceased to be. Of other metrics some are NaN by
    // right, such as a precision without a positive.
    const bool tells = objective.find(metric.name) || metric.name.find("loss") != std::string::npos;
    if (tells && !std::isfinite(metric.value))
      return fmt::format("{} is {} at step {}", metric.name, metric.value, report.step);
  }
  return {};
}

StudyTime time_up(const TrialStop& rules, const Trial& trial) {
  if (!rules.time) return kNever;
  return trial.launched + (*rules.time - trial.busy);
}

void Plateau::ended(const Objective& objective, std::optional<double> best) {
  if (!best) return;
  const double gain = reference_ ? std::abs(*best - *reference_) : 0;
  if (!reference_ || (objective.better(*best, *reference_) && gain > min_delta_)) {
    reference_ = best;
    since_improvement_ = 0;
  } else {
    ++since_improvement_;
  }
}

std::optional<std::string> met(const StudyRules& rules, const Plateau& plateau, const State& state,
                               double cost) {
  if (rules.metric && state.best()) {
    const double best = state.trial(*state.best()).best->value;
    if (best == *rules.metric || state.objective().better(best, *rules.metric))
      return fmt::format("{} reached {:.6g}", state.objective().metric, *rules.metric);
  }
  if (rules.time && state.now().time_since_epoch() >= *rules.time)
    return fmt::format("the study's time of {:.6g} s is up", seconds(*rules.time));
  if (rules.cost && cost >= *rules.cost * (1 - kCostRounding))
    return fmt::format("it has cost {:.6g}", *rules.cost);
  const auto over = static_cast<std::int64_t>(state.trials().size() - state.unfinished());
  if (rules.trials && over >= *rules.trials) return fmt::format("{} trials have ended", over);
  if (plateau.reached())
    return fmt::format("no improvement over the last {} trials", rules.plateau_trials);
  return {};
}

StudyTime cost_up(const StudyRules& rules, double cost, double per_hour, StudyTime now) {
  constexpr double kFar = 1e11;  // Seconds; the clock ends at about a hundred times this.
  if (!rules.cost || per_hour <= 0) return kNever;
  const double left = std::max(0.0, *rules.cost - cost) / per_hour * 3600;
  if (left > kFar) return kNever;
  return now + StudyDuration(static_cast<std::int64_t>(std::ceil(left * 1e6)));
}

}  // namespace clavier::tuner
