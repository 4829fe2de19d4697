#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/waker.h"
#include "exec/executor.h"
#include "exec/sim/curve.h"
#include "exec/sim/sim_options.h"

namespace clavier::exec {

/// Trials in virtual time: each reports what a curve says, as often as the slots' speeds let it; on
/// several slots, as the slowest of them does. Trials of one launch go on together, each step as
/// long as that of the slowest alone, or longer by what an array costs.
/// `wait` jumps to the next event, one signal a call (nodes that join together come together).
/// What happens at the same instant is ordered by launch, then by cause: the whole run is a
/// function of options, curve and the calls made, also after a replay.
///
/// `replay` rebuilds the queue from the log in lockstep: each logged signal must be the next one
/// here, and what the tuner did because of it is done again. If a signal differs (other options,
/// another curve, a log of another executor), everything that ran is given up as lost and the
/// nodes join anew. Commands take effect at once, in the middle of a step too; the unfinished step
/// is then lost. Single-threaded.
class SimExecutor final : public Executor {
 public:
  static constexpr std::size_t kMaxSlots = 1'000'000;
  static constexpr std::size_t kMaxMembers = 1024;  ///< Of one launch.

  /// `waker`, if any, must outlive it; without one `wait` answers with nothing when nothing can
  /// happen any more. Fails if the options make no sense.
  static Result<std::unique_ptr<SimExecutor>> create(SimOptions options, Curve curve,
                                                     const Waker* waker = nullptr);

  void start(Order order) override;
  void send(const Message& message) override;
  void discard(const std::string& path) override;
  std::vector<Signal> wait(StudyTime deadline) override;
  StudyTime now() const override { return now_; }
  bool replay(const Step& step) override;

  /// Events processed so far.
  std::int64_t events() const { return events_; }
  /// Starts and exploits that had to fetch a checkpoint from another slot.
  std::int64_t moves() const { return moves_; }

 private:
  /// In the order in which they happen at the same instant to the same launch.
  enum class Kind : std::uint8_t {
    kNodeLost,
    kNodeJoins,
    kSlotLost,
    kSlotJoins,
    kSpeed,
    kDelivery,
    kStep,
    kEnd,
    kCommand
  };
  struct Event {
    StudyTime time;
    LaunchId launch;  ///< Invalid for nodes.
    Kind kind;
    std::uint32_t place;     ///< Slot; node for nodes.
    std::uint64_t sequence;  ///< Tells apart what is otherwise equal.
    /// kStep, kEnd: the run's generation. Nodes and slots: 0, or of a random event how often the
    /// node or slot had come or gone. kSpeed: which drift. Else an index of a pool.
    std::uint64_t detail;

    friend bool operator>(const Event& a, const Event& b) {
      if (a.time != b.time) return a.time > b.time;
      if (a.launch != b.launch) return a.launch > b.launch;
      if (a.kind != b.kind) return a.kind > b.kind;
      return a.sequence > b.sequence;
    }
  };

  /// A trial of a launch.
  struct Part {
    TrialId trial;
    int attempt = 1;
    Config config;
    std::string directory;
    Steps step = 0;  ///< Finished.
    Steps from = 0;  ///< Resumed at.
    Steps until = kForever;
    Steps last = kForever;  ///< Of the curve.
    bool waiting = false;   ///< At `until`, for a decision.
    Weights weights = {};   ///< Of a curve that learns.
  };
  /// A launch on its slot.
  struct Run {
    LaunchId launch;
    std::vector<Part> parts = {};             ///< Trials that have not left.
    StudyTime since{};                        ///< The last report, or the start.
    StudyTime due{};                          ///< Of its next event, unless it waits.
    std::uint64_t generation = 0;             ///< Events of an older one are void.
    std::vector<std::uint32_t> further = {};  ///< Slots that it holds besides its own.

    bool waiting() const { return std::ranges::any_of(parts, &Part::waiting); }
    /// All that is to be done is done.
    bool over() const {
      return std::ranges::all_of(parts, [](const Part& each) { return each.step >= each.last; });
    }
  };
  struct Place {
    std::uint32_t node = 0;
    double speed = 1;
    double share = 1;  ///< Of it that is left by those that share its devices.
    bool alive = false;
    bool away = false;          ///< Lost by itself, wherever its node is.
    std::uint64_t changes = 0;  ///< How often it came or went by itself.
    std::optional<Run> run = {};
    std::optional<std::uint32_t> held_by = {};  ///< The slot of a launch over several.
    std::uint32_t shares = 0;                   ///< Index of what is shared; 0: nothing.

    double rate() const { return speed * share; }
  };
  /// Devices of several slots.
  struct Shared {
    std::vector<std::uint32_t> slots = {};
    std::vector<double> curve = {};  ///< As `SimSlot::sharing`.
    std::size_t busy = 0;
  };
  /// What replay must remember of a trial to start it again.
  struct Known {
    Config config;
    std::string directory;
    LaunchId launch;
  };

  /// Values that wait for their event.
  template <typename T>
  class Pool {
   public:
    std::uint64_t put(T value) {
      if (free_.empty()) return items_.push_back(std::move(value)), items_.size() - 1;
      const std::uint64_t index = free_.back();
      free_.pop_back();
      items_[index] = std::move(value);
      return index;
    }
    T take(std::uint64_t index) {
      free_.push_back(index);
      return std::move(items_[index]);
    }

   private:
    std::vector<T> items_;
    std::vector<std::uint64_t> free_;
  };

  SimExecutor(SimOptions options, Curve curve, const Waker* waker);

  void reset(StudyTime epoch);
  Node node(std::uint32_t index) const;
  void push(StudyTime time, Kind kind, std::uint32_t place, LaunchId launch, std::uint64_t detail);
  /// Makes sure that a signal is ready if one happens until `limit`.
  bool next(StudyTime limit);
  void process(const Event& event);
  void node_joins(std::uint32_t index, std::uint64_t change);
  void node_lost(std::uint32_t index, std::uint64_t change);
  void slot_joins(std::uint32_t slot, std::uint64_t change);
  void slot_lost(std::uint32_t slot, std::uint64_t change);
  /// When a slot fails next by chance.
  void foresee_slot_failure(std::uint32_t slot, StudyTime from);
  static StudyDuration span(double seconds);
  static Status check_sharing(const SimNode& node);
  void share_devices();
  void change_speed(std::uint32_t place, double speed, double share);
  /// The slot whose run is at work in this one, if any.
  std::optional<std::uint32_t> runner(std::uint32_t place) const;
  /// Of what runs there: that of the slowest of its slots.
  double rate(std::uint32_t place) const;
  /// As many more trials share the slot's devices, or fewer.
  void crowd(std::uint32_t place, int more);
  /// Seconds until what `launch` saved is in this slot.
  double fetch(LaunchId launch, std::uint32_t place);
  void finish_step(std::uint32_t place);
  void advance(Part& part, const Run& run, std::vector<Report>& reports);
  void go_on(std::uint32_t place);
  void obey(std::uint32_t place, const Message& message);
  void schedule(std::uint32_t place, StudyDuration delay);
  /// A trial leaves its launch; with the last, the launch ends.
  void leave(std::uint32_t place, TrialId trial, ExitKind kind, std::string error = {});
  void leave_all(std::uint32_t place, ExitKind kind, const std::string& error = {});
  void deliver(LaunchId launch, Signal signal);
  double slowdown(const Run& run) const;
  StudyDuration duration(std::uint32_t place) const;
  Steps last_step(const Config& config) const;
  Steps next_report(const Part& part) const;
  double step_seconds(const Part& part) const;
  std::string failure(const Part& part, Steps to) const;
  Checkpoint checkpoint(const Part& part, LaunchId launch);
  /// Those of a checkpoint; empty if there are none.
  Weights weights_of(const std::string& path) const;
  bool wants_checkpoint(const Part& part, Steps step) const;
  bool woken(int timeout_ms) const;
  void go_live();
  void begin(const Order& order);
  std::string obstacle(const Order& order) const;
  std::string obstacle(std::uint32_t slot) const;
  void pass_on(const Message& message);

  bool follow_input(const Turn& turn);
  bool follow_signal(const Signal& signal, StudyTime time);
  void follow_decisions(const Turn& turn);
  void follow_fill(const Fill& fill);

  const SimOptions options_;
  const Curve curve_;
  const Waker* const waker_;

  StudyTime now_{};
  std::vector<Place> places_;              ///< By slot id.
  std::vector<Shared> shared_ = {{}};      ///< The first is nothing.
  std::vector<std::uint32_t> first_slot_;  ///< By node.
  std::vector<std::uint64_t> changes_;     ///< By node: how often it came or went; odd: it is here.
  std::vector<std::uint32_t> wrote_in_;    ///< By launch: its slot.
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
  std::deque<Signal> ready_;
  Pool<Signal> signals_;                                 ///< On their way to the tuner.
  Pool<Message> messages_;                               ///< On their way to a worker.
  std::unordered_map<LaunchId, std::uint32_t> slot_of_;  ///< Of running launches.
  std::unordered_map<std::string, Weights> saved_;       ///< By checkpoint; of a curve that learns.
  std::uint64_t sequence_ = 0;
  std::int64_t events_ = 0;
  std::int64_t moves_ = 0;
  std::uint64_t waits_ = 0;

  bool live_ = false;         ///< No longer replaying.
  bool lost_ = false;         ///< The log and this simulation have parted.
  std::vector<Known> known_;  ///< By trial; while replaying.
};

}  // namespace clavier::exec
