#include "search/random.h"

namespace clavier::search {

Suggestion RandomSearch::suggest(const State& state, TrialId trial) const {
  return proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
    return proposals_.keyed(trial, parameter, attempt);
  });
}

}  // namespace clavier::search
