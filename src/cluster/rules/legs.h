#pragma once

#include <deque>
#include <vector>

#include "cluster/rules/outlook.h"

namespace clavier::cluster::rules {

/// A stretch of a trial on a slot.
struct Leg {
  int trial = 0;
  Steps from = 0;
  Steps to = 0;
};

/// For every slot what it runs, in order. The legs of a trial follow one another; each waits for
/// the one before it.
using Legs = std::vector<std::deque<Leg>>;

/// Trials with work left, the longest first; ties by number.
std::vector<int> longest_first(const Outlook& outlook);

/// Without splitting any trial: the longest first, each to the slot that finishes it soonest, a
/// needed move included. For when moves cost too much. O(trials · slots).
Legs list_schedule(const Outlook& outlook);

/// How the rest of a study goes by these legs, as far as the outlook knows: a rollout.
RolloutResult rehearse(const Outlook& outlook, const Legs& legs);

}  // namespace clavier::cluster::rules
