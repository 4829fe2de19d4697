#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "search/priors.h"
#include "search/proposals.h"
#include "search/searcher.h"
#include "search/sobol_sequence.h"

namespace clavier::search {

/// Draws that cover the space more evenly than independent ones: trial t gets point t of a
/// scrambled Sobol sequence with one dimension per drawn parameter. A draw that is of no use
/// (constraint, repetition) is replaced from a later block of the same sequence, one block per
/// attempt. In each block the trials stand in another order: what the blocks have in common, the
/// leading bits of the first dimension, would else never change. Parameters beyond
/// SobolSequence::kMaxDimensions and trials beyond kBlock are drawn independently. Where parameters
/// have priors, half of the draws are bent towards them. Immutable.
class SobolPoints {
 public:
  static constexpr std::int64_t kBlock = std::int64_t{1} << 24;

  SobolPoints(const Space& space, std::uint64_t seed);

  /// In [0, 1). `proposals`, of the same space and seed, makes the independent draws.
  double at(const Proposals& proposals, TrialId trial, std::size_t parameter,
            std::uint64_t attempt) const;

  const Priors& priors() const { return priors_; }

 private:
  std::uint64_t seed_;
  Priors priors_;
  std::vector<std::size_t> dimension_;  ///< By parameter; kMaxDimensions: none.
  SobolSequence sequence_;

  double even(const Proposals& proposals, TrialId trial, std::size_t parameter,
              std::uint64_t attempt) const;
};

/// `SobolPoints` one after the other. Grid parameters are crossed (`Proposals` has the rules).
class SobolSearch final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  SobolSearch(Space space, std::uint64_t seed)
      : proposals_(std::move(space), seed), points_(proposals_.space(), seed) {}

  Suggestion suggest(const State& state, TrialId trial) const override;
  void observe(const Turn& turn, const State& state) override { proposals_.observe(turn, state); }

 private:
  Proposals proposals_;
  SobolPoints points_;
};

}  // namespace clavier::search
