#include "sched/early_stop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/signed_rank.h"

namespace clavier::sched {
namespace {

std::optional<std::string> out_of_bounds(const Threshold& rule, const Report& report) {
  const auto metric = std::ranges::find(report.metrics, rule.metric, &Metric::name);
  if (report.step < rule.grace || metric == report.metrics.end()) return {};
  const double value = metric->value;
  if (rule.lower && value < *rule.lower)
    return fmt::format("threshold: {} {:.6g} is below {:.6g} at step {}", rule.metric, value,
                       *rule.lower, report.step);
  if (rule.upper && value > *rule.upper)
    return fmt::format("threshold: {} {:.6g} is above {:.6g} at step {}", rule.metric, value,
                       *rule.upper, report.step);
  return {};
}

/// The best of the last `steps` steps against the best before them.
std::optional<std::string> lost_patience(const Patience& rule, const Objective& objective,
                                         const Trial& trial, const Report& report) {
  const Steps since = report.step - rule.steps;
  if (report.step < rule.grace || trial.history.front().step > since) return {};
  std::optional<double> before, after;
  for (const Point& point : trial.history) {
    auto& best = point.step <= since ? before : after;
    if (std::isfinite(point.value) && (!best || objective.better(point.value, *best)))
      best = point.value;
  }
  // With nothing to be better than, any number is.
  if (after && (!before ||
                (objective.better(*after, *before) && std::abs(*after - *before) > rule.min_delta)))
    return {};
  const std::string by =
      rule.min_delta > 0 ? fmt::format(" by more than {:.6g}", rule.min_delta) : std::string();
  return fmt::format("patience: no better {}{} in the last {} step{}", objective.metric, by,
                     rule.steps, rule.steps == 1 ? "" : "s");
}

std::optional<std::string> loses(const Wilcoxon& rule, const Objective& objective,
                                 const Trial& trial, const Report& report, const Rival& rival) {
  if (report.step < rule.grace || !rival.known() || rival.trial() == trial.id) return {};
  std::vector<double> worse;  // By how much, at each step that both have.
  auto other = rival.history().begin();
  for (const Point& point : trial.history) {
    other = std::find_if(other, rival.history().end(),
                         [&](const Point& each) { return each.step >= point.step; });
    if (other == rival.history().end()) break;
    const double gap = objective.rank_key(point.value) - objective.rank_key(other->value);
    if (other->step == point.step && std::isfinite(gap)) worse.push_back(gap);
  }
  // Many small losses do not outweigh few large gains.
  if (std::accumulate(worse.begin(), worse.end(), 0.0) <= 0) return {};
  const double p = model::signed_rank_p(worse);
  if (p >= rule.p) return {};
  return fmt::format("wilcoxon: worse than trial {} at the same {} steps (p = {:.2g})",
                     rival.trial().value, worse.size(), p);
}

}  // namespace

void Rival::ended(const Objective& objective, const Trial& trial) {
  if (trial.status != TrialStatus::kCompleted || trial.history.empty()) return;
  double mean = 0;
  for (const Point& point : trial.history)
    mean += point.value / static_cast<double>(trial.history.size());
  if (!std::isfinite(mean) || (known() && !objective.better(mean, mean_))) return;
  trial_ = trial.id;
  mean_ = mean;
  history_ = trial.history;
}

std::optional<std::string> looks_bad(const TrialStop& rules, const Objective& objective,
                                     const Trial& trial, const Report& report, const Rival& rival) {
  for (const Threshold& threshold : rules.thresholds)
    if (auto why = out_of_bounds(threshold, report)) return why;
  if (!report.value || trial.history.empty()) return {};
  if (rules.patience)
    if (auto why = lost_patience(*rules.patience, objective, trial, report)) return why;
  return rules.wilcoxon ? loses(*rules.wilcoxon, objective, trial, report, rival) : std::nullopt;
}

}  // namespace clavier::sched
