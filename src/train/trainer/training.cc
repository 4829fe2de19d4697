#include "train/trainer/training.h"

#include <ATen/ATen.h>

#include <algorithm>

#include <fmt/format.h>

#include "train/spec/model_spec.h"
#include "train/spec/shape.h"

namespace clavier::train {
namespace {

at::ScalarType scalar_type(Precision precision) {
  return precision == Precision::kFloat64 ? at::kDouble : at::kFloat;
}

/// A batch norm needs two numbers per channel to find a variance.
Status check_norms(const std::vector<ShapedLayer>& layers, std::int64_t smallest_batch) {
  for (const ShapedLayer& layer : layers) {
    if (layer.spec.kind == LayerKind::kBatchNorm &&
        smallest_batch * layer.in.count() / layer.in.sizes[0] < 2)
      return invalid(fmt::format(
          "layer '{}' (batch_norm) gets a single number per channel from the smallest batch of an "
          "epoch ({} of {}): set trainer.drop_last or another batch_size, or enlarge the images",
          layer.name, smallest_batch, to_text(layer.in)));
    for (const auto* inner : {&layer.body, &layer.shortcut}) {
      const Status status = check_norms(*inner, smallest_batch);
      if (!status.ok()) return status;
    }
  }
  return {};
}

ArrayOptions array_options(const TrainerSpec& spec, const Network& network, const Samples& samples,
                           c10::Device device, const PlanStore& plans) {
  ArrayOptions options{.dtype = scalar_type(spec.dtype), .device = device};
  if (!device.is_cpu()) return options;
  const PlanQuestion question{.dtype = options.dtype,
                              .batch = std::min(spec.batch_size, samples.train.count())};
  options.plan = plans.plan(network, question);
  options.evaluation =
      plans.plan(network, {.dtype = options.dtype,
                           .batch = std::min(spec.eval_batch_size, samples.validation.count()),
                           .training = false});
  return options;
}

std::int64_t smallest_batch(const TrainerSpec& spec, std::int64_t samples) {
  const std::int64_t whole = std::min(spec.batch_size, samples);
  return spec.drop_last || samples % whole == 0 ? whole : samples % whole;
}

}  // namespace

Result<std::unique_ptr<Training>> Training::create(const TrainerSpec& spec, std::uint64_t seed,
                                                   const Samples& samples, c10::Device device,
                                                   Weights weights, const PlanStore& plans) {
  if ((spec.loss == LossKind::kCrossEntropy) != samples.classification)
    return invalid(samples.classification
                       ? "the data have classes: trainer.loss must be \"cross_entropy\"; if their "
                         "labels are values, set task = \"regression\" in trainer.data"
                       : "the data have no classes: trainer.loss must be \"mse\"; if their labels "
                         "are classes, set task = \"classification\" in trainer.data");
  if (samples.train.count() == 0) return invalid("the training split is empty");
  if (spec.drop_last && samples.train.count() < spec.batch_size)
    return invalid("trainer.drop_last leaves no batch: batch_size is above the number of samples");
  if (samples.validation.count() == 0) return invalid("the validation split is empty");
  const std::vector<LayerSpec> layers = TRY(layers_of(spec.model, samples.outputs));
  Network network = TRY(infer_shapes(layers, samples.shape, samples.outputs));
  const Status norms = check_norms(network.layers, smallest_batch(spec, samples.train.count()));
  if (!norms.ok()) return norms.error();
  std::unique_ptr<Training> training(
      new Training(spec, seed, samples, device, std::move(network), plans));
  if (weights == Weights::kDrawn) training->array_.initialise(training->seeds_);
  return training;
}

Training::Training(const TrainerSpec& spec, std::uint64_t seed, const Samples& samples,
                   c10::Device device, Network network, const PlanStore& plans)
    : spec_(spec),
      seeds_{seed},
      samples_(samples),
      batches_(samples, spec),
      array_(network, 1, array_options(spec, network, samples, device, plans)),
      optimizer_(spec.optimizer, spec.nesterov, array_.parameters()),
      options_(member_options(spec)),
      smoothing_{spec.label_smoothing},
      train_totals_(Totals::zero(1, device)),
      last_lr_(spec.lr * factor(spec.schedule, 0)) {
  if (spec.batches > 0)
    spec_.schedule.total =
        static_cast<double>(spec.batches) / static_cast<double>(batches_.per_epoch());
}

Steps Training::step() const {
  return spec_.unit == StepUnit::kEpoch ? position_.epoch : position_.batches;
}

bool Training::finished() const {
  return spec_.batches > 0 ? position_.batches >= spec_.batches : position_.epoch >= spec_.epochs;
}

std::int64_t Training::state_bytes() const {
  std::int64_t bytes = static_cast<std::int64_t>(array_.parameters().nbytes()) +
                       static_cast<std::int64_t>(array_.buffers().nbytes());
  for (const at::Tensor& moment : optimizer_.moments())
    bytes += static_cast<std::int64_t>(moment.nbytes());
  return bytes;
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
  const Pass pass{.training = true, .seeds = seeds_, .step = position_.batches};
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
  ++position_.batches;
  if (index + 1 >= batches_.per_epoch()) position_ = {position_.epoch + 1, 0, position_.batches};
}

double Training::take_train_loss() {
  const double sum = train_totals_.loss[0].item<double>();
  const auto samples = static_cast<double>(train_totals_.samples);
  train_totals_ = Totals::zero(1, array_.options().device);
  return samples > 0 ? sum / samples * samples_.loss_unit() : 0;
}

std::pair<double, double> Training::evaluate(const SplitTensors& split) {
  Totals totals = Totals::zero(1, array_.options().device);
  for (std::int64_t first = 0; first < split.count(); first += spec_.eval_batch_size) {
    const Batch batch =
        slice(samples_, split, first, std::min(spec_.eval_batch_size, split.count() - first));
    add_loss(array_.forward(batch.inputs, {}), batch.targets, {.kind = spec_.loss}, totals);
  }
  const auto samples = static_cast<double>(totals.samples);
  return {totals.loss[0].item<double>() / samples * samples_.loss_unit(),
          totals.correct[0].item<double>() / samples};
}

std::vector<Metric> Training::report_metrics(double train_loss) {
  const auto [loss, accuracy] = evaluate(samples_.validation);
  std::vector<Metric> metrics = {{"loss", loss}};
  if (samples_.classification) metrics.push_back({"accuracy", accuracy});
  metrics.push_back({"train_loss", train_loss});
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
