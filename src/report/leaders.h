#pragma once

#include <set>
#include <vector>

#include "study/state.h"

namespace clavier::report {

/// The trials worth showing: those that run, and the best of those that have left, kept up to date
/// so that a redraw does not look at every trial. Forgets trials beyond the kept best.
class Leaders {
 public:
  static constexpr std::size_t kKept = 64;

  /// The trial has ended or been paused.
  void left(const State& state, TrialId trial);
  /// Running ones first, then, of several metrics, the front, then the rest; each best first by the
  /// first metric, unreported last, ties by id.
  std::vector<TrialId> top(const State& state, std::size_t most) const;

 private:
  struct Entry {
    double key = 0;  ///< Less is better; NaN last.
    TrialId trial;
    bool operator<(const Entry& other) const;
  };
  static Entry entry(const State& state, TrialId trial);

  std::set<Entry> kept_;
};

}  // namespace clavier::report
