#include "tests/support/measures.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

namespace clavier::cluster {
namespace {

double begin_of(const Scenario& scenario, const Piece& piece) {
  return piece.start + (piece.moved ? scenario.costs.move_seconds : 0);
}

const Rate& rate_of(const Scenario& scenario, const Piece& piece) {
  return scenario.slots[static_cast<std::size_t>(piece.slot)].rate;
}

/// Until then more trials were unfinished than there are slots.
double backlog_end(const Scenario& scenario, const RolloutResult& result) {
  const std::size_t trials = scenario.trials.size(), slots = scenario.slots.size();
  if (trials <= slots) return 0;
  std::vector<double> ends(trials);
  for (const Piece& piece : result.pieces) {
    double& end = ends[static_cast<std::size_t>(piece.trial)];
    end = std::max(end, piece.end);
  }
  const auto last = ends.begin() + static_cast<std::ptrdiff_t>(trials - slots - 1);
  std::ranges::nth_element(ends, last);
  return *last;
}

}  // namespace

Measures measure(const Scenario& scenario, const RolloutResult& result) {
  const double backlog = backlog_end(scenario, result);
  std::vector<double> busy(scenario.slots.size());
  double done_in_backlog = 0, done = 0;
  for (const Piece& piece : result.pieces) {
    const double begin = begin_of(scenario, piece);
    busy[static_cast<std::size_t>(piece.slot)] += piece.end - begin;
    done += rate_of(scenario, piece).work(begin, piece.end);
    const double end = std::min(piece.end, backlog);
    if (end > begin) done_in_backlog += rate_of(scenario, piece).work(begin, end);
  }
  double possible_in_backlog = 0, possible = 0, sum = 0;
  for (const RolloutSlot& slot : scenario.slots) {
    possible_in_backlog += slot.rate.work(0, backlog);
    possible += slot.rate.work(0, result.makespan);
  }
  for (const double each : busy) sum += each;
  const double longest = std::ranges::max(busy);
  return {.utilisation = backlog > 0 ? done_in_backlog / possible_in_backlog : 0,
          .imbalance = (longest - sum / static_cast<double>(busy.size())) / longest,
          .scaling_efficiency = done / possible};
}

double time_to_goal(const Scenario& scenario, const RolloutResult& result,
                    std::span<const Steps> goals) {
  double first = std::numeric_limits<double>::infinity();
  const Steps interval = scenario.costs.interval;
  for (const Piece& piece : result.pieces) {
    const Steps goal = goals[static_cast<std::size_t>(piece.trial)];
    if (goal == kForever) continue;
    const Steps target = scenario.trials[static_cast<std::size_t>(piece.trial)].target;
    const Steps seen = std::min(target, (goal + interval - 1) / interval * interval);
    if (goal > target || piece.from >= seen || piece.to < seen) continue;
    const double begin = begin_of(scenario, piece);
    const double part =
        static_cast<double>(seen - piece.from) / static_cast<double>(piece.to - piece.from);
    first = std::min(first, begin + part * (piece.end - begin));
  }
  return first;
}

}  // namespace clavier::cluster
