#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/waker.h"
#include "exec/executor.h"
#include "exec/inprocess/event_queue.h"
#include "exec/inprocess/slot_thread.h"
#include "worker/launch_context.h"

namespace clavier::exec {

struct InProcessOptions {
  int slots = 1;                     ///< Trials at a time, each on a thread of its own.
  std::filesystem::path study = {};  ///< The study's folder; empty: the current one.
  std::string metric = {};           ///< The objective's name.
  worker::CheckpointRules checkpoints = {};
  Resources resources = {};  ///< Of each slot, as the planner sees them.
  std::size_t members = 1;   ///< Trials of one launch that the function trains at once.
};

/// Runs trials as functions on threads of this program: for cheap objectives. Trial directories
/// are made only for trials that ask for theirs or save a checkpoint.
/// A function cannot be killed: one that neither reports nor looks at `should_stop` runs to its
/// end whatever was decided, and the destructor waits for it.
class InProcessExecutor final : public Executor {
 public:
  static constexpr int kMaxSlots = 1024;

  /// `waker` must outlive it. `train` is called from several threads at once.
  /// Fails if the system has no descriptor left or `options` make no sense.
  static Result<std::unique_ptr<InProcessExecutor>> create(const Waker& waker,
                                                           InProcessOptions options,
                                                           worker::LaunchTrainable train);
  /// For launches of one trial.
  static Result<std::unique_ptr<InProcessExecutor>> create(const Waker& waker,
                                                           InProcessOptions options,
                                                           worker::Trainable train);
  ~InProcessExecutor() override;

  void start(Order order) override;
  void send(const Message& message) override;
  void discard(const std::string& path) override;
  std::vector<Signal> wait(StudyTime deadline) override;
  StudyTime now() const override;
  /// Threads do not survive the program.
  bool replay(const Step& step) override;

 private:
  InProcessExecutor(const Waker& waker, Waker events, InProcessOptions options,
                    worker::LaunchTrainable train);
  /// Why the order cannot be started; empty if it can.
  std::string obstacle(const Order& order) const;
  std::vector<Signal> take();
  void block(StudyTime deadline) const;

  const Waker& waker_;
  const Waker event_waker_;
  const InProcessOptions options_;
  const worker::LaunchTrainable train_;
  const std::chrono::steady_clock::time_point epoch_;
  bool joined_ = false;
  std::deque<Signal> refused_;
  std::map<LaunchId, std::size_t> live_;  ///< To its slot; until `wait` has told its end.
  std::vector<bool> busy_;                ///< By slot.
  EventQueue events_;
  std::vector<std::unique_ptr<SlotThread>> threads_;  ///< By slot; null until first used.
};

}  // namespace clavier::exec
