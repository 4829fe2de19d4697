#include "train/trainer/training.h"

#include <ATen/ATen.h>

#include "train/spec/model_spec.h"
#include "train/spec/shape.h"

namespace clavier::train {
namespace {

at::ScalarType scalar_type(Precision precision) {
  return precision == Precision::kFloat64 ? at::kDouble : at::kFloat;
}

}  // namespace

Result<std::unique_ptr<Training>> Training::create(const TrainerSpec& spec, std::uint64_t seed,
                                                   const Samples& samples, c10::Device device) {
  if ((spec.loss == LossKind::kCrossEntropy) != samples.classification)
    return invalid(samples.classification
                       ? "the data have classes: trainer.loss must be \"cross_entropy\""
                       : "the data have no classes: trainer.loss must be \"mse\"");
  if (samples.train.count() == 0) return invalid("the training split is empty");
  if (spec.drop_last && samples.train.count() < spec.batch_size)
    return invalid("trainer.drop_last leaves no batch: batch_size is above the number of samples");
  if (samples.validation.count() == 0) return invalid("the validation split is empty");
  const std::vector<LayerSpec> layers = TRY(layers_of(spec.model, samples.outputs));
  Network network = TRY(infer_shapes(layers, samples.shape, samples.outputs));
  return std::unique_ptr<Training>(new Training(spec, seed, samples, device, std::move(network)));
}

Training::Training(const TrainerSpec& spec, std::uint64_t seed, const Samples& samples,
                   c10::Device device, Network network)
    : spec_(spec),
      seeds_{seed},
      samples_(samples),
      batches_(samples, spec),
      array_(std::move(network), 1, {.dtype = scalar_type(spec.dtype), .device = device}),
      optimizer_(spec.optimizer, spec.nesterov, array_.parameters()),
      options_(member_options(spec)),
      smoothing_{spec.label_smoothing},
      train_totals_(Totals::zero(1, device)),
      last_lr_(spec.lr * factor(spec.schedule, 0)) {
  array_.initialise(seeds_);
}

Steps Training::step() const {
  return spec_.unit == StepUnit::kEpoch ? position_.epoch : optimizer_.steps().front();
}

void Training::train_step() {
  const std::int64_t epoch = position_.epoch;
  do {
    train_batch();
  } while (spec_.unit == StepUnit::kEpoch && position_.epoch == epoch);
}

void Training::train_batch() {
  const std::int64_t batch_size = std::min(spec_.batch_size, samples_.train.count());
  const std::int64_t index = position_.samples / batch_size;
  const Batch batch = batches_.batch(position_.epoch, index);
  const Pass pass{.training = true, .seeds = seeds_, .step = optimizer_.steps().front()};
  at::Tensor gradient;
  add_loss(array_.forward(batch.inputs, pass), batch.targets,
           {.kind = spec_.loss, .smoothing = smoothing_}, train_totals_, &gradient);
  array_.backward(gradient);
  const double at = static_cast<double>(position_.epoch) +
                    static_cast<double>(index) / static_cast<double>(batches_.per_epoch());
  MemberOptions now = options_;
  now.lr = last_lr_ = options_.lr * factor(spec_.schedule, at);
  at::Tensor parameters = array_.parameters();
  optimizer_.step({&now, 1}, parameters, array_.gradients());
  position_.samples += batch_size;
  if (index + 1 >= batches_.per_epoch()) position_ = {position_.epoch + 1, 0};
}

double Training::take_train_loss() {
  const double sum = train_totals_.loss[0].item<double>();
  const auto samples = static_cast<double>(train_totals_.samples);
  train_totals_ = Totals::zero(1, array_.options().device);
  return samples > 0 ? sum / samples : 0;
}

std::pair<double, double> Training::evaluate(const SplitTensors& split) {
  Totals totals = Totals::zero(1, array_.options().device);
  for (std::int64_t first = 0; first < split.count(); first += spec_.eval_batch_size) {
    const Batch batch =
        slice(samples_, split, first, std::min(spec_.eval_batch_size, split.count() - first));
    add_loss(array_.forward(batch.inputs, {}), batch.targets, {.kind = spec_.loss}, totals);
  }
  const auto samples = static_cast<double>(totals.samples);
  return {totals.loss[0].item<double>() / samples, totals.correct[0].item<double>() / samples};
}

std::vector<Metric> Training::report_metrics() {
  const auto [loss, accuracy] = evaluate(samples_.validation);
  std::vector<Metric> metrics = {{"loss", loss}};
  if (samples_.classification) metrics.push_back({"accuracy", accuracy});
  metrics.push_back({"train_loss", take_train_loss()});
  metrics.push_back({"lr", last_lr_});
  return metrics;
}

std::vector<Metric> Training::test_metrics() {
  const auto [loss, accuracy] = evaluate(samples_.test);
  std::vector<Metric> metrics = {{"test_loss", loss}};
  if (samples_.classification) metrics.push_back({"test_accuracy", accuracy});
  return metrics;
}

}  // namespace clavier::train
