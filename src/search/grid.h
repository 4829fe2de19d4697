#pragma once

#include <cstdint>
#include <utility>

#include "search/random.h"

namespace clavier::search {

/// The space as a grid search sees it: unchanged if it has Grid parameters; else every finite
/// parameter of at most kMaxCrossed values becomes one.
Space crossed(Space space);
inline constexpr std::int64_t kMaxCrossed = 1000;

/// How many trials visit every cell of the grid once: different ones that no constraint on the
/// grid itself forbids; 1 without a Grid parameter. Beyond a million combinations, all of them.
std::int64_t grid_size(const Space& space);

/// How many trials a grid search needs to visit every cell of `space` once: the space's points,
/// which come first, and a trial for each cell that they leave out.
std::int64_t grid_trials(const Space& space, std::uint64_t seed);

/// Goes through the cells of `crossed(space)` in order, the last parameter fastest; draws what is
/// no part of the grid for each cell. After the last cell it begins again with other draws, or is
/// exhausted if nothing is drawn.
class GridSearch final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  GridSearch(Space space, std::uint64_t seed) : cells_(crossed(std::move(space)), seed) {}

  Suggestion suggest(const State& state, TrialId trial) const override {
    return cells_.suggest(state, trial);
  }
  void observe(const Turn& turn, const State& state) override { cells_.observe(turn, state); }

 private:
  RandomSearch cells_;
};

}  // namespace clavier::search
