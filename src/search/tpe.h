#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "search/observations.h"
#include "search/proposals.h"
#include "search/rung_ranking.h"
#include "search/searcher.h"
#include "search/sobol.h"

namespace clavier::search {

struct TpeOptions {
  std::int64_t n_startup_trials = 10;  ///< That have ended with a value before any is modelled.
  std::int64_t n_ei_candidates = 48;   ///< Of which the likeliest to be good is taken.
  double gamma = 0.12;                 ///< The part of the trials that counts as good.
  double prior_weight = 1;             ///< Of the uniform density, where a trial has 1.
  bool multivariate = true;            ///< Else every parameter is modelled by itself.
  bool constant_liar = true;           ///< What is pending counts as bad.
  double random_fraction = 0;          ///< So many of those modelled are drawn at random instead.
  /// Not empty: only trials at the highest of these rungs that `n_startup_trials` have come to are
  /// modelled, by what they had there (`RungRanking`); at least `n_startup_trials` count as good.
  std::vector<Steps> rungs = {};
};

/// The tree-structured Parzen estimator (Bergstra et al., 2011): a density of the good trials, one
/// of all others, and of points drawn from the first the one where the first exceeds the second
/// most. Both are joint densities of all parameters; in a conditional space a trial says nothing
/// about what does not exist in it (`model::Parzen`), so that no groups have to be formed.
///
/// Which trials are better says `Observations`: those stopped early count after all others, failed
/// ones as bad. Of several objectives the good ones are those of the first fronts, and of the last
/// of these who together cover most (Ozaki et al., JAIR 2022). The first trials are Sobol points. A
/// candidate that violates a constraint or repeats a trial gives way to the next best (`Proposals`
/// has the rules). Draws are keyed by (seed, trial, batch of candidates).
class TpeSearch final : public Searcher {
 public:
  /// So many count as good at most.
  static constexpr std::size_t kMostGood = 25;
  /// Of more, evenly many of all ages stand for the bad ones: more do not make the density better
  /// where candidates are, and a suggestion takes no longer in a long study.
  static constexpr std::size_t kMostBad = 200;

  /// REQUIRES: validate(space).ok().
  TpeSearch(Space space, std::uint64_t seed, TpeOptions options = {});

  Suggestion suggest(const State& state, TrialId trial) const override;
  void observe(const Turn& turn, const State& state) override;

 private:
  using Point = std::vector<double>;
  /// Axes that are modelled together, from `first` on.
  struct Group {
    std::size_t first = 0;
    std::vector<model::Axis> axes = {};
  };
  struct Split {
    std::vector<std::span<const double>> good, bad;
  };

  bool draws(TrialId trial) const;
  Split split(TrialId trial) const;
  std::vector<Point> best_of(const Group& group, const Split& split, Rng& rng) const;
  std::vector<Point> candidates(TrialId trial, std::uint64_t batch) const;

  Proposals proposals_;
  SobolPoints startup_;
  std::uint64_t seed_;
  TpeOptions options_;
  mutable Observations observations_;
  RungRanking rungs_;
  std::vector<Group> groups_;
};

}  // namespace clavier::search
