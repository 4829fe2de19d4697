#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "study/space.h"
#include "study/state.h"

/// What is shown of a study, as values and words: tables, JSON and pages all take it from here.
namespace clavier::report {

struct Viewed {
  const State& state;
  const Space& space;
  StudyTime now{};    ///< Past the log's end while the study runs.
  bool runs = false;  ///< Some tuner runs it.
};

/// "running"; "asked" where `clavier ask` hands out its trials; "paused", or "interrupted" where
/// its tuner did not end in order; "finished", "stopped" by its user, or "failed": ended by
/// failures, and going on once they are mended.
std::string_view condition(const State& state, bool runs);
/// "loss 0.123 (trial 7)", "front of 3 trials (4, 7, 9)" or "none yet".
std::string best_text(const State& state);
/// Why the trial is where it is; empty while it runs or waits to, whatever was said before.
std::string_view reason_of(const Trial& trial);

/// One property of a trial, by the name that `--columns` and `--sort` know it under.
struct TrialColumn {
  enum class Kind { kFact, kParameter, kMetric };

  std::string name;
  Kind kind = Kind::kFact;
  std::function<Value(const Trial&)> value;  ///< Nothing (monostate) where the trial has none.
};

/// Names in the order in which they first came.
class Names {
 public:
  explicit Names(std::vector<std::string> first = {});
  /// False if it was there.
  bool add(const std::string& name);
  const std::vector<std::string>& all() const { return all_; }
  /// REQUIRES: it is one of them.
  std::size_t index(const std::string& name) const { return known_.at(name); }

 private:
  std::vector<std::string> all_;
  std::unordered_map<std::string, std::size_t> known_;
};

/// The last value of every metric that a trial has reported, in whichever report.
class LastMetrics {
 public:
  void take(const Step& step);  ///< Every step of the log, in order.
  const std::vector<std::string>& names() const { return names_.all(); }
  std::optional<double> of(TrialId trial, const std::string& name) const;
  std::vector<Metric> of(TrialId trial) const;

 private:
  Names names_;
  std::unordered_map<std::int64_t, std::unordered_map<std::string, double>> values_;
};

/// All columns of a study: facts (of several metrics the place among the fronts and the hypervolume
/// in place of the best), then parameters in the order of the space, then the objectives and all
/// other metrics that `metrics` has, which must outlive them. A parameter or metric with the
/// name of an earlier column is called `config.x` or `metric.x`.
std::vector<TrialColumn> trial_columns(const Viewed& study, const LastMetrics& metrics);
/// Those of these names, in their order; fails with the nearest name.
Result<std::vector<TrialColumn>> pick(const std::vector<TrialColumn>& all,
                                      const std::vector<std::string>& names);

/// Trials by a column, the least first; "-name": the greatest first. Trials without a value come
/// last, ties by id.
Result<std::vector<TrialId>> sorted(const State& state, const std::vector<TrialColumn>& all,
                                    std::string_view by);

}  // namespace clavier::report
