#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/importance.h"
#include "study/space.h"
#include "study/state.h"

namespace clavier::app {

enum class ImportanceMethod { kPedAnova, kFanova };

struct ParameterShare {
  std::string parameter;
  model::Share share;
};

/// Which parameters of a study matter.
struct StudyImportance {
  std::size_t trials = 0;                   ///< That it was learned from.
  std::vector<ParameterShare> shares = {};  ///< The greatest first.
  double together = 0;                      ///< Of several parameters at once.
};

/// From all trials that have a value or have failed, which is the worst there is. Those that were
/// stopped early come after those that were not, the shorter the worse, for PED-ANOVA, which asks
/// for the order only; fANOVA takes their values as they are. kUnavailable if fewer than
/// kLeastTrials are left within the quantile, or no parameter was searched.
Result<StudyImportance> importance(const State& state, const Space& space, ImportanceMethod method,
                                   const model::ImportanceOptions& options);
inline constexpr std::size_t kLeastTrials = 20;

}  // namespace clavier::app
