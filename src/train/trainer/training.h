#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "study/ids.h"
#include "study/report.h"
#include "train/fuse/array.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"
#include "train/spec/mup.h"
#include "train/spec/trainer_spec.h"
#include "train/trainer/plan_store.h"
#include "train/trainer/samples.h"

namespace clavier::train {

/// Where a training is.
struct Position {
  std::int64_t epoch = 0;    ///< Complete ones.
  std::int64_t samples = 0;  ///< Seen of the epoch that has begun.
  std::int64_t batches = 0;  ///< Of all epochs.
  friend bool operator==(const Position&, const Position&) = default;
};

/// One trial of a training: what is trained, and the seed of its weights and its dropout.
struct Trainee {
  TrainerSpec spec;
  std::uint64_t seed = 0;
};

/// Whether a new training draws its weights, or leaves them to a checkpoint.
enum class Weights { kDrawn, kFromCheckpoint };

/// Models in training as one array, mostly one: networks of one structure, their optimizer and
/// their common place in the data. All calls under c10::InferenceMode and from one thread. What a
/// member does is a function of its specification and seed, the data and the position alone, up to
/// the rounding of sums: how many and which others there are makes no further difference.
class Training {
 public:
  /// `samples` must outlive it. `plans` says who does the convolutions on a processor. Fails if the
  /// network does not fit the data.
  /// REQUIRES: there is a member, and all are `fusible`.
  static Result<std::unique_ptr<Training>> create(std::vector<Trainee> members,
                                                  const Samples& samples, c10::Device device,
                                                  Weights weights = Weights::kDrawn,
                                                  const PlanStore& plans = PlanStore(Plan{}));
  /// Of one trial.
  static Result<std::unique_ptr<Training>> create(const TrainerSpec& spec, std::uint64_t seed,
                                                  const Samples& samples, c10::Device device,
                                                  Weights weights = Weights::kDrawn,
                                                  const PlanStore& plans = PlanStore(Plan{})) {
    return create({{spec, seed}}, samples, device, weights, plans);
  }

  /// A member of some training.
  struct Row {
    const Training* from = nullptr;
    std::size_t member = 0;
  };
  /// Those members with all their state, from one training or several.
  /// REQUIRES: some; of trainings on the same samples, at the same position, all `fusible`.
  static std::unique_ptr<Training> gather(const std::vector<Row>& rows);

  /// Trains up to the next step of the trials (an epoch or a batch).
  void train_step();
  /// Of a member since its last call: the mean loss over all samples trained on. Waits for the
  /// device.
  double take_train_loss(std::size_t member = 0);
  /// Of each member, on the validation split, with running statistics and without dropout: "loss"
  /// and, for classes, "accuracy"; then its entry of `train_losses`, and "lr".
  std::vector<std::vector<Metric>> report_metrics(const std::vector<double>& train_losses);
  /// Of the first member.
  std::vector<Metric> report_metrics() { return report_metrics({take_train_loss()}).front(); }
  /// Of the first member: "test_loss" and, for classes, "test_accuracy".
  std::vector<Metric> test_metrics();

  std::size_t members() const { return members_.size(); }
  Steps step() const;
  bool finished(std::size_t member = 0) const;
  /// Of one member's weights, running statistics and moments: a checkpoint but for some kilobytes
  /// of names.
  std::int64_t state_bytes() const;
  const TrainerSpec& spec(std::size_t member = 0) const { return members_[member].spec; }
  const Position& position() const { return position_; }
  const Samples& samples() const { return samples_; }
  Array& array() { return array_; }
  const Array& array() const { return array_; }
  Optimizer& optimizer() { return optimizer_; }
  const Optimizer& optimizer() const { return optimizer_; }
  std::uint64_t seed(std::size_t member = 0) const { return seeds_[member]; }

  /// For a checkpoint that is being loaded.
  void set_position(const Position& position) { position_ = position; }
  void set_seed(std::size_t member, std::uint64_t seed) { seeds_[member] = seed; }

 private:
  Training(std::vector<Trainee> members, const Samples& samples, c10::Device device,
           ScaledNetwork scaled, const PlanStore& plans);

  const TrainerSpec& shared() const { return members_.front().spec; }
  void copy(std::size_t member, const Row& from);
  void train_batch();
  /// Mean loss and accuracy of each member over a split, without smoothing.
  std::vector<std::pair<double, double>> evaluate(const SplitTensors& split);

  std::vector<Trainee> members_;
  const Samples& samples_;
  PlanStore plans_;
  Batches batches_;
  std::vector<double> rates_;  ///< ScaledNetwork.
  Array array_;
  Optimizer optimizer_;
  Position position_;
  Totals train_totals_;
  // By member.
  std::vector<std::uint64_t> seeds_ = {};
  std::vector<MemberOptions> options_ = {};
  std::vector<double> smoothing_ = {};
  std::vector<std::vector<double>> dropout_ = {};
  std::vector<double> last_lr_ = {};
  std::vector<std::int64_t> taken_ = {};  ///< Samples of the totals before its loss was taken.
};

}  // namespace clavier::train
