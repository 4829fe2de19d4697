#include "search/observations.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace clavier::search {
namespace {

Standing standing_of(const Trial& trial) {
  if (!trial.best) return ended(trial.status) ? Standing::kFailed : Standing::kPending;
  return trial.status == TrialStatus::kCompleted ? Standing::kCompleted : Standing::kPartial;
}

}  // namespace

bool BetterObservation::operator()(const Observation& a, const Observation& b) const {
  const auto key = [](const Observation& each) {
    const Steps to_go = each.standing == Standing::kPartial ? -each.step : 0;
    return std::tuple(each.standing, to_go, each.value, each.trial);
  };
  return key(a) < key(b);
}

void Observations::observe(const Turn& turn, const State& state) {
  follow(state);
  if (input_as<Opened>(turn))  // what ran when the last run ended is lost
    for (std::size_t i = 0; i < all_.size(); ++i) read(state, all_[i].trial);
  if (const auto* reported = input_as<Reported>(turn))
    for (const Report& report : reported->reports) read(state, report.trial);
  if (const auto* exited = input_as<Exited>(turn)) read(state, exited->trial);
  if (const auto* retry = input_as<Retry>(turn))
    for (const TrialId trial : retry->trials) read(state, trial);
  for (const Decision& decision : turn.decisions) read(state, subject(decision.action));
}

void Observations::add(TrialId trial, const Config& config) {
  all_.push_back({.trial = trial});
  counted_.push_back(false);
  has_ended_.push_back(false);
  const auto point = encoding_.encode(config);
  points_.insert(points_.end(), point.begin(), point.end());
}

void Observations::read_known(const Objective& objective) {
  earlier_ = std::ssize(unread_);
  for (const Known& each : std::exchange(unread_, {})) {
    const TrialId id{std::ssize(all_) - earlier_};
    add(id, each.config);
    Observation& known = all_.back();
    const bool valued = each.value && std::isfinite(*each.value);
    known.standing = !valued                ? Standing::kFailed
                     : each.stopped_at == 0 ? Standing::kCompleted
                                            : Standing::kPartial;
    known.step = each.stopped_at;
    if (valued) known.value = objective.rank_key(*each.value);
    ranking_.insert(known);
    known_.push_back(id);
    ended_with_value_ += valued ? 1 : 0;
  }
}

void Observations::follow(const State& state) {
  if (state.objective().several()) unread_.clear();  // They have one value each.
  if (!unread_.empty()) read_known(state.objective());
  const auto& trials = state.trials();
  while (all_.size() < trials.size() + static_cast<std::size_t>(earlier_)) {
    const Trial& trial = trials[all_.size() - static_cast<std::size_t>(earlier_)];
    while (!open_.empty() && open_.front().trial <= trial.id) open_.pop_front();
    add(trial.id, trial.config);
    pending_.insert(trial.id);
    read(state, trial.id);
  }
}

void Observations::read(const State& state, TrialId id) {
  if (!state.known(id) || index(id) >= all_.size()) return;
  const Trial& trial = state.trial(id);
  Observation now{.trial = id, .standing = standing_of(trial), .step = trial.furthest};
  if (trial.best && !state.objective().several())
    now.value = state.objective().rank_key(trial.best->value);
  if (trial.best && state.objective().several()) {
    scores_.resize(all_.size());
    scores_[index(id)] = state.objective().scores(trial.best->value, trial.best->further);
  }
  if (!trial.takeovers.empty())
    std::ranges::copy(encoding_.encode(trial.best_config()),
                      points_.begin() + (id.value + earlier_) * std::ssize(encoding_.axes()));
  Observation& before = all_[index(id)];
  if (before.standing != Standing::kPending) ranking_.erase(before);
  if (before.standing == Standing::kPending && now.standing != Standing::kPending)
    pending_.erase(id), known_.push_back(id);
  if (before.standing != Standing::kPending && now.standing == Standing::kPending)
    pending_.insert(id), std::erase(known_, id);  // what failed is tried again
  before = now;
  if (now.standing != Standing::kPending) ranking_.insert(now);
  if (ended(trial.status) && !has_ended_[index(id)]) endings_.push_back(id);
  if (ended(trial.status)) has_ended_[index(id)] = true;
  const bool counts = ended(trial.status) && trial.best;
  if (counts != counted_[index(id)]) ended_with_value_ += counts ? 1 : -1;
  counted_[index(id)] = counts;
}

std::vector<TrialId> Observations::best(std::size_t count, Ties ties) const {
  std::vector<TrialId> chosen;
  auto each = ranking_.begin();
  const auto has_value = [&] {
    return each != ranking_.end() && each->standing < Standing::kFailed;
  };
  while (chosen.size() < count && has_value()) {
    if (scores_.empty()) {
      chosen.push_back(each++->trial);
      continue;
    }
    // A run of those that have come equally far.
    std::vector<TrialId> alike;
    std::vector<Scores> scores;
    for (const Observation first = *each;
         has_value() && each->standing == first.standing &&
         (first.standing == Standing::kCompleted || each->step == first.step);
         ++each) {
      alike.push_back(each->trial);
      scores.push_back(scores_[index(each->trial)]);
    }
    for (const std::size_t i : best_of(scores, count - chosen.size(), ties))
      chosen.push_back(alike[i]);
  }
  return chosen;
}

void Observations::suggested(TrialId trial, const Config& config) {
  if (index(trial) < all_.size()) return;
  while (!open_.empty() && open_.back().trial >= trial) open_.pop_back();
  open_.push_back({trial, encoding_.encode(config)});
}

std::span<const double> Observations::point(TrialId trial) const {
  const std::size_t axes = encoding_.axes().size();
  return std::span(points_).subspan(index(trial) * axes, axes);
}

std::vector<std::span<const double>> Observations::pending(TrialId before) const {
  std::vector<std::span<const double>> points;
  for (const TrialId trial : pending_)
    if (trial < before) points.push_back(point(trial));
  for (const Open& open : open_)
    if (open.trial < before) points.push_back(open.point);
  return points;
}

}  // namespace clavier::search
