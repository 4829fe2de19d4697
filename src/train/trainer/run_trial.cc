#include "train/trainer/run_trial.h"

#include <stdexcept>

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "base/rng.h"
#include "study/text.h"
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

}  // namespace

/// A data set on its device, with what it was loaded for.
struct Trainer::Loaded {
  std::string key;
  Samples samples;
};

Trainer::Trainer(TrainerSpec spec, std::filesystem::path data_dir)
    : spec_(std::move(spec)), data_dir_(std::move(data_dir)) {}
Trainer::~Trainer() = default;

Result<const Samples*> Trainer::samples(const TrainerSpec& spec) {
  const c10::Device device = TRY(choose_device(spec.device));
  const bool twice = spec.dtype == Precision::kFloat64;
  std::string key = fmt::format("{} {} {} {} {}", spec.data, spec.image_size, spec.data_seed,
                                device.str(), twice);
  if (!loaded_ || loaded_->key != key) {
    loaded_.reset();  // Not two data sets in memory at a time.
    const data::DataSpec wanted = TRY(data_of(spec));
    const data::Dataset dataset = TRY(data::load_dataset(wanted, data_dir_));
    loaded_ = std::make_unique<Loaded>(
        Loaded{std::move(key), to_device(dataset, twice ? at::kDouble : at::kFloat, device)});
  }
  return &loaded_->samples;
}

void Trainer::run(worker::TrialContext& context) {
  const c10::InferenceMode no_graph;
  if (context.width() != 1)
    throw std::runtime_error("the built-in trainer cannot scale a model's width yet");
  std::unique_ptr<Training> training;
  std::optional<std::filesystem::path> from;
  Config config;
  const auto prepare = [&] {
    config = context.config();
    const TrainerSpec spec = must(with_config(spec_, config));
    const Samples& data = *must(samples(spec));
    training = must(Training::create(spec, trial_seed(spec, context.trial()), data,
                                     must(choose_device(spec.device))));
    from = context.checkpoint();
    if (from) must(load_checkpoint(*training, *from));
  };
  prepare();
  while (!training->finished()) {
    // Left only after a report: that is where the study can have its checkpoint.
    for (std::int64_t i = 0; i < training->spec().report_every && !training->finished(); ++i)
      training->train_step();
    const auto verdict = context.report(training->report_metrics(), training->step(),
                                        [&](const std::filesystem::path& directory) {
                                          must(save_checkpoint(*training, directory));
                                        });
    if (verdict == worker::Verdict::kLeave) return;
    // Another trial's weights or configuration.
    if (context.checkpoint() != from || context.config() != config) prepare();
  }
}

Result<std::string> Trainer::test(const Config& config, const std::filesystem::path& checkpoint) {
  const c10::InferenceMode no_graph;
  const TrainerSpec spec = TRY(with_config(spec_, config));
  const Samples& data = *TRY(samples(spec));
  if (data.test.count() == 0) return not_found("the data have no test split");
  const c10::Device device = TRY(choose_device(spec.device));
  auto training = TRY(Training::create(spec, 0, data, device));
  const Status status = load_model(*training, checkpoint);
  if (!status.ok()) return status.error();
  return text::to_json(training->test_metrics());
}

}  // namespace clavier::train
