#pragma once

#include <vector>

#include "cluster/rollout.h"

namespace clavier::cluster::rules {

/// What a rule believes at a moment, with times counted from it: what every slot and trial is at,
/// at the speeds learned so far. The start of any schedule of the rest.
struct Outlook {
  struct Trial {
    Steps done = 0;  ///< When it is next free to be placed.
    Steps target = 0;
    double cost = 1;
    double ready = 0;  ///< When that is, in seconds.
    int home = -1;     ///< Slot that holds its checkpoint then; -1: none.
    double work = 0;   ///< Left, in units, evaluations included; 0: nothing.
  };
  struct Slot {
    double rate = 0;  ///< Units per second; 0: not there.
    double free = 0;  ///< When it has finished what it runs.
    int trial = -1;   ///< What it runs.
  };
  std::vector<Trial> trials;
  std::vector<Slot> slots;
  RolloutCosts costs;

  /// Units of work from one iteration of a trial to another.
  double work(int trial, Steps from, Steps to) const;
  /// The furthest iteration that `work` units bring the trial to, from `from`.
  Steps reached(int trial, Steps from, double work) const;
  /// Least time to finish everything, as far as `preemptive_bound` sees.
  double bound() const;
  /// No schedule ends sooner: also counts what slots are still busy with.
  double soonest() const;
};

/// A running dispatch that is overdue is believed to take half again what it is late by. A slot of
/// unknown speed is believed as fast as the median of the others until its probe says more.
Outlook look(const RolloutView& view);

}  // namespace clavier::cluster::rules
