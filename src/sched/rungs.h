#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "study/ids.h"

namespace clavier::sched {

/// The sound rules of successive halving in all its variants here.
struct AshaOptions {
  Steps max_steps = 100;  ///< A trial is complete here.
  Steps grace = 1;        ///< The first rung: no trial is judged before.
  double reduction = 4;   ///< One of so many goes on, and the next rung is so many times higher.
  int brackets = 1;       ///< Bracket b lacks the b lowest rungs.
  /// Brackets whose first rung tells little of the later order get fewer trials
  /// (`RankConsistency`).
  bool learns_brackets = false;
};

/// How many of `entries` go on: floor(entries / reduction).
std::size_t survivors(std::size_t entries, double reduction);

/// The bracket of this trial, drawn in proportion to `weights` (not empty, positive).
int draw_bracket(const std::vector<double>& weights, std::uint64_t seed, TrialId trial);

/// Where trials are judged: grace, grace·reduction, grace·reduction², … below max_steps, each
/// rounded to a whole step (exact for a whole `reduction`; equal neighbours count once). Bracket b
/// starts at rung b. Brackets beyond the last rung are dropped.
/// REQUIRES: 1 <= grace, 1 < reduction, 1 <= brackets.
class Rungs {
 public:
  explicit Rungs(const AshaOptions& options);

  std::size_t size() const { return milestones_.size(); }
  int brackets() const { return brackets_; }
  Steps milestone(std::size_t rung) const { return milestones_[rung]; }
  /// The highest rung of the bracket at or below `step`.
  std::optional<std::size_t> reached(int bracket, Steps step) const;
  /// The first place after `step` where the bracket's trials are judged or complete.
  Steps next(int bracket, Steps step) const;

  Steps max_steps() const { return max_steps_; }
  /// By bracket, the share of trials that HyperBand gives it: with K rungs left,
  /// (rungs + 1) / (K + 1) · reduction^K.
  const std::vector<double>& shares() const { return shares_; }

 private:
  std::vector<Steps> milestones_;
  Steps max_steps_;
  int brackets_;
  std::vector<double> shares_;
};

}  // namespace clavier::sched
