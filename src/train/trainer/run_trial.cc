#include "train/trainer/run_trial.h"

#include <chrono>
#include <stdexcept>

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "base/rng.h"
#include "study/text.h"
#include "train/data/facts.h"
#include "train/spec/data_table.h"
#include "train/trainer/checkpoint.h"
#include "train/trainer/device.h"
#include "train/trainer/training.h"

namespace clavier::train {
namespace {

constexpr std::uint64_t kTrialWord = 0x747269616c;  // "trial"

/// Into the world of the worker, where failures are exceptions.
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

std::uint64_t trial_seed(const TrainerSpec& spec, TrialId trial) {
  return mix(mix(static_cast<std::uint64_t>(spec.seed), kTrialWord),
             static_cast<std::uint64_t>(trial.value));
}

/// Adds the time until it goes out of scope.
class Timer {
 public:
  explicit Timer(double& seconds) : seconds_(seconds), start_(Clock::now()) {}
  ~Timer() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point start_;
};

}  // namespace

/// A data set on its device, with what it was loaded for.
struct Trainer::Loaded {
  std::string key;
  Samples samples;
};

Trainer::Trainer(TrainerSpec spec, std::filesystem::path data_dir, PlanStore plans)
    : spec_(std::move(spec)), data_dir_(std::move(data_dir)), plans_(std::move(plans)) {}
Trainer::~Trainer() = default;

Result<const Samples*> Trainer::samples(const TrainerSpec& spec) {
  const c10::Device device = TRY(choose_device(spec.device));
  const bool twice = spec.dtype == Precision::kFloat64;
  // The loss says of numbers whether they are classes.
  std::string key = fmt::format("{} {} {} {} {} {}", to_text(spec.data), spec.image_size,
                                spec.data_seed, device.str(), twice, spec.loss == LossKind::kMse);
  if (!loaded_ || loaded_->key != key) {
    loaded_.reset();  // Not two data sets in memory at a time.
    const data::DataSpec wanted = TRY(data_of(spec));
    const data::Dataset dataset = TRY(data::load_dataset(wanted, data_dir_));
    loaded_ = std::make_unique<Loaded>(
        Loaded{std::move(key), to_device(dataset, twice ? at::kDouble : at::kFloat, device)});
  }
  return &loaded_->samples;
}

std::unique_ptr<Training> Trainer::prepare(const worker::TrialContext& context) {
  const TrainerSpec spec = must(with_config(spec_, context.config()));
  const Samples& data = *must(samples(spec));
  const Timer timer(times_.load);
  const auto from = context.checkpoint();
  auto training = must(Training::create(spec, trial_seed(spec, context.trial()), data,
                                        must(choose_device(spec.device)),
                                        from ? Weights::kFromCheckpoint : Weights::kDrawn, plans_));
  if (from) must(load_checkpoint(*training, *from));
  return training;
}

/// Up to the next report.
void Trainer::train(Training& training, const worker::TrialContext& context) {
  const Timer timer(times_.train);
  // A trial leaves only after a report: that is where the study can have its checkpoint.
  do {
    training.train_step();
  } while (!training.finished() && training.step() % training.spec().report_every != 0 &&
           training.step() < context.until() && !context.should_stop());
}

std::vector<Metric> Trainer::measure(Training& training) {
  double train_loss = 0;
  {
    const Timer timer(times_.train);
    train_loss = training.take_train_loss();  // A GPU may still be training.
  }
  std::vector<Metric> metrics;
  {
    const Timer timer(times_.eval);
    metrics = training.report_metrics(train_loss);
  }
  metrics.push_back({"time_train_s", times_.train});
  metrics.push_back({"time_eval_s", times_.eval});
  metrics.push_back({"time_load_s", times_.load});
  metrics.push_back({"time_save_s", times_.save});
  metrics.push_back({"checkpoint_bytes", static_cast<double>(training.state_bytes())});
  times_ = {};
  return metrics;
}

void Trainer::save(const Training& training, const std::filesystem::path& directory) {
  const Timer timer(times_.save);
  must(save_checkpoint(training, directory));
}

void Trainer::run(worker::TrialContext& context) {
  const c10::InferenceMode no_graph;
  if (context.width() != 1)
    throw std::runtime_error("the built-in trainer cannot scale a model's width yet");
  auto training = prepare(context);
  int takeovers = context.takeovers();
  while (!training->finished()) {
    train(*training, context);
    const std::vector<Metric> metrics = measure(*training);
    const auto verdict =
        context.report(metrics, training->step(),
                       [&](const std::filesystem::path& directory) { save(*training, directory); });
    if (verdict == worker::Verdict::kLeave) return;
    if (context.takeovers() == takeovers) continue;
    takeovers = context.takeovers();
    training.reset();  // Not two models in memory at a time.
    training = prepare(context);
  }
}

Result<std::string> Trainer::test(const Config& config, const std::filesystem::path& checkpoint) {
  const c10::InferenceMode no_graph;
  const TrainerSpec spec = TRY(with_config(spec_, config));
  auto dataset = TRY(data::load_dataset(TRY(data_of(spec)), data_dir_));
  if (dataset.test.count == 0) return not_found("the data have no test split");
  // As the model saw its data, which may not be as these would be seen now.
  const CheckpointNotes notes = TRY(read_checkpoint_notes(checkpoint));
  if (notes.facts) TRY(data::adopt_facts(dataset, *notes.facts));
  if (!notes.facts) dataset.target_mean = 0, dataset.target_deviation = 1;
  const c10::Device device = TRY(choose_device(spec.device));
  const auto dtype = spec.dtype == Precision::kFloat64 ? at::kDouble : at::kFloat;
  const Samples data = to_device(dataset, dtype, device);
  auto training = TRY(Training::create(spec, 0, data, device, Weights::kFromCheckpoint, plans_));
  TRY(load_model(training->array(), checkpoint));
  return text::to_json(training->test_metrics());
}

}  // namespace clavier::train
