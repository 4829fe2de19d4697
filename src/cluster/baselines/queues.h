#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <tuple>

#include "cluster/rollout.h"

/// What the rules of the sources keep: trials that wait, by progress, and idle slots, in a line.
namespace clavier::cluster::rules {

/// Ascending by iteration, first come first among equals.
class WaitingTrials {
 public:
  void add(int trial, Steps done) { waiting_.insert({done, ++arrivals_, trial}); }
  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }

  /// REQUIRES: not empty.
  int take_least() { return take(waiting_.begin()); }
  int take_most() { return take(std::prev(waiting_.end())); }

 private:
  using Entry = std::tuple<Steps, std::uint64_t, int>;
  int take(std::set<Entry>::iterator entry) {
    const int trial = std::get<2>(*entry);
    waiting_.erase(entry);
    return trial;
  }

  std::set<Entry> waiting_;
  std::uint64_t arrivals_ = 0;
};

/// First come first.
class IdleSlots {
 public:
  void add(int slot) { idle_.push_back(slot); }
  void remove(int slot) { std::erase(idle_, slot); }
  std::optional<int> take() {
    if (idle_.empty()) return std::nullopt;
    const int slot = idle_.front();
    idle_.pop_front();
    return slot;
  }
  bool empty() const { return idle_.empty(); }

 private:
  std::deque<int> idle_;
};

/// What is left of a trial, at most `wanted`.
inline Steps at_most(const TrialView& trial, Steps wanted) {
  return std::min(wanted, trial.target - trial.done);
}

/// Both queues, kept by what happens. Trials join with the first thing that happens, which is the
/// end of one of them if the rule begins in the middle of a study.
struct Queues {
  WaitingTrials trials = {};
  IdleSlots slots = {};
  bool begun = false;

  void observe(const RolloutView& view, const Happening& happening) {
    const bool first = !begun;
    if (first) {
      begun = true;
      for (std::size_t i = 0; i < view.trials.size(); ++i)
        if (!view.trials[i].finished && view.trials[i].slot < 0)
          trials.add(static_cast<int>(i), view.trials[i].done);
    }
    if (happening.kind == Happening::Kind::kLost)
      slots.remove(happening.slot);
    else
      slots.add(happening.slot);
    if (happening.trial < 0 || first) return;
    const TrialView& trial = view.trials[static_cast<std::size_t>(happening.trial)];
    if (!trial.finished) trials.add(happening.trial, trial.done);
  }
};

}  // namespace clavier::cluster::rules
