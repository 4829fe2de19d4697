#pragma once

#include <deque>
#include <vector>

#include "cluster/baselines/queues.h"

namespace clavier::cluster::rules {

/// What ERA and ETA share: a slot takes several of the least advanced trials at once, runs each for
/// an interval, one after the other, and gives all of them back together when the last is done.
class Batches : public RolloutRule {
 public:
  Habits habits() const override {
    return {.evaluates_each_dispatch = true, .moves_each_dispatch = true};
  }
  void observe(const RolloutView& view, const Happening& happening) override;
  std::optional<Dispatch> next(const RolloutView& view) override;

 protected:
  /// How many trials the slot takes, at least 1.
  virtual std::int64_t size(const RolloutView& view, int slot) = 0;

 private:
  struct Batch {
    std::deque<int> left = {};
    std::vector<int> ran = {};
  };
  void give_back(const RolloutView& view, Batch& batch);

  bool begun_ = false;
  WaitingTrials trials_;
  IdleSlots slots_;
  std::vector<Batch> batches_;
  std::deque<int> go_on_;  ///< Slots within a batch, free for its next trial.
};

/// Exponentially shrinking batches: a share in proportion to a static benchmark of the slots, times
/// 0.9 per hundred that the estimate of intervals left has fallen below 1000.
class Era : public Batches {
 protected:
  std::int64_t size(const RolloutView& view, int slot) override;

 private:
  std::vector<double> shares_ = {};
};

/// Equal-time batches: one trial first, then as many as the slot finishes, by its mean time per
/// trial so far, while the slowest slot finishes one.
class Eta : public Batches {
 public:
  void observe(const RolloutView& view, const Happening& happening) override;

 protected:
  std::int64_t size(const RolloutView& view, int slot) override;

 private:
  struct Mean {
    double seconds = 0;
    std::int64_t count = 0;
  };
  std::vector<Mean> means_ = {};
};

}  // namespace clavier::cluster::rules
