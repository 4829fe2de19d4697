#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/registry/study_spec.h"
#include "base/result.h"
#include "study/space.h"
#include "study/state.h"
#include "worker/trial_context.h"

/// What a C++ program writes to tune something: a search space, an objective, `tune`.
namespace clavier {

using worker::Trainable;
using worker::TrialContext;

// Domains in the words of the field. All bounds are included.
inline Domain uniform(double low, double high) { return Real{low, high}; }
inline Domain loguniform(double low, double high) { return Real{low, high, Scale::kLog}; }
inline Domain reverse_loguniform(double low, double high) {
  return Real{low, high, Scale::kReverseLog};
}
inline Domain quniform(double low, double high, double quantum) {
  return Real{low, high, Scale::kLinear, quantum};
}
inline Domain qloguniform(double low, double high, double quantum) {
  return Real{low, high, Scale::kLog, quantum};
}
inline Domain normal(double mean, double deviation) { return Normal{mean, deviation}; }
inline Domain lognormal(double mean, double deviation) {
  return Normal{mean, deviation, Scale::kLog};
}
/// Both ends included, unlike Ray's randint.
inline Domain integer(std::int64_t low, std::int64_t high) { return Integer{low, high}; }
inline Domain log_integer(std::int64_t low, std::int64_t high) {
  return Integer{low, high, Scale::kLog};
}
/// Powers of two from `low` to `high`, each as likely as the others.
Domain power_of_two(std::int64_t low, std::int64_t high);
inline Domain choice(std::vector<Value> options) { return Choice{std::move(options)}; }
inline Domain ordinal(std::vector<Value> options) { return Choice{std::move(options), true}; }
inline Domain grid(std::vector<Value> values) { return Grid{std::move(values)}; }
inline Domain constant(Value value) { return Constant{std::move(value)}; }
/// An expression over parameters named before: `expression("2 * hidden")`.
inline Domain expression(std::string text) { return Computed{std::move(text)}; }
/// Any pure function of the parameters named before.
inline Domain computed(std::function<Value(const Config&)> function) {
  return Function{std::move(function)};
}

/// A study as a C++ program describes it. Defaults: the searcher that fits, no early stopping,
/// trials on threads of this process, nothing kept on disk.
struct Tuning {
  std::string name = "study";
  Objectives objective = {};  ///< `{"loss", Mode::kMin}`, or several: `{{…}, {{…}, …}}`.
  Space space = {};
  std::int64_t trials = 10;
  std::uint64_t seed = 0;
  app::AlgorithmSpec search{"auto"};
  app::AlgorithmSpec scheduler{"fifo"};
  TrialStop trial_stop = {};
  app::StudyStop stop = {};
  app::CheckpointSpec checkpoint = {};
  RetryLimits retries = {};
  Resources resources = {};
  int workers = 0;  ///< Trials at a time; 0: one per core.
  /// Where the study lives; running the same program again resumes it. Empty: in memory only.
  /// The command `clavier` reads it like any other study, also while the program runs.
  std::filesystem::path directory = {};
  app::ReportSpec report = {};  ///< Trial directories (only with a `directory`) and their like.
  /// Progress as plain lines, as `clavier run` writes them into a file, and what the study waits
  /// for; null: silent, and a log that cannot be written (a full disk) ends the run at once.
  std::function<void(std::string_view)> output = {};
};

/// What came out of it.
struct Tuned {
  std::string reason;         ///< Why the study ended.
  std::vector<Trial> trials;  ///< By id.
  /// Nothing if no trial reported a finite value of the metric, or several are on the front.
  std::optional<TrialId> best;
  std::vector<TrialId> front;  ///< Of several metrics, those that no other trial dominates.

  /// Its `best_config` and `best_model` are what the best value was reached with. REQUIRES: best.
  const Trial& best_trial() const { return trials.at(static_cast<std::size_t>(best->value)); }
};

/// Call as main's first statement. In a process that was started as a worker or as its guard, it
/// does that work and never returns; in the tuner it returns at once.
void init(int argc, char** argv);

/// Makes a Trainable known under a name, so that `tune` can run it in worker processes:
/// `static const clavier::Registered train("train", [](clavier::TrialContext& trial) { … });`
struct Registered {
  Registered(std::string name, Trainable trainable);
};

/// Runs the study with trials on threads of this process.
Result<Tuned> tune(const Tuning& tuning, const Trainable& objective);
/// Runs it in worker processes of this same program, each kept for trial after trial.
/// REQUIRES: `init` was called, and `registered` names a Registered Trainable.
Result<Tuned> tune(const Tuning& tuning, const std::string& registered);

/// One configuration to be evaluated by the caller.
struct Asked {
  TrialId trial;
  Config config;
};

/// Ask for configurations and tell results, at the caller's own pace and in any order.
/// Not thread-safe.
class AskTell {
 public:
  static Result<AskTell> create(const Tuning& tuning);
  AskTell(AskTell&&) noexcept;
  AskTell& operator=(AskTell&&) noexcept;
  ~AskTell();

  /// kUnavailable when the search space or the number of trials is exhausted.
  Result<Asked> ask();
  /// The final metrics of an asked trial. kNotFound for a trial that is not out.
  Status tell(TrialId trial, const std::vector<Metric>& metrics);
  /// An intermediate report; true: the scheduler wants this trial to go on.
  Result<bool> report(TrialId trial, const std::vector<Metric>& metrics, Steps step);
  /// The trial could not be evaluated.
  Status tell_failed(TrialId trial, const std::string& error);

  std::optional<TrialId> best() const;
  const State& state() const;

 private:
  struct Parts;
  explicit AskTell(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clavier
