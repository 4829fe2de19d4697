#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/parzen.h"

/// How much each parameter has to do with the value. Pure functions; draws are keyed by a seed.
namespace clavier::model {

/// Points of the unit cube, NaN where a coordinate does not exist, and what each is worth: finite,
/// less is better.
struct Evaluations {
  std::vector<Axis> axes;
  std::vector<std::vector<double>> points = {};
  std::vector<double> values = {};
};

/// A share, and between what it lies in nine of ten resamples (bootstrap) of the evaluations.
struct Share {
  double value = 0;
  double low = 0, high = 0;
};

struct Importance {
  std::vector<Share> axes = {};
  double together = 0;  ///< What only several axes together explain; 0 where the method has none.
};

struct ImportanceOptions {
  double quantile = 1;  ///< Only the best part of the evaluations is asked about; 1: all.
  int resamples = 100;  ///< 0: no intervals.
  std::uint64_t seed = 0;
};

/// PED-ANOVA (Watanabe et al., PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
/// Arbitrary Subspaces, 2023): how far the best tenth of them is distributed otherwise than all are
/// on an axis (Pearson divergence), as a share of the sum over the axes. Where only the part q of
/// the points, and p of the best, have a coordinate it counts among those, weighted by p²/q: how
/// many of the best have it is its parents' doing. Only the order of the values matters. All zero
/// where nothing differs.
Importance ped_anova(const Evaluations& all, const ImportanceOptions& options = {});

/// Functional ANOVA of a random forest (Hutter et al., An Efficient Approach for Assessing
/// Hyperparameter Importance, 2014): the part of the variance that an axis explains by itself,
/// exact for each tree, mean over as many trees as `resamples` (at least 16). Values worse than the
/// quantile count as equal to it. Every tree sees a resample of its own, of at most kMostForTree.
/// All zero where all values are equal.
Importance fanova(const Evaluations& all, const ImportanceOptions& options = {});
inline constexpr std::size_t kMostForTree = 1000;

}  // namespace clavier::model
