#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cluster/rollout.h"

namespace clavier::cluster::rules {

/// As a study file names them, ours first.
std::span<const std::string_view> names();

/// Null if no rule is called so.
std::unique_ptr<RolloutRule> make(std::string_view name);

}  // namespace clavier::cluster::rules
