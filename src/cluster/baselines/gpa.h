#pragma once

#include <optional>
#include <vector>

#include "cluster/baselines/queues.h"

namespace clavier::cluster::rules {

/// The agnostic rule, but once 80 % of all iterations are done the weakest slots, up to nine and
/// all but one, are retired as they fall idle.
class Gpa : public RolloutRule {
 public:
  Habits habits() const override {
    return {.evaluates_each_dispatch = true, .moves_each_dispatch = true};
  }
  void observe(const RolloutView& view, const Happening& happening) override;
  std::optional<Dispatch> next(const RolloutView& view) override;

 private:
  Queues queues_;
  std::optional<std::vector<int>> retired_ = {};  ///< Chosen once.
};

}  // namespace clavier::cluster::rules
