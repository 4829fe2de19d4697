#pragma once

#include "cluster/rules/queues.h"

namespace clavier::cluster::rules {

/// Time multiplexing that knows nothing of speed: the trial with the least progress goes to the
/// slot that has been idle longest, for a full interval.
class Agnostic : public RolloutRule {
 public:
  explicit Agnostic(Habits habits = {.evaluates_each_dispatch = true, .moves_each_dispatch = true})
      : habits_(habits) {}

  Habits habits() const override { return habits_; }
  void observe(const RolloutView& view, const Happening& happening) override;
  std::optional<Dispatch> next(const RolloutView& view) override;

 private:
  Habits habits_;
  Queues queues_;
};

}  // namespace clavier::cluster::rules
