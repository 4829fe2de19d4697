#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>  // Before base/check.h, whose CHECK is meant.

#include "base/json.h"
#include "train/data/dataset.h"
#include "train/spec/shape.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {

/// One split as two tensors on the device.
struct SplitTensors {
  at::Tensor inputs;   ///< (count, sizes…): numbers a network sees, or bytes still to be scaled.
  at::Tensor targets;  ///< (count) classes, or (count, 1) numbers.
  std::int64_t count() const { return inputs.defined() ? inputs.size(0) : 0; }
};

/// A data set on a device: one per process, shared by all its trials.
struct Samples {
  Shape shape;
  std::int64_t outputs = 0;  ///< Classes, or targets.
  bool classification = true;
  at::Tensor factor;  ///< Bytes become byte · factor + shift, by channel or feature.
  at::Tensor shift;
  at::ScalarType dtype = at::kFloat;
  /// A target is what a network predicts · deviation + mean; a squared error counts its square.
  double target_mean = 0;
  double target_deviation = 1;
  double loss_unit() const { return target_deviation * target_deviation; }
  Json facts;  ///< data::facts_of.
  SplitTensors train;
  SplitTensors validation;
  SplitTensors test;
};

/// Splits too large to be held as numbers stay bytes.
inline constexpr std::int64_t kMostNumberBytes = 256 << 20;

Samples to_device(const data::Dataset& dataset, at::ScalarType dtype, c10::Device device);

struct Batch {
  at::Tensor inputs;
  at::Tensor targets;
};

/// The samples with these numbers, as a network sees them.
Batch take(const Samples& samples, const SplitTensors& split, const at::Tensor& numbers);
/// Samples [first, first + count), without a copy of numbers.
Batch slice(const Samples& samples, const SplitTensors& split, std::int64_t first,
            std::int64_t count);

struct Augmentation {
  std::int64_t crop_padding = 0;
  bool flip = false;
  std::int64_t cutout = 0;
  bool any() const { return crop_padding > 0 || flip || cutout > 0; }
};

/// The training split batch by batch. A batch is a function of (data seed, epoch, place) and of
/// nothing before, so that a resumed training sees what an uninterrupted one would; a sample's
/// augmentation is one of (data seed, epoch, sample).
class Batches {
 public:
  /// `samples` must outlive it.
  Batches(const Samples& samples, const TrainerSpec& spec);

  std::int64_t per_epoch() const { return per_epoch_; }
  Batch batch(std::int64_t epoch, std::int64_t index);

 private:
  void shuffle(std::int64_t epoch);
  at::Tensor augmented(const at::Tensor& inputs, std::int64_t epoch,
                       const at::Tensor& numbers) const;

  const Samples& samples_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  Augmentation augmentation_;
  std::int64_t per_epoch_;
  std::int64_t shuffled_epoch_ = -1;
  at::Tensor order_;         ///< Sample numbers of the epoch, on the processor.
  at::Tensor placed_order_;  ///< The same on the device.
};

}  // namespace clavier::train
