#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/result.h"
#include "study/ids.h"
#include "study/report.h"
#include "train/fuse/array.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"
#include "train/spec/trainer_spec.h"
#include "train/trainer/plan_store.h"
#include "train/trainer/samples.h"

namespace clavier::train {

/// Where a training is.
struct Position {
  std::int64_t epoch = 0;    ///< Complete ones.
  std::int64_t samples = 0;  ///< Seen of the epoch that has begun.
  std::int64_t batches = 0;  ///< Of all epochs.
};

/// Whether a new training draws its weights, or leaves them to a checkpoint.
enum class Weights { kDrawn, kFromCheckpoint };

/// One model in training: a network, its optimizer and its place in the data. All calls under
/// c10::InferenceMode and from one thread. What it does is a function of specification, seed, data
/// and position alone.
class Training {
 public:
  /// `samples` must outlive it. `seed` is the trial's. `plans` says who does the convolutions on a
  /// processor. Fails if the network does not fit the data.
  static Result<std::unique_ptr<Training>> create(const TrainerSpec& spec, std::uint64_t seed,
                                                  const Samples& samples, c10::Device device,
                                                  Weights weights = Weights::kDrawn,
                                                  const PlanStore& plans = PlanStore(Plan{}));

  /// Trains up to the next step of the trial (an epoch or a batch).
  void train_step();
  /// Since the last call: the mean loss over all samples trained on. Waits for the device.
  double take_train_loss();
  /// On the validation split, with running statistics and without dropout: "loss" and, for classes,
  /// "accuracy"; then `train_loss` and "lr".
  std::vector<Metric> report_metrics(double train_loss);
  std::vector<Metric> report_metrics() { return report_metrics(take_train_loss()); }
  /// "test_loss" and, for classes, "test_accuracy".
  std::vector<Metric> test_metrics();

  Steps step() const;
  bool finished() const;
  /// Of weights, running statistics and moments: a checkpoint but for some kilobytes of names.
  std::int64_t state_bytes() const;
  const TrainerSpec& spec() const { return spec_; }
  const Position& position() const { return position_; }
  const Samples& samples() const { return samples_; }
  Array& array() { return array_; }
  const Array& array() const { return array_; }
  Optimizer& optimizer() { return optimizer_; }
  const Optimizer& optimizer() const { return optimizer_; }
  std::uint64_t seed() const { return seeds_.front(); }

  /// For a checkpoint that is being loaded.
  void set_position(const Position& position) { position_ = position; }
  void set_seed(std::uint64_t seed) { seeds_.front() = seed; }

 private:
  Training(const TrainerSpec& spec, std::uint64_t seed, const Samples& samples, c10::Device device,
           Network network, const PlanStore& plans);

  void train_batch();
  /// Mean loss and accuracy over a split, without smoothing.
  std::pair<double, double> evaluate(const SplitTensors& split);

  TrainerSpec spec_;
  std::vector<std::uint64_t> seeds_;
  const Samples& samples_;
  Batches batches_;
  Array array_;
  Optimizer optimizer_;
  MemberOptions options_;
  std::vector<double> smoothing_;
  Position position_;
  Totals train_totals_;
  double last_lr_;
};

}  // namespace clavier::train
