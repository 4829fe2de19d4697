#pragma once

#include "sched/scheduler.h"

namespace clavier::sched {

struct FifoOptions {
  Steps max_steps = kForever;  ///< A trial is complete here; kForever: it ends by itself.
};

/// Runs every configuration in the order of its creation to the end and judges none.
/// A trial that something else has paused goes on before a new one starts.
class Fifo final : public Scheduler {
 public:
  explicit Fifo(FifoOptions options) : options_(options) {}

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn&, const State&) override {}
  bool finished(const State& state) const override;

 private:
  FifoOptions options_;
};

}  // namespace clavier::sched
