#pragma once

#include "base/result.h"
#include "study/state.h"

namespace clavier {

/// Whether a step read from a log may be folded into `state`: the ids it names exist, new ones
/// follow the last, time does not run backwards. kCorrupt otherwise, saying what is wrong.
/// For steps from outside the process; the state itself takes such faults for our own bugs.
Status foldable(const Step& step, const State& state);

}  // namespace clavier
