#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "study/state.h"

namespace clavier::tuner {

/// A metric that the study file names, and the key that does it.
struct NamedMetric {
  std::string key;
  std::string metric;
};

/// Whose fault is it: one trial's, or the same in all? A fold of what becomes of trials, told after
/// the state has folded it; the study ends when the fault is its own. Single-threaded.
class Faults {
 public:
  /// Failures, of whatever cause, that end a study in which nothing has ever worked.
  static constexpr int kFirstFailures = 3;
  /// Trials that fail alike, none of a later start getting any further, end any study.
  static constexpr std::size_t kAlike = 10;
  /// Trials that end well without a single report end a study in which none has reported.
  static constexpr std::int64_t kSilent = 3;
  /// Reports of one trial without the study's metric, which nothing has ever reported. A program
  /// may evaluate at every so many steps only, so this is far more than a mistake needs to be seen.
  static constexpr std::int64_t kWithoutMetric = 100;

  enum class Retries { kLimited, kEndless };

  /// Metrics of rules: whoever hears of no such metric says so once the first trial has ended.
  void expect(std::vector<NamedMetric> named) { named_ = std::move(named); }
  /// A turn begins: what the last one said is over.
  void begin() { verdict_.reset(); }
  void opened();
  void reported(const Report& report, const State& state);
  void failed(const Exited& exited, Retries retries, const State& state);
  /// It has ended, and not by failing.
  void ended(const Exited& exited, const State& state);

  /// Some trial has reported.
  bool proven() const { return proven_; }
  /// Why the study has to end because of this turn.
  const std::optional<std::string>& verdict() const { return verdict_; }
  /// What users should hear of and no decision follows from, once.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  void judge_order(const Report& report, const Trial& trial);
  void judge_names(const Trial& ended);
  void judge_silence(const Exited& exited, const State& state);

  std::vector<NamedMetric> named_;
  bool proven_ = false;
  bool valued_ = false;          ///< Some report has carried the study's metric.
  bool told_of_metric_ = false;  ///< In this run.
  bool told_of_names_ = false;   ///< In this run.
  bool told_of_order_ = false;   ///< In this run.
  /// By trial, launch and step of its last report, until told.
  std::vector<std::pair<LaunchId, Steps>> last_;
  std::set<std::string> seen_;  ///< Names of metrics, while there are names to judge.
  std::int64_t silent_ = 0;     ///< Trials that ended well without a report.
  // Failures in a row, since the run began or a trial of a later start got further than they did.
  int failures_ = 0;
  std::string cause_;        ///< Of those that are alike,
  std::set<TrialId> alike_;  ///< whose they are,
  int alike_attempts_ = 0;
  LaunchId first_launch_ = {};  ///< the first of them,
  Steps reached_ = 0;           ///< and how far the least of them got.
  std::optional<std::string> verdict_;
  std::vector<std::string> notes_;
};

}  // namespace clavier::tuner
