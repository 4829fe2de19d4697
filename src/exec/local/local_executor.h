#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/poller.h"
#include "base/result.h"
#include "base/waker.h"
#include "exec/conversation/conversation.h"
#include "exec/executor.h"
#include "exec/local/durable_checkpoints.h"
#include "exec/local/options.h"
#include "exec/local/worker_process.h"

namespace clavier::exec {

/// For tests, benchmarks and the curious.
struct LocalCounters {
  std::int64_t workers_started = 0;
  std::int64_t warm_starts = 0;
  std::int64_t reports = 0;
  std::int64_t ignored = 0;  ///< Messages that made no sense: garbage, strangers, latecomers.
};

/// Runs every launch in a process of this machine, at most one per slot; of several slots, it sees
/// the cores and devices of all. One process may serve
/// trial after trial; each has a guard, so nothing survives it. Owned and used by the loop's
/// thread, which waits in `wait` on one poller for everything: no polling.
/// Output goes to `stdout` and `stderr` in the directory of the launch's first trial; what belongs
/// to no trial and all complaints about workers to `workers.log` in the study's folder.
///
/// A launch for which the system has no room now (descriptors, processes, memory, disk) waits: that
/// is no fault of its trial. It is tried again when a worker has ended, and from time to time.
///
/// A checkpoint is used where it lies, by whoever starts from it; nothing is copied. It is looked
/// at before: a damaged one yields `CheckpointVoid`, then the launch that was to start from it is
/// lost. `DurableCheckpoints` has the second thread that this folder knows.
class LocalExecutor final : public Executor {
 public:
  /// `waker` must outlive the executor. Fails if a descriptor cannot be had or the study's folder
  /// does not exist.
  static Result<std::unique_ptr<LocalExecutor>> create(LocalOptions options, const Waker& waker);
  /// Kills what still runs, and waits for it.
  ~LocalExecutor() override;

  void start(Order order) override;
  void send(const Message& message) override;
  void discard(const std::string& path) override;
  std::vector<Signal> wait(StudyTime deadline) override;
  StudyTime now() const override;
  bool replay(const Step& step) override;

  LocalCounters counters() const;
  DurableCheckpoints& durable() { return durable_; }
  /// Of the worker that runs this launch, as its hello said; nothing before or without one.
  std::optional<std::int64_t> worker_pid(LaunchId launch) const;

 private:
  static constexpr StudyDuration kFirstPause = std::chrono::milliseconds(100);
  static constexpr StudyDuration kLongestPause = std::chrono::seconds(5);
  static constexpr StudyDuration kDiskPause = std::chrono::minutes(1);
  static constexpr StudyDuration kBetweenWarnings = std::chrono::minutes(10);

  /// One process, which takes one launch after another if it can, and the talk with it.
  struct Worker final : WorkerBackend {
    Worker(LocalExecutor& executor, std::uint64_t id, std::vector<Slot> slots,
           WorkerProcess process)
        : owner(executor),
          id(id),
          slots(std::move(slots)),
          process(std::move(process)),
          talk(executor.talk_options_, *this, executor.heard_, executor.log_) {}

    bool write(std::string_view line) override;
    void terminate() override { process.terminate(); }
    void kill() override { process.kill_guard(); }
    void catch_up() override;
    Status keep(const std::string& path) override;
    Status check(const std::string& path) override { return owner.check(path); }
    void out_of_room(const std::string& why) override { owner.miss_checkpoint(why); }
    void all_exited(bool may_stay) override;

    LocalExecutor& owner;
    std::uint64_t id;
    std::vector<Slot> slots;
    WorkerProcess process;
    Conversation talk;
    bool left_unread = false;     ///< It closed the wire before it had read everything.
    bool wants_to_write = false;  ///< As the poller knows.
  };

  LocalExecutor(LocalOptions options, const Waker& waker, Poller poller);

  // Life of a launch (local_executor.cc).
  Status try_start(Order& order);
  void hold(Order order, const std::string& why);
  void back_off();
  void start_held();
  bool let_go(const Message& message);
  void give_up(const Order& order, ExitKind kind, const std::string& why);
  Status check(const std::string& checkpoint);
  Status check(const Order& order) const;
  Status check_descriptors() const;
  Status check_disk();
  std::int64_t room_on_disk() const;
  Status launch(Order& order);
  Result<Worker*> spawn(const std::vector<Slot>& slots, const worker::StartLine& start);
  bool is_warm_for(const Order& order) const;
  Worker* warm_worker(const Order& order);
  void forget_idle(const Worker& worker);
  void dismiss(Worker& worker);
  void release(const Launch& launch);
  void finish(Worker& worker);

  // What comes from outside (local_input.cc).
  void handle(const Poller::Event& event);
  void watch_writing(Worker& worker);
  bool read_wire(Worker& worker);
  bool read_output(Worker& worker);
  bool read_error(Worker& worker);
  std::string_view read_some(Fd& from, std::vector<char>& buffer);
  void miss_checkpoint(const std::string& why);
  std::optional<std::chrono::microseconds> timeout(StudyTime deadline) const;
  void run_timers();
  std::vector<Signal> take_signals();

  LocalOptions options_;
  ConversationOptions talk_options_;
  const Waker& waker_;
  Poller poller_;
  std::chrono::steady_clock::time_point origin_ = std::chrono::steady_clock::now();
  std::vector<std::string> base_environment_;
  const std::string mark_;  ///< Of this run, begins that of each worker.
  Heard heard_;             ///< At most what one round of reads yields.
  LogFile log_;
  std::map<std::uint64_t, std::unique_ptr<Worker>> workers_;
  std::map<LaunchId, Worker*> runs_;  ///< Until the launch's end.
  std::set<SlotId> taken_;            ///< Likewise.
  std::map<SlotId, Worker*> idle_;    ///< Warm ones without a launch, by each of their slots.
  std::deque<Order> held_;            ///< Wait for room, at most one per slot, which is taken.
  std::set<LaunchId> told_to_wait_;
  StudyTime try_again_{};
  StudyDuration pause_ = kFirstPause;     ///< Until they are tried again.
  std::optional<StudyTime> warned_ = {};  ///< When the user was last told that there is no room.
  /// A checkpoint did not fit: until there is so much room, or for kDiskPause, nothing is started.
  struct FullDisk {
    StudyTime since;
    std::int64_t wanted_bytes;
  };
  std::optional<FullDisk> full_disk_ = {};
  std::uint64_t next_worker_ = 0;
  bool announced_ = false;
  DurableCheckpoints durable_;
  LocalCounters counters_;         ///< Of workers; what they said is counted in `heard_`.
  std::vector<char> wire_buffer_;  ///< Two, for output is drained while a wire line is handled.
  std::vector<char> output_buffer_;
};

}  // namespace clavier::exec
