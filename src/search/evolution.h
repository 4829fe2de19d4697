#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "search/observations.h"
#include "search/proposals.h"
#include "search/searcher.h"
#include "search/sobol.h"

namespace clavier::search {

struct EvolutionOptions {
  std::int64_t population_size = 25;  ///< The trials that ended last; Sobol points until then.
  std::int64_t sample_size = 8;       ///< Drawn from them for each child; the best is its parent.
};

/// Regularised evolution (Real et al., 2019): who is old leaves the population, however good. A
/// child is its parent with one parameter changed: a number by a step between 0.2 and 20 % of its
/// range, a choice to another; what a changed choice brings with it is drawn. Nothing is waited
/// for: parents are whoever has ended. `Observations` says who is better (failed trials are worst),
/// `Proposals` has the rules about points, constraints and repetition; each further attempt changes
/// more. Draws are keyed by (seed, trial, attempt).
class EvolutionSearch final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  EvolutionSearch(Space space, std::uint64_t seed, EvolutionOptions options = {});

  Suggestion suggest(const State& state, TrialId trial) const override;
  void observe(const Turn& turn, const State& state) override;

 private:
  std::vector<double> child(TrialId trial, std::uint64_t attempt) const;
  void mutate(std::vector<double>& point, Rng& rng) const;

  Proposals proposals_;
  SobolPoints startup_;
  std::uint64_t seed_;
  EvolutionOptions options_;
  mutable Observations observations_;
};

}  // namespace clavier::search
