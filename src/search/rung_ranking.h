#pragma once

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "study/state.h"

namespace clavier::search {

/// What trials had when they came to each rung, so that each is compared with others that were
/// trained as long: a model per budget, as in BOHB (Falkner et al., ICML 2018). A trial counts at
/// a rung with its first report at or behind it that carries the objective. A function of the log.
/// Single-threaded.
class RungRanking {
 public:
  struct Rung {
    Steps step = 0;
    std::set<std::pair<double, TrialId>> ranking = {};  ///< The best first; infinite: no number.
    /// Oldest first; among them those that have ended without any value, wherever.
    std::vector<TrialId> known = {};
    /// The best that have a number, at most so many.
    std::vector<TrialId> best(std::size_t count) const;
  };

  /// `steps`: ascending.
  RungRanking(const std::vector<Steps>& steps, std::size_t enough);

  /// After `state` has folded `turn`.
  void observe(const Turn& turn, const State& state);
  /// The highest rung that enough trials have come to; null if there is none.
  const Rung* highest() const;

 private:
  void read(const State& state, TrialId trial);

  std::vector<Rung> rungs_;
  std::size_t enough_;
  std::vector<std::size_t> passed_ = {};  ///< By trial: rungs come to.
};

}  // namespace clavier::search
