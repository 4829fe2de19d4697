#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cluster/rollout.h"

namespace clavier::cluster::rules {

struct Rule {
  std::string_view name;  ///< As a study file says it.
  std::string_view help;
  std::unique_ptr<RolloutRule> (*make)();
  bool plans = true;      ///< Studies, too; else it is only compared in rollouts.
  bool measures = false;  ///< Makes use of how often trials report.
};

/// Ours first.
std::span<const Rule> all();
std::vector<std::string_view> names();

/// Null if no rule is called so.
std::unique_ptr<RolloutRule> make(std::string_view name);

}  // namespace clavier::cluster::rules
