#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <vector>

#include "search/encoding.h"
#include "study/pareto.h"
#include "study/state.h"

namespace clavier::search {

/// What a trial has come to, the better first.
enum class Standing {
  kCompleted,  ///< It ended well and has a value.
  kPartial,    ///< It has a value, but was stopped, waits or still runs: known up to its step.
  kFailed,     ///< It ended without a finite value.
  kPending,    ///< Nothing is known of it yet.
};

/// A trial as a model sees it. Those that `Space::known` tells of have ids below 0, the newest −1.
struct Observation {
  TrialId trial = {};
  Standing standing = Standing::kPending;
  /// The trial's best, less is better; 0 if failed or pending, or where there are several
  /// objectives.
  double value = 0;
  Steps step = 0;  ///< How far it has come: its fidelity.
};

/// The better first: complete ones by value, then partial ones, of which those that have come
/// further come first, then by value, then failed ones. Ties by trial.
struct BetterObservation {
  bool operator()(const Observation& a, const Observation& b) const;
};

/// What model-based searchers know: every trial as a point of the encoding with its standing. A
/// function of the state and, for a fill under way, of what it was told was suggested; so a fresh
/// object fed the same log knows the same. Each trial is read again only in turns that touch it.
/// Single-threaded.
class Observations {
 public:
  using Ranking = std::set<Observation, BetterObservation>;

  explicit Observations(const Space& space) : encoding_(space), unread_(space.known) {}

  const Encoding& encoding() const { return encoding_; }

  /// After `state` has folded `turn`.
  void observe(const Turn& turn, const State& state);
  /// Takes in the trials that are new. Cheap when there are none.
  void follow(const State& state);
  /// `config` was suggested for `trial`, which the state does not have yet. Replaces what was
  /// suggested for this trial and later ones.
  void suggested(TrialId trial, const Config& config);

  /// The best `count` trials that have a value, or all of them, in order: as `ranking` has them;
  /// several objectives tell those apart that it leaves equal, and `ties` members of one front.
  std::vector<TrialId> best(std::size_t count, Ties ties) const;
  /// All trials that are not pending.
  const Ranking& ranking() const { return ranking_; }
  /// The same trials as they first were no longer pending, oldest first; known ones before all.
  const std::vector<TrialId>& known() const { return known_; }
  const Observation& of(TrialId trial) const { return all_[index(trial)]; }
  std::span<const double> point(TrialId trial) const;
  /// The points of pending trials, and of those suggested, below `trial`, in order of id.
  std::vector<std::span<const double>> pending(TrialId before) const;
  /// The study's trials in the order in which each first ended; nothing is ever taken out.
  const std::vector<TrialId>& endings() const { return endings_; }
  /// How many are known from elsewhere, with ids from −1 down.
  std::size_t earlier() const { return static_cast<std::size_t>(earlier_); }
  /// How many trials have ended with a value, known ones among them.
  std::int64_t ended_with_value() const { return ended_with_value_; }

 private:
  struct Open {
    TrialId trial;
    std::vector<double> point;
  };
  std::size_t index(TrialId trial) const {
    return static_cast<std::size_t>(trial.value + earlier_);
  }
  void read(const State& state, TrialId trial);
  void read_known(const Objective& objective);
  void add(TrialId trial, const Config& config);

  Encoding encoding_;
  std::vector<Known> unread_;     ///< Until the objective is known.
  std::int64_t earlier_ = 0;      ///< So many trials are known from elsewhere.
  std::vector<Observation> all_;  ///< By trial.
  std::vector<double> points_;    ///< By trial, then axis.
  std::vector<Scores> scores_;    ///< By trial; only of several objectives.
  std::vector<bool> counted_;     ///< By trial: ended with a value.
  std::vector<bool> has_ended_;   ///< By trial.
  std::vector<TrialId> endings_;
  Ranking ranking_;
  std::vector<TrialId> known_;
  std::set<TrialId> pending_;
  std::deque<Open> open_;
  std::int64_t ended_with_value_ = 0;
};

}  // namespace clavier::search
