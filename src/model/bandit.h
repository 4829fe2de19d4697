#pragma once

#include <cstddef>
#include <vector>

#include "base/rng.h"
#include "model/lbfgs.h"
#include "study/ids.h"

/// The bandit of PB2 (Parker-Holder et al., 2020): which hyperparameters let a trial gain most over
/// its next interval, judged by what all trials have gained.
namespace clavier::model {

/// What one trial gained between two boundaries.
struct Gain {
  Steps time = 0;         ///< The second boundary.
  double before = 0;      ///< The reward at the first one; more is better.
  std::vector<double> x;  ///< The hyperparameters, each scaled to [0, 1].
  double rate = 0;        ///< Reward gained per step.
};

/// Where the weights stand that are to be trained on.
struct Level {
  Steps time = 0;
  double reward = 0;
};

/// Hyperparameters worth trying, the best first. The model, as in Ray Tune's PB2: a Gaussian
/// process over (time, reward before, x), of the newest gains, at least kFewest and as many as make
/// it likeliest; upper confidence bound mean + sqrt(0.2 · ln(0.4 n)) · variance, of which the
/// variance counts the `pending` ones, tried and not heard of, as known. Each is rounded to kGrain,
/// so that another machine's last bits change nothing. REQUIRES: at least kLeastGains gains.
///
/// Ray tries every tenth number of gains and fits the model to each anew. Here each number tried is
/// a tenth more than the one before, compared with the settings fitted to the newest kFewest, and
/// the model is fitted to the chosen ones: the study waits for it.
std::vector<std::vector<double>> worth_trying(const std::vector<Gain>& gains, const Level& level,
                                              const std::vector<std::vector<double>>& pending,
                                              const Box& box, Rng& rng);

inline constexpr std::size_t kLeastGains = 3;
inline constexpr std::size_t kFewest = 200;
inline constexpr std::size_t kMostGains = 1000;  ///< Older ones are not needed.
inline constexpr double kGrain = 1e-4;

}  // namespace clavier::model
