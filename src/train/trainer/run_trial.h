#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "study/config.h"
#include "train/spec/trainer_spec.h"
#include "train/trainer/samples.h"
#include "worker/trial_context.h"

namespace clavier::train {

/// Trains trials of one specification, one after the other, and keeps the data set between them.
class Trainer {
 public:
  Trainer(TrainerSpec spec, std::filesystem::path data_dir);
  ~Trainer();

  /// Trains one trial: reports after every step, resumes from its checkpoint, takes over another
  /// trial's. Throws std::runtime_error with the reason on any failure, which the worker reports.
  void run(worker::TrialContext& context);

  /// One line of JSON with the held-out loss and accuracy of a checkpoint's model.
  Result<std::string> test(const Config& config, const std::filesystem::path& checkpoint);

 private:
  struct Loaded;

  Result<const Samples*> samples(const TrainerSpec& spec);

  TrainerSpec spec_;
  std::filesystem::path data_dir_;
  std::unique_ptr<Loaded> loaded_;
};

}  // namespace clavier::train
