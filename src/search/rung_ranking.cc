#include "search/rung_ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clavier::search {

RungRanking::RungRanking(const std::vector<Steps>& steps, std::size_t enough) : enough_(enough) {
  for (const Steps step : steps) rungs_.push_back({.step = step});
}

std::vector<TrialId> RungRanking::Rung::best(std::size_t count) const {
  std::vector<TrialId> best;
  for (const auto& [key, trial] : ranking) {
    if (best.size() == count) break;
    if (std::isfinite(key)) best.push_back(trial);
  }
  return best;
}

void RungRanking::observe(const Turn& turn, const State& state) {
  if (const auto* reported = input_as<Reported>(turn))
    for (const Report& report : reported->reports) read(state, report.trial);
  if (const auto* exited = input_as<Exited>(turn)) read(state, exited->trial);
}

void RungRanking::read(const State& state, TrialId id) {
  if (!state.known(id)) return;
  const Trial& trial = state.trial(id);
  const auto index = static_cast<std::size_t>(id.value);
  if (index >= passed_.size()) passed_.resize(index + 1);
  std::size_t& passed = passed_[index];
  for (; passed < rungs_.size(); ++passed) {
    const auto at = std::ranges::lower_bound(trial.history, rungs_[passed].step, {}, &Point::step);
    if (at == trial.history.end()) break;
    const double key = state.objective().rank_key(at->value);
    rungs_[passed].ranking.emplace(std::isnan(key) ? std::numeric_limits<double>::infinity() : key,
                                   id);
    rungs_[passed].known.push_back(id);
  }
  if (trial.best || !ended(trial.status)) return;
  for (; passed < rungs_.size(); ++passed) rungs_[passed].known.push_back(id);
}

const RungRanking::Rung* RungRanking::highest() const {
  for (auto rung = rungs_.rbegin(); rung != rungs_.rend(); ++rung)
    if (rung->ranking.size() >= enough_) return &*rung;
  return nullptr;
}

}  // namespace clavier::search
