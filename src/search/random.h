#pragma once

#include <cstdint>
#include <utility>

#include "search/proposals.h"
#include "search/searcher.h"

namespace clavier::search {

/// Independent draws from the space's distributions; Grid parameters are crossed
/// (`Proposals` has the rules).
class RandomSearch final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  RandomSearch(Space space, std::uint64_t seed) : proposals_(std::move(space), seed) {}

  Suggestion suggest(const State& state, TrialId trial) const override;
  void observe(const Turn& turn, const State& state) override { proposals_.observe(turn, state); }

 private:
  Proposals proposals_;
};

}  // namespace clavier::search
