#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "search/observations.h"
#include "search/proposals.h"
#include "search/searcher.h"
#include "search/sobol.h"

namespace clavier::search {

struct Nsga2Options {
  std::int64_t population_size = 20;  ///< Parents; as many trials begin as Sobol points.
  double crossover_prob = 0.9;        ///< Else a child has one parent.
  double mutation_prob = 0;           ///< Of each parameter; 0: one of all on average.
};

/// NSGA-II (Deb et al., IEEE TEVC 2002) for any number of objectives, also one, without
/// generations: the population are the best trials so far, front by front and then by crowding, and
/// each new trial is a child of two of them. So no trial is waited for, whoever suggested it
/// counts, and trials may run at once: each draws its own parents, keyed by (seed, trial, attempt).
///
/// Parents win tournaments of two. Real numbers and ordered values are crossed by simulated binary
/// crossover and mutated by a polynomial; choices come from either parent and mutate to any. What
/// exists in only one parent comes from that one; what exists in none is drawn. Failed trials are
/// no parents, and those that were stopped early come after the complete ones (`Observations`).
/// Constraints, points and repetition are up to `Proposals`: a child that violates one is bred
/// anew.
class Nsga2Search final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  Nsga2Search(Space space, std::uint64_t seed, Nsga2Options options = {});

  Suggestion suggest(const State& state, TrialId trial) const override;
  void observe(const Turn& turn, const State& state) override;

 private:
  std::vector<double> child(const std::vector<TrialId>& parents, TrialId trial,
                            std::uint64_t attempt) const;
  void cross(std::vector<double>& child, std::span<const double> other, Rng& rng) const;
  void mutate(std::vector<double>& child, Rng& rng) const;

  Proposals proposals_;
  SobolPoints startup_;
  std::uint64_t seed_;
  Nsga2Options options_;
  mutable Observations observations_;
};

}  // namespace clavier::search
