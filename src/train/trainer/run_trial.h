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
#include "worker/trial_context.h"

namespace clavier::train {

/// Where a worker's time went since its last report, in seconds.
struct Times {
  double train = 0;
  double eval = 0;
  double load = 0;  ///< Building the network and reading its checkpoint.
  double save = 0;
};

/// Trains trials of one specification, one after the other, and keeps the data set between them.
class Trainer {
 public:
  Trainer(TrainerSpec spec, std::filesystem::path data_dir, PlanStore plans = PlanStore(Plan{}));
  ~Trainer();

  /// Trains one trial: evaluates and reports at every multiple of `report_every` steps and where
  /// the study waits for it, resumes from its checkpoint, takes over another trial's. Told to leave
  /// in between, it reports from where it is. Besides `Training::report_metrics` a report has
  /// "time_train_s", "time_eval_s", "time_load_s", "time_save_s" (since the report before of this
  /// object, whatever the trial: a checkpoint is written after its report) and "checkpoint_bytes".
  /// Throws std::runtime_error with the reason on any failure, which the worker reports.
  void run(worker::TrialContext& context);

  /// One line of JSON with the held-out loss and accuracy of a checkpoint's model.
  Result<std::string> test(const Config& config, const std::filesystem::path& checkpoint);

 private:
  struct Loaded;

  Result<const Samples*> samples(const TrainerSpec& spec);
  std::unique_ptr<Training> prepare(const worker::TrialContext& context);
  void train(Training& training, const worker::TrialContext& context);
  std::vector<Metric> measure(Training& training);
  void save(const Training& training, const std::filesystem::path& directory);

  TrainerSpec spec_;
  std::filesystem::path data_dir_;
  PlanStore plans_;
  std::unique_ptr<Loaded> loaded_;
  Times times_;
};

}  // namespace clavier::train
