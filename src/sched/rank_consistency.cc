#include "sched/rank_consistency.h"

#include <algorithm>

#include "sched/ranking.h"
#include "sched/reports.h"

namespace clavier::sched {
namespace {

/// -1, 0 or 1: whether a is better, neither, or b.
int order(double a, double b) { return Ranking::precedes(b, a) - Ranking::precedes(a, b); }

}  // namespace

RankConsistency::RankConsistency(Objective objective, const Rungs& rungs)
    : objective_(std::move(objective)), factors_(static_cast<std::size_t>(rungs.brackets()), 1.0) {
  for (std::size_t rung = 0; rung < rungs.size(); ++rung) places_.push_back(rungs.milestone(rung));
  places_.push_back(rungs.max_steps());
  came_.resize(places_.size());
}

void RankConsistency::observe(const Turn& turn, const State& state) {
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    const auto index = static_cast<std::size_t>(trial.id.value);
    if (index >= passed_.size()) passed_.resize(index + 1);
    const auto above = std::ranges::upper_bound(places_, report.step);
    const auto now = static_cast<std::size_t>(above - places_.begin());
    if (!report.value || now <= passed_[index]) return;
    Keys keys;
    for (std::size_t place = 0; place < now; ++place) {
      const auto at = std::ranges::lower_bound(trial.history, places_[place], {}, &Point::step);
      keys.push_back(objective_.rank_key(at == trial.history.end() ? *report.value : at->value));
    }
    for (std::size_t place = passed_[index]; place < now; ++place) {
      came_[place].push_back(keys);
      if (came_[place].size() > kMost) came_[place].pop_front();
    }
    passed_[index] = now;
    for (std::size_t place = places_.size(); place-- > 1;)
      if (came_[place].size() >= kEnough) return compare(place);
  });
}

void RankConsistency::compare(std::size_t place) {
  const auto& came = came_[place];
  for (std::size_t bracket = 0; bracket < factors_.size(); ++bracket) {
    double pairs = 0, alike = 0;
    for (std::size_t i = 0; i < came.size() && bracket < place; ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const int then = order(came[i][bracket], came[j][bracket]);
        const int later = order(came[i][place], came[j][place]);
        if (later == 0) continue;
        ++pairs;
        alike += then == later ? 1 : then == 0 ? 0.5 : 0;
      }
    factors_[bracket] = pairs > 0 ? std::clamp(2 * alike / pairs - 1, kLeast, 1.0) : 1;
  }
}

}  // namespace clavier::sched
