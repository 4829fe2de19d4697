#include "train/trainer/samples.h"

#include <numeric>
#include <span>

#include <ATen/ATen.h>

#include "base/rng.h"
#include "train/data/facts.h"

namespace clavier::train {
namespace {

constexpr std::uint64_t kOrderWord = 0x6f72646572;  // "order"
constexpr std::uint64_t kAugmentWord = 0x617567;    // "aug"

/// One number per channel or feature, shaped to fit a batch.
at::Tensor per_channel(const std::vector<double>& numbers, bool image) {
  const at::Tensor row = at::tensor(numbers, at::kDouble);
  return image ? row.view({1, -1, 1, 1}) : row.view({1, -1});
}

at::Tensor scaled(const Samples& samples, const at::Tensor& inputs) {
  return at::addcmul(samples.shift, inputs.to(samples.dtype), samples.factor);
}

SplitTensors upload(const data::Split& split, const Samples& samples, c10::Device device) {
  SplitTensors result;
  std::vector<std::int64_t> sizes = {split.count};
  sizes.insert(sizes.end(), samples.shape.sizes.begin(), samples.shape.sizes.end());
  at::Tensor inputs;
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&split.inputs)) {
    inputs = at::empty(sizes, at::kByte);
    std::copy(bytes->begin(), bytes->end(), inputs.mutable_data_ptr<std::uint8_t>());
  } else {
    const auto& numbers = std::get<std::vector<float>>(split.inputs);
    inputs = at::empty(sizes, at::kFloat);
    std::copy(numbers.begin(), numbers.end(), inputs.mutable_data_ptr<float>());
  }
  inputs = inputs.to(device);
  const auto number_bytes =
      inputs.numel() * static_cast<std::int64_t>(c10::elementSize(samples.dtype));
  result.inputs = inputs.scalar_type() == at::kByte && number_bytes > kMostNumberBytes
                      ? inputs
                      : scaled(samples, inputs);
  if (samples.classification) {
    result.targets = at::empty({split.count}, at::kLong);
    std::copy(split.labels.begin(), split.labels.end(),
              result.targets.mutable_data_ptr<std::int64_t>());
  } else {
    result.targets = at::empty({split.count, 1}, at::kFloat);
    std::copy(split.targets.begin(), split.targets.end(), result.targets.mutable_data_ptr<float>());
  }
  result.targets = result.targets.to(device);
  if (!samples.classification)
    result.targets = result.targets.to(at::kDouble)
                         .sub(samples.target_mean)
                         .div(samples.target_deviation)
                         .to(samples.dtype);
  return result;
}

at::Tensor as_seen(const Samples& samples, const at::Tensor& inputs) {
  return inputs.scalar_type() == at::kByte ? scaled(samples, inputs) : inputs;
}

}  // namespace

Samples to_device(const data::Dataset& dataset, at::ScalarType dtype, c10::Device device) {
  Samples samples;
  samples.shape.sizes = dataset.shape;
  samples.classification = dataset.classes > 0;
  samples.outputs = samples.classification ? dataset.classes : 1;
  samples.dtype = dtype;
  samples.target_mean = dataset.target_mean;
  samples.target_deviation = dataset.target_deviation;
  samples.facts = data::facts_of(dataset);
  std::vector<double> factor;
  std::vector<double> shift;
  for (std::size_t i = 0; i < dataset.mean.size(); ++i) {
    factor.push_back(dataset.scale / dataset.deviation[i]);
    shift.push_back(-dataset.mean[i] / dataset.deviation[i]);
  }
  const auto type = at::TensorOptions().dtype(dtype).device(device);
  samples.factor = per_channel(factor, samples.shape.image()).to(type);
  samples.shift = per_channel(shift, samples.shape.image()).to(type);
  samples.train = upload(dataset.train, samples, device);
  samples.validation = upload(dataset.validation, samples, device);
  samples.test = upload(dataset.test, samples, device);
  return samples;
}

Batch take(const Samples& samples, const SplitTensors& split, const at::Tensor& numbers) {
  return {as_seen(samples, split.inputs.index_select(0, numbers)),
          split.targets.index_select(0, numbers)};
}

Batch slice(const Samples& samples, const SplitTensors& split, std::int64_t first,
            std::int64_t count) {
  return {as_seen(samples, split.inputs.narrow(0, first, count)),
          split.targets.narrow(0, first, count)};
}

Batches::Batches(const Samples& samples, const TrainerSpec& spec)
    : samples_(samples),
      batch_size_(std::min(spec.batch_size, samples.train.count())),
      seed_(static_cast<std::uint64_t>(spec.data_seed)),
      augmentation_{spec.crop_padding, spec.flip, spec.cutout} {
  const std::int64_t count = samples.train.count();
  per_epoch_ = spec.drop_last ? count / batch_size_ : (count + batch_size_ - 1) / batch_size_;
  if (!samples.shape.image()) augmentation_ = {};
}

void Batches::shuffle(std::int64_t epoch) {
  if (epoch == shuffled_epoch_) return;
  order_ = at::empty({samples_.train.count()}, at::kLong);
  const std::span<std::int64_t> numbers(order_.mutable_data_ptr<std::int64_t>(),
                                        static_cast<std::size_t>(order_.numel()));
  std::iota(numbers.begin(), numbers.end(), 0);
  Rng::keyed(seed_, kOrderWord, epoch).shuffle(numbers);
  placed_order_ = order_.to(samples_.train.inputs.device());
  shuffled_epoch_ = epoch;
}

Batch Batches::batch(std::int64_t epoch, std::int64_t index) {
  shuffle(epoch);
  const std::int64_t first = index * batch_size_;
  const std::int64_t count = std::min(batch_size_, samples_.train.count() - first);
  Batch batch = take(samples_, samples_.train, placed_order_.narrow(0, first, count));
  if (augmentation_.any())
    batch.inputs = augmented(batch.inputs, epoch, order_.narrow(0, first, count));
  return batch;
}

/// A shift, a mirror image and a blank are one choice of source rows and columns per sample plus a
/// mask, so that every device does it by one gather. What comes from outside the image is the
/// data's mean (zero).
at::Tensor Batches::augmented(const at::Tensor& inputs, std::int64_t epoch,
                              const at::Tensor& numbers) const {
  const std::int64_t count = inputs.size(0);
  const std::int64_t height = inputs.size(2);
  const std::int64_t width = inputs.size(3);
  at::Tensor rows = at::empty({count, height}, at::kLong);
  at::Tensor columns = at::empty({count, width}, at::kLong);
  at::Tensor mask = at::empty({count, 1, height, width}, samples_.dtype);
  const auto* number = numbers.const_data_ptr<std::int64_t>();
  auto* row = rows.mutable_data_ptr<std::int64_t>();
  auto* column = columns.mutable_data_ptr<std::int64_t>();
  const std::int64_t padding = augmentation_.crop_padding;
  for (std::int64_t n = 0; n < count; ++n, row += height, column += width) {
    Rng rng = Rng::keyed(seed_, kAugmentWord, epoch, number[n]);
    const auto range = static_cast<std::uint64_t>(2 * padding + 1);
    const auto down = static_cast<std::int64_t>(rng.below(range)) - padding;
    const auto right = static_cast<std::int64_t>(rng.below(range)) - padding;
    const bool mirror = augmentation_.flip && rng.below(2) == 1;
    const auto middle_y = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(height)));
    const auto middle_x = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(width)));
    for (std::int64_t y = 0; y < height; ++y) row[y] = y + down;
    for (std::int64_t x = 0; x < width; ++x) column[x] = (mirror ? width - 1 - x : x) + right;
    at::Tensor own = mask[n][0];
    own.fill_(1);
    if (down > 0) own.narrow(0, height - std::min(down, height), std::min(down, height)).zero_();
    if (down < 0) own.narrow(0, 0, std::min(-down, height)).zero_();
    for (std::int64_t x = 0; x < width; ++x)
      if (column[x] < 0 || column[x] >= width) own.select(1, x).zero_();
    const std::int64_t half = augmentation_.cutout / 2;
    if (augmentation_.cutout > 0) {
      const std::int64_t top = std::max<std::int64_t>(0, middle_y - half);
      const std::int64_t left = std::max<std::int64_t>(0, middle_x - half);
      const std::int64_t bottom = std::min(height, middle_y - half + augmentation_.cutout);
      const std::int64_t end = std::min(width, middle_x - half + augmentation_.cutout);
      own.narrow(0, top, bottom - top).narrow(1, left, end - left).zero_();
    }
  }
  const c10::Device device = inputs.device();
  rows = rows.clamp(0, height - 1).to(device);
  columns = columns.clamp(0, width - 1).to(device);
  const std::int64_t channels = inputs.size(1);
  const at::Tensor by_row =
      inputs.gather(2, rows.view({count, 1, height, 1}).expand({count, channels, height, width}));
  return by_row
      .gather(3, columns.view({count, 1, 1, width}).expand({count, channels, height, width}))
      .mul_(mask.to(device));
}

}  // namespace clavier::train
