#pragma once

#include <map>
#include <string>
#include <vector>

#include "study/state.h"

namespace clavier::tuner {

/// Which checkpoints a study keeps (`[checkpoint]`).
struct KeepRules {
  int keep = 1;         ///< The newest of each trial; 0: all of them.
  std::string best_by;  ///< Besides the best one by the objective, that by this metric.
  Mode best_mode = Mode::kMin;
  /// Besides, the newest whose step is a multiple of this: where other trials take over. 0: none.
  Steps boundary = 0;
};

/// Decides which checkpoints are of no more use. A checkpoint that a live trial resumes from, or
/// that another trial has taken over, is never named.
class Retention {
 public:
  Retention(KeepRules rules, const Objective& objective);

  void change(KeepRules rules) { rules_ = std::move(rules); }

  /// Told every turn, live and on replay: notes the scores of checkpoints and who uses whose.
  void observe(const Turn& turn, const State& state);
  /// Checkpoints of `trial` that nobody needs any more.
  std::vector<Checkpoint> superfluous(const State& state, TrialId trial) const;

 private:
  struct Key {
    TrialId trial;
    LaunchId launch;
    Steps step;
    auto operator<=>(const Key&) const = default;
  };
  static Key key(const Checkpoint& checkpoint) {
    return {checkpoint.trial, checkpoint.launch, checkpoint.step};
  }

  KeepRules rules_;
  Objective score_;
  std::map<Key, double> scores_;
  std::map<Key, int> borrowed_;  ///< Exploits that name it.
};

}  // namespace clavier::tuner
