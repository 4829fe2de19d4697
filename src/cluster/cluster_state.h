#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "cluster/packing.h"
#include "study/step.h"

namespace clavier::cluster {

/// How executors begin the error of a trial that wanted more memory than there was.
inline constexpr std::string_view kOutOfMemory = "out of memory";
bool ran_out_of_memory(const Exited& exited);

/// One slot and what the log says about its use.
struct SlotState {
  Slot slot;
  bool alive = false;                 ///< Its node is here.
  std::optional<LaunchId> busy = {};  ///< The launch that holds it.
  StudyTime busy_since{};
  StudyDuration worked{};  ///< In launches that ended.
  double cost = 0;         ///< Of those.

  bool first = false;       ///< Its launch has not reported yet.
  bool moved = false;       ///< And began with a checkpoint.
  double steps = 0;         ///< Reported since its last launch began, and
  double step_seconds = 0;  ///< what they took, as the worker measured it, without the start.
  /// Moving average of seconds per step after a launch's first report; 0: none yet.
  double usual_seconds = 0;
  double first_steps = 0, first_seconds = 0;  ///< Of a first report, until that is known.
  double first_wait = 0;                      ///< From its launch until it came.
};

/// Nodes and slots as the fold of the log, so that a resumed study plans as the uninterrupted one.
class ClusterState {
 public:
  void apply(const Step& step);
  void apply(const Turn& turn) {
    apply_input(turn);
    apply_decisions(turn);
  }
  /// The two parts of it, for whoever makes the decisions in between.
  void apply_input(const Turn& turn);
  void apply_decisions(const Turn& turn);
  void apply(const Fill& fill, StudyTime time);

  const std::map<NodeId, Node>& nodes() const { return nodes_; }
  /// In order of id; dead ones included.
  const std::map<SlotId, SlotState>& slots() const { return slots_; }
  /// Alive, idle and left open by the packing, in order of id.
  std::vector<SlotId> free_slots() const { return {free_.begin(), free_.end()}; }
  std::size_t free_count() const { return free_.size(); }
  /// Something runs there, or may: alive, and left open by the packing.
  bool usable(const SlotState& slot) const {
    return slot.alive && (slot.busy || free_.contains(slot.slot.id));
  }
  const Packing& packing() const { return packing_; }
  std::size_t alive_slots() const { return alive_; }
  bool any_busy() const { return !running_.empty(); }

  /// Mean time from the launch of a trial with a checkpoint until it works, in seconds; 0: unknown.
  double move_seconds() const { return moves_ > 0 ? moving_seconds_ / double(moves_) : 0; }
  /// Mean time from the launch of a trial without one until it works, in seconds; 0: unknown.
  double start_seconds() const { return starts_ > 0 ? starting_seconds_ / double(starts_) : 0; }
  /// What all launches until now cost, by the slots' prices per hour, in the study's currency.
  double cost(StudyTime now) const;
  /// Of all slots that are at work.
  double price_per_hour() const;

 private:
  void take(const Signal& signal, StudyTime time);
  void join(const Node& node);
  void free(LaunchId launch, StudyTime time);
  void release(SlotState& slot, StudyTime time);
  void set_alive(SlotState& slot, bool alive);
  void open_places();
  void measure(const Report& report, StudyTime time);
  void took_to_start(SlotState& slot, double took, double steps);
  void begin(const Launch& launch, SlotState& slot, StudyTime time);
  void leave(const Exited& exited);

  /// A launch as long as it holds its slots.
  struct Running {
    struct At {
      TrialId trial;
      Steps step;  ///< What it last reported, or began with.
    };
    std::vector<SlotId> slots;
    /// Those that have not exited. Members of one launch go on together, so the first one's steps
    /// are the launch's.
    std::vector<At> members;
  };
  Running::At* at(TrialId trial);

  std::map<NodeId, Node> nodes_;
  std::map<SlotId, SlotState> slots_;
  Packing packing_;
  std::set<SlotId> free_;    ///< Alive, not busy and open.
  std::set<SlotId> priced_;  ///< Whose work costs something, or may have.
  std::size_t alive_ = 0;
  std::map<LaunchId, Running> running_;
  std::map<TrialId, LaunchId> launch_of_;
  double moving_seconds_ = 0, starting_seconds_ = 0;
  std::int64_t starts_ = 0;
  std::int64_t moves_ = 0;
};

}  // namespace clavier::cluster
