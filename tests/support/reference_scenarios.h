#pragma once

#include <string_view>
#include <vector>

#include "cluster/rollout.h"

/// The situations in which planning rules are measured and compared. All trials have 1000
/// iterations and are evaluated every 50; slots are listed fastest first.
namespace clavier::cluster {

/// "A": a GPU and eight CPU slots of a published cluster (rates 320 | 20 16 12 12 11 4 4 4 per 16
/// seconds). "B": eight equal slots, half a second per iteration. "C": 2, 4, 8, 8 seconds per
/// iteration. "D": one slot of 50 iterations per second, eight of 1.
/// Uniform bundles fit the first slot of A and of D, every slot of B and C.
/// REQUIRES: one of these names.
std::vector<RolloutSlot> reference_slots(std::string_view cluster);

enum class Setting {
  kFree,      ///< Neither evaluations nor moves cost anything.
  kEval,      ///< An evaluation costs 6.5 iterations.
  kEvalMove,  ///< And a move of a checkpoint 2 seconds.
  kDrift,     ///< Free, but the fastest slot is 5 times slower after a quarter of the bound, and
              ///< every interval takes its time ± 10 %.
};
std::string_view name_of(Setting setting);

/// Speeds are known (`assumed`) as they are at the start.
Scenario reference_scenario(std::string_view cluster, int trials, Setting setting,
                            std::uint64_t seed = 0);

/// 800 studies in which trials may stop early: 2, 4, 8 or 16 slots with rates log-uniform in [1,
/// 32] × 2, 4, 8, 20 or 50 trials × 40 seeds; every trial reaches its goal with probability one
/// half, at an iteration uniform in [100, 1000].
std::vector<Scenario> stop_scenarios();

/// Trials of very different size on unequal slots: an iteration costs between 1 and 100 units,
/// log-uniform; nothing else costs anything.
Scenario cost_variety_scenario(std::string_view cluster, int trials, std::uint64_t seed);

/// 2 to 16 slots with rates log-uniform in [1, 32], 2 to 60 trials, nothing costs anything. Known:
/// listed fastest first, with their rates assumed; else in no order, and nothing assumed.
Scenario random_scenario(std::uint64_t seed, bool known);

}  // namespace clavier::cluster
