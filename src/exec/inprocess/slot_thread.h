#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "exec/inprocess/event_queue.h"
#include "worker/launch_context.h"
#include "worker/protocol.h"
#include "worker/trial_session.h"

namespace clavier::exec {

/// A thread that runs one launch after another, as a warm worker does. The loop's thread calls
/// `assign` and `tell`. Destruction tells the running launch to leave and waits until it does.
class SlotThread final : private worker::Link {
 public:
  struct Shared {
    const worker::LaunchTrainable& train;
    const std::string& metric;  ///< The objective's name.
    EventQueue& events;
  };
  /// Everything in `shared` must outlive this.
  explicit SlotThread(Shared shared);
  ~SlotThread() override;
  /// Tells the running launch to leave; no other begins. Does not wait.
  void quit();

  struct Assigned {
    worker::StartLine start;
    std::string directory;  ///< As the log names it: relative to the study's folder.
  };
  void assign(LaunchId launch, std::vector<Assigned> trials);
  /// Dropped if the launch has left.
  void tell(LaunchId launch, worker::ToWorker message);

 private:
  struct Assignment {
    LaunchId launch;
    std::vector<Assigned> trials;
    std::deque<worker::ToWorker> inbox = {};
  };

  void run();
  void finish(LaunchId launch, std::vector<worker::ExitedLine> exits);
  Checkpoint checkpoint(TrialId trial, LaunchId launch, Steps step, const std::string& name) const;

  // The trials' side of the link, called on our thread.
  void send(worker::ReportLine report) override;
  void send(worker::CheckpointLine saved) override;
  void send(worker::ExitedLine exited) override;
  std::optional<worker::ToWorker> receive(Wait wait) override;

  Shared shared_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Assignment> assignments_;          ///< The front one runs. Guarded by mutex_.
  bool quit_ = false;                           ///< Guarded by mutex_.
  std::vector<Report> boundary_;                ///< Reports to which others come; our thread's.
  std::map<TrialId, std::string> directories_;  ///< Of the running trials; our thread's.
  std::thread thread_;                          ///< Last: starts when all else is there.
};

}  // namespace clavier::exec
