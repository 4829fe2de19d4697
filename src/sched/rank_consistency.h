#pragma once

#include <deque>
#include <vector>

#include "sched/rungs.h"
#include "study/objective.h"
#include "study/state.h"

namespace clavier::sched {

/// How well the first rung of each bracket tells the order of trials further on. After Hyper-Tune
/// (Li et al., VLDB 2022), which multiplies a bracket's share of trials by such a measure; where
/// that one comes from models of each rung, this one compares the reports themselves: of trials
/// that have come to the highest rung (or end) that at least kEnough have come to, the last kMost,
/// every pair is in the same order at both places or not.
class RankConsistency {
 public:
  static constexpr std::size_t kEnough = 8, kMost = 64;
  static constexpr double kLeast = 0.05;  ///< No bracket is given up: values may change.

  RankConsistency(Objective objective, const Rungs& rungs);

  /// After `state` has folded the turn.
  void observe(const Turn& turn, const State& state);
  /// By bracket: 1 where all pairs are in the same order, kLeast where at most half of them are;
  /// 1 while too few trials have come further.
  const std::vector<double>& factors() const { return factors_; }

 private:
  using Keys = std::vector<double>;  ///< A trial's value at each place, less is better.
  void compare(std::size_t place);

  Objective objective_;
  std::vector<Steps> places_;             ///< The rungs and the end.
  std::vector<std::deque<Keys>> came_;    ///< By place, the last ones that came there.
  std::vector<std::size_t> passed_ = {};  ///< By trial: places come to.
  std::vector<double> factors_;
};

}  // namespace clavier::sched
