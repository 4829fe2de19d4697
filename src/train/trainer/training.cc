#include "train/trainer/training.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "train/spec/model_spec.h"

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

/// Arrays of similar size have one plan, or each loss of a member would be measured anew.
ArrayOptions array_options(const TrainerSpec& spec, std::size_t members, const Network& network,
                           const Samples& samples, c10::Device device, const PlanStore& plans) {
  ArrayOptions options{.dtype = scalar_type(spec.dtype), .device = device};
  if (!device.is_cpu()) return options;
  const auto similar = static_cast<std::int64_t>(std::bit_floor(members));
  const PlanQuestion question{.members = similar,
                              .dtype = options.dtype,
                              .batch = std::min(spec.batch_size, samples.train.count())};
  options.plan = plans.plan(network, question);
  options.evaluation =
      plans.plan(network, {.members = similar,
                           .dtype = options.dtype,
                           .batch = std::min(spec.eval_batch_size, samples.validation.count()),
                           .training = false});
  return options;
}

std::int64_t smallest_batch(const TrainerSpec& spec, std::int64_t samples) {
  const std::int64_t whole = std::min(spec.batch_size, samples);
  return spec.drop_last || samples % whole == 0 ? whole : samples % whole;
}

}  // namespace

Result<std::unique_ptr<Training>> Training::create(std::vector<Trainee> members,
                                                   const Samples& samples, c10::Device device,
                                                   Weights weights, const PlanStore& plans) {
  const TrainerSpec& spec = members.front().spec;
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
  auto scaled = TRY(network_of(spec, samples.shape, samples.outputs));
  const Status norms =
      check_norms(scaled.network.layers, smallest_batch(spec, samples.train.count()));
  if (!norms.ok()) return norms.error();
  std::unique_ptr<Training> training(
      new Training(std::move(members), samples, device, std::move(scaled), plans));
  if (weights == Weights::kDrawn) training->array_.initialise(training->seeds_);
  return training;
}

Training::Training(std::vector<Trainee> members, const Samples& samples, c10::Device device,
                   ScaledNetwork scaled, const PlanStore& plans)
    : members_(std::move(members)),
      samples_(samples),
      plans_(plans),
      batches_(samples, shared()),
      rates_(std::move(scaled.rates)),
      array_(scaled.network, static_cast<std::int64_t>(members_.size()),
             array_options(shared(), members_.size(), scaled.network, samples, device, plans)),
      optimizer_(shared().optimizer, array_.parameters(), Kernels::kOwn,
                 stretches(array_.network(), rates_)),
      train_totals_(Totals::zero(array_.members(), device)),
      taken_(members_.size(), 0) {
  for (auto& [spec, seed] : members_) {
    if (spec.batches > 0)
      spec.schedule.total =
          static_cast<double>(spec.batches) / static_cast<double>(batches_.per_epoch());
    seeds_.push_back(seed);
    options_.push_back(member_options(spec));
    smoothing_.push_back(spec.label_smoothing);
    dropout_.push_back(dropout_of(spec.model));
    last_lr_.push_back(spec.lr * factor(spec.schedule, 0));
  }
}

std::unique_ptr<Training> Training::gather(const std::vector<Row>& rows) {
  const Training& first = *rows.front().from;
  std::vector<Trainee> members;
  for (const Row& row : rows)
    members.push_back({row.from->spec(row.member), row.from->seed(row.member)});
  std::unique_ptr<Training> made(
      new Training(std::move(members), first.samples_, first.array_.options().device,
                   {first.array_.network(), first.rates_}, first.plans_));
  made->position_ = first.position_;
  for (std::size_t i = 0; i < rows.size(); ++i) made->copy(i, rows[i]);
  return made;
}

void Training::copy(std::size_t member, const Row& row) {
  const Training& from = *row.from;
  const auto to = static_cast<std::int64_t>(member), at = static_cast<std::int64_t>(row.member);
  const auto copy = [&](const at::Tensor& into, const at::Tensor& source) {
    into[to].copy_(source[at]);
  };
  copy(array_.parameters(), from.array_.parameters());
  copy(array_.buffers(), from.array_.buffers());
  for (std::size_t i = 0; i < optimizer_.moments().size(); ++i)
    copy(optimizer_.moments()[i], from.optimizer_.moments()[i]);
  optimizer_.steps()[member] = from.optimizer_.steps()[row.member];
  copy(train_totals_.loss, from.train_totals_.loss);
  taken_[member] = from.taken_[row.member] - from.train_totals_.samples;
  last_lr_[member] = from.last_lr_[row.member];
}

Steps Training::step() const {
  return shared().unit == StepUnit::kEpoch ? position_.epoch : position_.batches;
}

bool Training::finished(std::size_t member) const {
  const TrainerSpec& spec = members_[member].spec;
  return spec.batches > 0 ? position_.batches >= spec.batches : position_.epoch >= spec.epochs;
}

std::int64_t Training::state_bytes() const {
  std::int64_t bytes = static_cast<std::int64_t>(array_.parameters().nbytes()) +
                       static_cast<std::int64_t>(array_.buffers().nbytes());
  for (const at::Tensor& moment : optimizer_.moments())
    bytes += static_cast<std::int64_t>(moment.nbytes());
  return bytes / array_.members();
}

void Training::train_step() {
  const std::int64_t epoch = position_.epoch;
  do {
    train_batch();
  } while (shared().unit == StepUnit::kEpoch && position_.epoch == epoch);
}

void Training::train_batch() {
  const std::int64_t batch_size = std::min(shared().batch_size, samples_.train.count());
  const std::int64_t index = position_.samples / batch_size;
  const Batch batch = batches_.batch(position_.epoch, index);
  const Pass pass{
      .training = true, .seeds = seeds_, .step = position_.batches, .dropout = dropout_};
  at::Tensor gradient;
  add_loss(array_.forward(batch.inputs, pass), batch.targets,
           {.kind = shared().loss, .smoothing = smoothing_}, train_totals_, &gradient);
  array_.backward(gradient);
  const double at = static_cast<double>(position_.epoch) +
                    static_cast<double>(index) / static_cast<double>(batches_.per_epoch());
  std::vector<MemberOptions> now = options_;
  for (std::size_t i = 0; i < now.size(); ++i)
    now[i].lr = last_lr_[i] = options_[i].lr * factor(members_[i].spec.schedule, at);
  at::Tensor parameters = array_.parameters();
  optimizer_.step(now, parameters, array_.gradients());
  position_.samples += batch_size;
  ++position_.batches;
  if (index + 1 >= batches_.per_epoch()) position_ = {position_.epoch + 1, 0, position_.batches};
}

double Training::take_train_loss(std::size_t member) {
  const at::Tensor loss = train_totals_.loss[static_cast<std::int64_t>(member)];
  const auto sum = loss.item<double>();
  const std::int64_t before = std::exchange(taken_[member], train_totals_.samples);
  const auto samples = static_cast<double>(train_totals_.samples - before);
  loss.zero_();
  return samples > 0 ? sum / samples * samples_.loss_unit() : 0;
}

std::vector<std::pair<double, double>> Training::evaluate(const SplitTensors& split) {
  Totals totals = Totals::zero(array_.members(), array_.options().device);
  const std::int64_t most = shared().eval_batch_size;
  for (std::int64_t first = 0; first < split.count(); first += most) {
    const Batch batch = slice(samples_, split, first, std::min(most, split.count() - first));
    add_loss(array_.forward(batch.inputs, {}), batch.targets, {.kind = shared().loss}, totals);
  }
  const auto samples = static_cast<double>(totals.samples);
  std::vector<std::pair<double, double>> found;
  for (std::int64_t i = 0; i < array_.members(); ++i)
    found.emplace_back(totals.loss[i].item<double>() / samples * samples_.loss_unit(),
                       totals.correct[i].item<double>() / samples);
  return found;
}

std::vector<std::vector<Metric>> Training::report_metrics(const std::vector<double>& train_losses) {
  const auto found = evaluate(samples_.validation);
  std::vector<std::vector<Metric>> all;
  for (std::size_t i = 0; i < train_losses.size(); ++i) {
    std::vector<Metric>& metrics = all.emplace_back();
    metrics.push_back({"loss", found[i].first});
    if (samples_.classification) metrics.push_back({"accuracy", found[i].second});
    metrics.push_back({"train_loss", train_losses[i]});
    metrics.push_back({"lr", last_lr_[i]});
  }
  return all;
}

std::vector<Metric> Training::test_metrics() {
  const auto [loss, accuracy] = evaluate(samples_.test).front();
  std::vector<Metric> metrics = {{"test_loss", loss}};
  if (samples_.classification) metrics.push_back({"test_accuracy", accuracy});
  return metrics;
}

}  // namespace clavier::train
