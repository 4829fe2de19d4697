#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "study/config.h"
#include "study/report.h"
#include "train/spec/trainer_spec.h"
#include "train/trainer/samples.h"
#include "train/trainer/training.h"
#include "worker/launch_context.h"

namespace clavier::train {

/// Where a worker's time went since its last report, in seconds.
struct Times {
  double train = 0;
  double eval = 0;
  double load = 0;  ///< Building the network and reading its checkpoint.
  double save = 0;
};

/// Trials of one launch, at most.
inline constexpr std::int64_t kMostMembers = 1024;

/// Trains trials of one specification, launch after launch, and keeps the data set between them.
class Trainer {
 public:
  Trainer(TrainerSpec spec, std::filesystem::path data_dir, PlanStore plans = PlanStore(Plan{}));
  ~Trainer();

  /// Trains the trials of a launch, as few arrays as they can be: those that are `fusible` and at
  /// the same step as one. Each evaluates and reports at every multiple of `report_every` steps and
  /// where the study waits for it, resumes from its checkpoint, takes over another trial's. Told to
  /// leave in between, it reports from where it is. Besides `Training::report_metrics` a report has
  /// "time_train_s", "time_eval_s", "time_load_s", "time_save_s" (of all that are trained with it,
  /// since the report before of this object, whatever the trial: a checkpoint is written after its
  /// report) and "checkpoint_bytes".
  /// A trial that cannot begin fails, and the others go on. Throws where no trial can go on.
  void run(worker::LaunchContext& launch);

  /// One line of JSON with the held-out loss and accuracy of a checkpoint's model.
  Result<std::string> test(const Config& config, const std::filesystem::path& checkpoint);

 private:
  struct Loaded;
  struct Recruit;
  struct Cohort;
  using Trials = std::vector<worker::TrialContext*>;

  Result<std::shared_ptr<const Loaded>> load(const TrainerSpec& spec);
  Result<Recruit> recruit(worker::TrialContext& trial) const;
  Result<Cohort> form(const std::vector<Recruit>& recruits, worker::LaunchContext& launch);
  void muster(Trials trials, worker::LaunchContext& launch, std::vector<Cohort>& cohorts);
  std::vector<std::size_t> train(Cohort& cohort);
  void report(Cohort& cohort, const std::vector<std::size_t>& due, worker::LaunchContext& launch);
  std::vector<std::vector<Metric>> measure(Training& training, const std::vector<std::size_t>& due);

  TrainerSpec spec_;
  std::filesystem::path data_dir_;
  PlanStore plans_;
  std::shared_ptr<const Loaded> loaded_;
  Times times_;
};

}  // namespace clavier::train
