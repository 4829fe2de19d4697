#pragma once

#include "cluster/rollout.h"

namespace clavier::cluster::rules {

/// First fit: trials in order, each to the fastest idle slot as far as is known, where it stays
/// until its end.
class InOrder : public RolloutRule {
 public:
  Habits habits() const override { return {}; }
  void observe(const RolloutView&, const Happening&) override {}
  std::optional<Dispatch> next(const RolloutView& view) override;
};

}  // namespace clavier::cluster::rules
