#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/cma.h"
#include "search/observations.h"
#include "search/proposals.h"
#include "search/searcher.h"
#include "search/sobol.h"

namespace clavier::search {

struct CmaesOptions {
  /// Sobol points first, the best of which it starts from; 0: from the middle of the space, or what
  /// its priors say.
  std::int64_t n_startup_trials = 0;
  std::int64_t popsize = 0;  ///< Of a generation; 0: 4 + ⌊3 ln(parameters)⌋.
  double sigma0 = 0.2;       ///< The first step size, in the unit cube.
  bool separable = false;    ///< Learns variances only: for many parameters.
  bool restarts = true;      ///< Begins anew with twice the generation where it has converged.
};

/// CMA-ES (`model::Cma`) over the parameters that are numbers; ordered choices are, others are
/// drawn independently. A generation is any so many trials that have ended, whichever they are and
/// however many run at once: none is wasted or waited for; failed ones are its worst. Whole numbers
/// and levels keep a margin of being left. Draws are keyed by (seed, trial, attempt). `Proposals`
/// has the rules about points, constraints and repetition, `Observations` those about failed and
/// stopped trials.
class CmaesSearch final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  CmaesSearch(Space space, std::uint64_t seed, CmaesOptions options = {});

  Suggestion suggest(const State& state, TrialId trial) const override;
  void observe(const Turn& turn, const State& state) override;

 private:
  void learn();
  /// 0 trials in a generation: as many as are usual.
  void start(std::vector<double> mean, std::size_t population, double sigma);
  void start_warm();
  std::vector<std::vector<double>> best_tenth() const;
  std::vector<double> numbers_of(TrialId trial, const std::vector<double>& missing) const;

  Proposals proposals_;
  SobolPoints startup_;
  std::uint64_t seed_;
  CmaesOptions options_;
  mutable Observations observations_;
  std::vector<std::size_t> place_;        ///< By axis: its coordinate; kNoAxis: none.
  std::vector<double> least_deviation_;   ///< By coordinate.
  std::optional<model::Cma> model_ = {};  ///< None until the startup trials have ended.
  std::size_t learned_ = 0;               ///< Of the trials that have ended.
  int starts_ = 0;
};

}  // namespace clavier::search
