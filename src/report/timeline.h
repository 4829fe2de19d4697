#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "study/step.h"

namespace clavier::report {

/// A trial's stay in a slot, from a launch or a take-over of weights until the next or the end.
struct Leg {
  LaunchId launch;
  TrialId trial;
  SlotId slot;
  Steps from = 0;
  Steps to = 0;  ///< Last reported.
  StudyTime start{};
  StudyTime end{};
  bool moved = false;    ///< It began with a checkpoint that another slot had written.
  double cost = 0;       ///< By the slot's price.
  bool further = false;  ///< The launch has several slots, and this is not its first.
};

/// One slot over time.
struct Lane {
  std::string host;
  double speed = 1;
  double price_per_hour = 0;
  std::optional<StudyTime> gone_since = {};
  std::vector<std::pair<StudyTime, StudyTime>> gone = {};  ///< Closed spells of absence.
};

/// What a trial has trained, without what it did again after a loss.
struct Trained {
  Steps steps = 0;  ///< Take-overs skip or repeat some: these are the steps it took itself.
  std::int64_t reports = 0;
};

/// Who ran where and when, as the fold of a study's steps; of a simulated and of a real one alike.
class Timeline {
 public:
  void apply(const Step& step);

  /// In order of launch; running ones end now.
  std::vector<Leg> legs() const;
  const std::map<SlotId, Lane>& lanes() const { return lanes_; }
  StudyTime now() const { return now_; }
  std::int64_t moves() const { return moves_; }
  std::int64_t launches() const { return launches_; }
  double cost() const;
  Trained trained(TrialId trial) const;
  /// The part of all slots' speed, from the start until now, that was at work.
  double utilisation() const;

  /// launch,trial,slot,node,from_step,to_step,start,end,moved,cost with times in seconds.
  std::string csv() const;

 private:
  struct Progress {
    Steps at = 0;       ///< Of the running launch.
    Steps reached = 0;  ///< Beyond this it does nothing again.
    Trained trained = {};
    std::optional<std::size_t> leg = {};  ///< The present one, or the last.
  };

  void begin(const Launch& launch, const Member& member);
  void report(const Report& report);
  void exploit(const Exploit& exploit);
  void end(LaunchId launch);
  std::size_t open_leg(Leg leg);
  void close_leg(Leg& leg) const;
  bool elsewhere(const Checkpoint& checkpoint, SlotId slot) const;

  StudyTime now_{};
  std::vector<Leg> legs_;
  std::map<SlotId, Lane> lanes_;
  std::map<NodeId, std::vector<SlotId>> slots_of_;
  std::map<TrialId, Progress> progress_;
  std::map<LaunchId, std::vector<std::size_t>> live_;  ///< Their present legs.
  std::vector<SlotId> wrote_in_;                       ///< By launch.
  std::int64_t moves_ = 0;
  std::int64_t launches_ = 0;
};

}  // namespace clavier::report
