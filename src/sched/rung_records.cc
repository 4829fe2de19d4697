#include "sched/rung_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "sched/reports.h"
#include "study/pareto.h"

namespace clavier::sched {

RungRecords::RungRecords(Objectives objective, const AshaOptions& options, std::uint64_t seed)
    : objective_(std::move(objective)),
      rungs_(options),
      seed_(seed),
      rankings_(static_cast<std::size_t>(rungs_.brackets()), std::vector<Ranking>(rungs_.size())),
      scores_(rankings_.size(), std::vector<std::vector<Scores>>(rungs_.size())) {
  if (options.learns_brackets) consistency_.emplace(objective_, rungs_);
}

const Ranking& RungRecords::ranking(int bracket, std::size_t rung) const {
  return rankings_.at(static_cast<std::size_t>(bracket)).at(rung);
}

std::optional<RungRecords::Place> RungRecords::place(TrialId trial) const {
  const auto index = static_cast<std::size_t>(trial.value);
  return index < places_.size() ? places_[index] : std::nullopt;
}

std::optional<std::size_t> RungRecords::due(const Trial& trial, Steps step) const {
  if (step >= rungs_.max_steps() || trial.bracket < 0 || trial.bracket >= rungs_.brackets())
    return std::nullopt;
  const auto rung = rungs_.reached(trial.bracket, step);
  const auto judged = place(trial.id);
  if (!rung || (judged && judged->rung >= *rung)) return std::nullopt;
  return rung;
}

std::vector<Arrival> RungRecords::arrivals(const Turn& turn, const State& state) const {
  std::vector<Arrival> arrivals;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (auto arrival = arrival_of(report, trial)) arrivals.push_back(*std::move(arrival));
  });
  return arrivals;
}

/// Nothing if the report does not carry what is compared, or is not to be judged.
std::optional<Arrival> RungRecords::arrival_of(const Report& report, const Trial& trial) const {
  const auto further = objective_.further_in(report.metrics);
  const auto rung = due(trial, report.step);
  if (!report.value || !further || !rung) return {};
  Arrival arrival{trial.id, trial.bracket, *rung, objective_.rank_key(*report.value)};
  if (!objective_.several()) return arrival;
  arrival.scores = objective_.scores(*report.value, *further);
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  if (std::ranges::any_of(arrival.scores, [](double each) { return std::isnan(each); }))
    arrival.scores.assign(arrival.scores.size(), kWorst);
  return arrival;
}

void RungRecords::record(const Arrival& arrival) {
  const auto index = static_cast<std::size_t>(arrival.trial.value);
  if (index >= places_.size()) places_.resize(index + 1);
  if (places_[index] && places_[index]->rung >= arrival.rung) return;  // twice in one turn
  places_[index] = Place{arrival.bracket, arrival.rung, arrival.key};
  rankings_[static_cast<std::size_t>(arrival.bracket)][arrival.rung].insert(
      {arrival.key, arrival.trial});
  if (objective_.several())
    scores_[static_cast<std::size_t>(arrival.bracket)][arrival.rung].push_back(arrival.scores);
}

Standing RungRecords::standing(const Arrival& arrival, const std::vector<Arrival>& together) const {
  if (!objective_.several())
    return sched::standing(arrival, together, ranking(arrival.bracket, arrival.rung));
  std::vector<Scores> all = scores_[static_cast<std::size_t>(arrival.bracket)][arrival.rung];
  for (const Arrival& other : together)
    if (other.trial != arrival.trial && other.bracket == arrival.bracket &&
        other.rung == arrival.rung)
      all.push_back(other.scores);
  all.push_back(arrival.scores);
  const auto front = fronts(all);
  Standing standing{.entries = all.size()};
  std::vector<Scores> alike;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (front[i] < front.back()) ++standing.better;
    if (front[i] == front.back()) alike.push_back(all[i]);
  }
  const auto apart = crowding(alike);
  standing.better += static_cast<std::size_t>(
      std::ranges::count_if(apart, [&](double each) { return each > apart.back(); }));
  return standing;
}

void RungRecords::observe(const std::vector<Arrival>& arrivals, const Turn& turn,
                          const State& state) {
  for (const Arrival& arrival : arrivals) record(arrival);
  if (consistency_) consistency_->observe(turn, state);
}

void RungRecords::fill_up(std::vector<Runnable>& runnables, const State& state,
                          std::size_t appetite) const {
  std::vector<double> weights = rungs_.shares();
  for (std::size_t i = 0; i < weights.size() && consistency_; ++i)
    weights[i] *= consistency_->factors()[i];
  auto id = static_cast<std::int64_t>(state.trials().size());
  for (; runnables.size() < appetite; ++id) {
    const int bracket = draw_bracket(weights, seed_, TrialId{id});
    runnables.push_back(New{.until = rungs_.next(bracket, 0), .bracket = bracket});
  }
}

std::vector<Decision> RungRecords::decide(const Turn& turn, const State& state,
                                          const Judge& judge) const {
  const std::vector<Arrival> together = arrivals(turn, state);
  std::vector<Decision> decisions;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (report.step >= rungs_.max_steps())
      return decisions.push_back(
          {Complete{trial.id}, fmt::format("reached step {}", rungs_.max_steps())});
    const bool at_rung = due(trial, report.step).has_value();
    if (at_rung && report.value && objective_.further_in(report.metrics))
      decisions.push_back(
          judge(*std::ranges::find(together, trial.id, &Arrival::trial), together, report.step));
    else if (report.step >= trial.until)
      decisions.push_back({Continue{
          trial.id, at_rung ? report.step + 1 : rungs_.next(trial.bracket, report.step)}});
  });
  return decisions;
}

std::int64_t RungRecords::visits() const {
  std::int64_t sum = 0;
  for (const auto& bracket : rankings_)
    for (const Ranking& ranking : bracket) sum += ranking.visits();
  return sum;
}

Standing standing(const Arrival& arrival, const std::vector<Arrival>& together,
                  const Ranking& ranking) {
  const Ranking::Entry own{arrival.key, arrival.trial};
  Standing standing{ranking.size() + 1, ranking.better(arrival.key), ranking.index(own)};
  for (const Arrival& other : together) {
    if (other.trial == arrival.trial || other.bracket != arrival.bracket ||
        other.rung != arrival.rung)
      continue;
    ++standing.entries;
    if (Ranking::precedes(other.key, arrival.key)) ++standing.better;
    if (Ranking::precedes({other.key, other.trial}, own)) ++standing.ahead;
  }
  return standing;
}

}  // namespace clavier::sched
