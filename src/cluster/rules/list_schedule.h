#pragma once

#include "cluster/rules/legs.h"

namespace clavier::cluster::rules {

/// Without splitting any trial: the longest first, each to the slot that finishes it soonest, a
/// needed move included. For when moves cost too much. O(trials · slots).
Legs list_schedule(const Outlook& outlook);

}  // namespace clavier::cluster::rules
