#pragma once

#include "cluster/baselines/queues.h"

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

/// The agnostic rule where every trial asks for the same bundle of resources: slots that do not
/// carry it stay empty.
class UniformBundle : public Agnostic {
 public:
  void observe(const RolloutView& view, const Happening& happening) override;
};

/// First fit: trials in order, each to the fastest idle slot as far as is known, where it stays
/// until its end.
class InOrder : public RolloutRule {
 public:
  Habits habits() const override { return {}; }
  void observe(const RolloutView&, const Happening&) override {}
  std::optional<Dispatch> next(const RolloutView& view) override;
};

}  // namespace clavier::cluster::rules
