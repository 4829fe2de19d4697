#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "study/state.h"

namespace clavier::app {

/// Who took over whose weights in a study of population-based training, in the lines of Ray Tune's
/// files (`sched::to_line`). Made from the steps of the log, in order and from the first on.
class Lineages {
 public:
  /// `state` has folded `step`, and perhaps more.
  void see(const Step& step, const State& state);

  /// One per takeover, oldest first; valid until the next `see`.
  const std::vector<std::string>& lines() const { return lines_; }
  /// The takeovers that led to the trial's present weights, oldest first, a line each: those of its
  /// donor, of the donor's donor, and so on, but none that was overwritten. Empty: its own weights.
  std::string policy(TrialId trial) const;
  /// The same; a trial with weights of its own has taken over itself at step 0, so that its
  /// configuration is told as well. REQUIRES: the trial is known.
  std::string whole_policy(TrialId trial) const;

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Past {
    Config config;
    std::size_t line = kNone;
  };
  /// What one trial is now, and what it was before each of its takeovers.
  struct Course {
    std::string tag;
    Steps step = 0;
    Past now;
    std::vector<Past> before;
  };

  Course* course(TrialId trial, const State& state);
  void exploit(const Turn& turn, const State& state);

  std::vector<std::string> lines_;
  std::vector<std::size_t> behind_;  ///< Per line, the one that made the donor's weights.
  std::map<TrialId, Course> courses_;
};

}  // namespace clavier::app
