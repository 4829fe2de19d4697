#include "tuner/retention.h"

#include <algorithm>
#include <limits>

namespace clavier::tuner {

Retention::Retention(KeepRules rules, const Objective& objective)
    : rules_(std::move(rules)),
      score_(rules_.best_by.empty() ? objective : Objective{rules_.best_by, rules_.best_mode}) {}

void Retention::observe(const Turn& turn, const State& state) {
  if (const auto* reported = input_as<Reported>(turn)) {
    for (const Report& report : reported->reports) {
      if (!report.checkpoint) continue;
      const auto metric = std::ranges::find(report.metrics, score_.metric, &Metric::name);
      if (metric != report.metrics.end())
        scores_[key(*report.checkpoint)] = metric->value;
      else if (score_.metric == state.objective().metric && report.value)
        scores_[key(*report.checkpoint)] = *report.value;
    }
  } else if (const auto* saved = input_as<CheckpointSaved>(turn)) {
    const Checkpoint& checkpoint = saved->checkpoint;
    if (state.known(checkpoint.trial) && score_.metric == state.objective().metric) {
      const auto& history = state.trial(checkpoint.trial).history;
      if (!history.empty() && history.back().step == checkpoint.step)
        scores_[key(checkpoint)] = history.back().value;
    }
  }
  for (const Decision& decision : turn.decisions)
    if (const auto* exploit = std::get_if<Exploit>(&decision.action))
      ++borrowed_[key(exploit->donor)];
}

std::vector<Checkpoint> Retention::superfluous(const State& state, TrialId id) const {
  const auto& kept = state.trial(id).checkpoints;
  if (rules_.keep <= 0 || kept.size() <= static_cast<std::size_t>(rules_.keep)) return {};
  const Checkpoint* best = nullptr;
  double best_score = std::numeric_limits<double>::quiet_NaN();
  for (const Checkpoint& checkpoint : kept) {
    const auto score = scores_.find(key(checkpoint));
    if (score == scores_.end() || !score_.better(score->second, best_score)) continue;
    best = &checkpoint;
    best_score = score->second;
  }
  const Checkpoint* at_boundary = nullptr;
  for (const Checkpoint& checkpoint : kept)
    if (rules_.boundary > 0 && checkpoint.step % rules_.boundary == 0) at_boundary = &checkpoint;
  const auto& of_trial = state.trial(id).best;
  const auto of_best_step = of_trial ? of_trial->checkpoint : std::nullopt;
  std::vector<Checkpoint> useless;
  const std::size_t newest = kept.size() - static_cast<std::size_t>(rules_.keep);
  for (std::size_t i = 0; i < newest; ++i) {
    const Checkpoint& checkpoint = kept[i];
    if (&checkpoint == best || &checkpoint == at_boundary || checkpoint == of_best_step ||
        checkpoint.trial != id || borrowed_.contains(key(checkpoint)))
      continue;
    useless.push_back(checkpoint);
  }
  return useless;
}

}  // namespace clavier::tuner
