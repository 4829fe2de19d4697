#pragma once

#include <cstdint>

#include "exec/sim/curve.h"
#include "study/space.h"

namespace clavier::exec {

/// Learning curves in closed form: loss(step) = floor + amplitude · step^−rate + noise · z.
struct PowerLaw {
  Steps steps = 100;   ///< Of every trial.
  double floor = 0.1;  ///< Of the best configuration.
  double spread = 1;   ///< By how much the floor of the worst one is higher.
  double amplitude = 3;
  double rate = 0.8;            ///< Of the slowest curve half of it, of the fastest one and a half.
  double noise = 0;             ///< Deviation, keyed by (seed, trial, step).
  std::uint64_t landscape = 0;  ///< Where the best configuration lies.
};

/// Reports `loss` and `accuracy` (exp(−loss)).
///
/// Every parameter that is drawn (and active) has a position u in [0, 1) of its domain and a best
/// position o, keyed by its name and `landscape`, in [0.2, 0.8]; of an unordered choice one option
/// is best and the others are equally far from it. The floor is floor + spread · d, where d is the
/// mean over the parameters of ((u − o) / max(o, 1 − o))². The rate is rate · (1.5 − v) for the
/// mean v of frac(u + o), so that some configurations that end well begin badly. A configuration
/// with nothing drawn has d = 0 and v = 0.5.
Curve power_law(Space space, PowerLaw options);

}  // namespace clavier::exec
