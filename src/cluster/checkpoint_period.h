#pragma once

#include "study/ids.h"

namespace clavier::cluster {

/// What a trial loses that saves again and again while its machine fails at random (exponential
/// times between failures) and goes on from the last save, all in seconds.
struct Failures {
  double save = 0;     ///< Of one checkpoint.
  double mtbf = 0;     ///< Mean time between failures.
  double restart = 0;  ///< From a failure until the trial works again.
};

/// The part of the time, in the long run, that is not work which lasts, if a checkpoint follows
/// every `period` seconds of work: exact for exponential failures (Daly 2006).
/// REQUIRES: period and mtbf are positive.
double checkpoint_loss(const Failures& failures, double period);

/// Seconds of work between two checkpoints that lose least: √(2 · save · mtbf) in the first order
/// (Young 1974), here with Daly's terms of higher order (2006).
double checkpoint_period(const Failures& failures);

/// The same in whole steps, at least one.
Steps checkpoint_steps(const Failures& failures, double seconds_per_step);

}  // namespace clavier::cluster
