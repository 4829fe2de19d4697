#pragma once

#include "base/result.h"
#include "study/ids.h"
#include "study/state.h"

namespace clavier {

/// What a trial can reach: every double up to it is exact, and no sum of such numbers overflows.
inline constexpr Steps kMostSteps = Steps{1} << 53;

/// What a report can have taken: 30,000 years, as a duration in microseconds can hold.
inline constexpr double kMostSeconds = 1e12;

/// Whether a step read from a log may be folded into `state`: the ids it names exist, new ones
/// follow the last, time does not run backwards. kCorrupt otherwise, saying what is wrong.
/// For steps from outside the process; the state itself takes such faults for our own bugs.
Status foldable(const Step& step, const State& state);

}  // namespace clavier
