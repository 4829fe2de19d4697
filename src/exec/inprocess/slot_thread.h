#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "exec/inprocess/event_queue.h"
#include "worker/protocol.h"
#include "worker/trial_context.h"
#include "worker/trial_session.h"

namespace clavier::exec {

/// A thread that runs one trial after another, as a warm worker does. The loop's thread calls
/// `assign` and `tell`. Destruction tells the running trial to leave and waits until it does.
class SlotThread final : private worker::Link {
 public:
  struct Shared {
    const worker::Trainable& train;
    const std::string& metric;  ///< The objective's name.
    EventQueue& events;
  };
  /// Everything in `shared` must outlive this.
  explicit SlotThread(Shared shared);
  ~SlotThread() override;
  /// Tells the running trial to leave; no other begins. Does not wait.
  void quit();

  /// `directory` as the log names it: relative to the study's folder.
  void assign(worker::StartLine start, std::string directory);
  /// Dropped if the launch has left.
  void tell(LaunchId launch, worker::ToWorker message);

 private:
  struct Assignment {
    worker::StartLine start;
    std::string directory;
    LaunchId launch;
    std::deque<worker::ToWorker> inbox = {};
  };

  void run();
  void finish(worker::ExitedLine exited);

  // The trial's side of the link, called on our thread.
  void send(worker::ReportLine report) override;
  void send(worker::CheckpointLine saved) override;
  std::optional<worker::ToWorker> receive(Wait wait) override;

  Shared shared_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Assignment> assignments_;  ///< The front one runs. Guarded by mutex_.
  bool quit_ = false;                   ///< Guarded by mutex_.
  std::string directory_;               ///< Of the running trial; our thread's.
  std::thread thread_;                  ///< Last: starts when all else is there.
};

}  // namespace clavier::exec
