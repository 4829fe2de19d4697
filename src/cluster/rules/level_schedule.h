#pragma once

#include <limits>
#include <optional>

#include "cluster/rules/legs.h"

namespace clavier::cluster::rules {

/// Whose turn it is when several trials could take a slot.
enum class Order {
  kLongestFirst,  ///< Gonzalez and Sahni's: optimal from a standing start.
  kHomeFirst,     ///< Trials stay where they are as far as they can: fewer moves.
};

struct LevelOptions {
  Order order = Order::kHomeFirst;
  double horizon = 0;  ///< Seconds within which all is to be finished.
  /// A trial split between two slots is on the faster one last, where what went wrong before can
  /// be made good; else first.
  bool fast_last = true;
  double precision = 0.005;  ///< Of the least horizon.
  /// A horizon beyond this is of no use; saves the search for one where there is none below.
  double at_most = std::numeric_limits<double>::infinity();
};

/// The preemptive schedule of uniform machines (Gonzalez and Sahni, 1978), from the present state
/// and cut to whole iterations: every trial is split between at most two lanes, a lane being a slot
/// or what other splits have left of several. None if the horizon is too short for it.
/// O((trials + slots) · log slots), but for lanes made of many slots.
std::optional<Legs> level_schedule(const Outlook& outlook, const LevelOptions& options);

/// The level schedule of the least horizon found by bisection.
std::optional<Legs> tightest_level_schedule(const Outlook& outlook, LevelOptions options);

}  // namespace clavier::cluster::rules
