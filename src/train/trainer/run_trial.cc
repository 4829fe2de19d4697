#include "train/trainer/run_trial.h"

#include <algorithm>
#include <chrono>
#include <optional>
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

/// A trial that is about to begin.
struct Trainer::Recruit {
  worker::TrialContext* trial = nullptr;
  Trainee member = {};
  std::optional<std::filesystem::path> from = {};
  Position position = {};

  bool fits(const Recruit& other) const {
    return from.has_value() == other.from.has_value() && position == other.position &&
           fusible(member.spec, other.member.spec);
  }
};

/// Trials that are trained as one.
struct Trainer::Cohort {
  std::shared_ptr<const Loaded> data;
  std::unique_ptr<Training> training;
  /// As the training's members, and how often each had taken over when it began.
  Trials trials = {};
  std::vector<int> takeovers = {};

  bool fits(const Cohort& other) const {
    return data == other.data && training->position() == other.training->position() &&
           fusible(training->spec(), other.training->spec());
  }
  /// What others have besides comes in; only those of its own stay that are to.
  void change(const std::vector<bool>& stays, const Cohort* others = nullptr) {
    std::vector<Training::Row> rows;
    Cohort next{.data = data, .training = nullptr};
    const auto take = [&](const Cohort& from, std::size_t i) {
      rows.push_back({from.training.get(), i});
      next.trials.push_back(from.trials[i]);
      next.takeovers.push_back(from.takeovers[i]);
    };
    for (std::size_t i = 0; i < trials.size(); ++i)
      if (stays[i]) take(*this, i);
    for (std::size_t i = 0; others && i < others->trials.size(); ++i) take(*others, i);
    if (!rows.empty()) next.training = Training::gather(rows);
    *this = std::move(next);
  }
};

Trainer::Trainer(TrainerSpec spec, std::filesystem::path data_dir, PlanStore plans)
    : spec_(std::move(spec)), data_dir_(std::move(data_dir)), plans_(std::move(plans)) {}
Trainer::~Trainer() = default;

Result<std::shared_ptr<const Trainer::Loaded>> Trainer::load(const TrainerSpec& spec) {
  const c10::Device device = TRY(choose_device(spec.device));
  const bool twice = spec.dtype == Precision::kFloat64;
  // The loss says of numbers whether they are classes.
  std::string key = fmt::format("{} {} {} {} {} {}", to_text(spec.data), spec.image_size,
                                spec.data_seed, device.str(), twice, spec.loss == LossKind::kMse);
  if (!loaded_ || loaded_->key != key) {
    loaded_.reset();  // Not two data sets in memory at a time, unless both are in use.
    const data::DataSpec wanted = TRY(data_of(spec));
    const data::Dataset dataset = TRY(data::load_dataset(wanted, data_dir_));
    loaded_ = std::make_shared<const Loaded>(
        Loaded{std::move(key), to_device(dataset, twice ? at::kDouble : at::kFloat, device)});
  }
  return loaded_;
}

Result<Trainer::Recruit> Trainer::recruit(worker::TrialContext& trial) const {
  if (trial.width() != 1) return invalid("the built-in trainer cannot scale a model's width yet");
  Recruit recruit{.trial = &trial, .from = trial.checkpoint()};
  recruit.member.spec = TRY(with_config(spec_, trial.config()));
  recruit.member.seed = trial_seed(recruit.member.spec, trial.trial());
  if (recruit.from) recruit.position = TRY(read_position(*recruit.from));
  return recruit;
}

/// Of recruits that fit each other. Whose checkpoint is damaged has failed.
Result<Trainer::Cohort> Trainer::form(const std::vector<Recruit>& recruits,
                                      worker::LaunchContext& launch) {
  const TrainerSpec& spec = recruits.front().member.spec;
  Cohort cohort{.data = TRY(load(spec)), .training = nullptr};
  const Timer timer(times_.load);
  std::vector<Trainee> members;
  for (const Recruit& each : recruits) {
    members.push_back(each.member);
    cohort.trials.push_back(each.trial);
    cohort.takeovers.push_back(each.trial->takeovers());
  }
  const Weights weights = recruits.front().from ? Weights::kFromCheckpoint : Weights::kDrawn;
  cohort.training = TRY(Training::create(std::move(members), cohort.data->samples,
                                         TRY(choose_device(spec.device)), weights, plans_));
  std::vector<bool> sound(recruits.size(), true);
  for (std::size_t i = 0; i < recruits.size() && weights == Weights::kFromCheckpoint; ++i) {
    const Status loaded = load_checkpoint(*cohort.training, *recruits[i].from, i);
    if (loaded.ok()) continue;
    sound[i] = false;
    launch.fail(recruits[i].trial->trial(), loaded.error().message);
  }
  if (std::ranges::find(sound, false) != sound.end()) cohort.change(sound);
  return cohort;
}

/// Makes cohorts of trials that begin, and lets those join that are where others are.
void Trainer::muster(Trials trials, worker::LaunchContext& launch, std::vector<Cohort>& cohorts) {
  std::vector<Recruit> waiting;
  for (worker::TrialContext* trial : trials) {
    auto recruit = this->recruit(*trial);
    if (recruit.ok())
      waiting.push_back(*std::move(recruit));
    else
      launch.fail(trial->trial(), recruit.error().message);
  }
  while (!waiting.empty()) {
    std::vector<Recruit> alike, others;
    for (Recruit& each : waiting) (each.fits(waiting.front()) ? alike : others).push_back(each);
    auto formed = form(alike, launch);
    if (formed.ok() && formed->training) cohorts.push_back(*std::move(formed));
    if (!formed.ok())
      for (const Recruit& each : alike) launch.fail(each.trial->trial(), formed.error().message);
    waiting = std::move(others);
  }
  for (std::size_t i = 0; i < cohorts.size(); ++i)
    for (std::size_t j = cohorts.size(); --j > i;)
      if (cohorts[i].fits(cohorts[j])) {
        cohorts[i].change(std::vector<bool>(cohorts[i].trials.size(), true), &cohorts[j]);
        cohorts.erase(cohorts.begin() + static_cast<std::ptrdiff_t>(j));
      }
}

/// Up to the next report of any of them; returns whose it is.
std::vector<std::size_t> Trainer::train(Cohort& cohort) {
  const Timer timer(times_.train);
  Training& training = *cohort.training;
  std::vector<std::size_t> due;
  while (due.empty()) {
    training.train_step();
    // A trial leaves only after a report: that is where the study can have its checkpoint.
    for (std::size_t i = 0; i < cohort.trials.size(); ++i)
      if (training.finished(i) || training.step() % training.spec(i).report_every == 0 ||
          training.step() >= cohort.trials[i]->until() || cohort.trials[i]->should_stop())
        due.push_back(i);
  }
  return due;
}

std::vector<std::vector<Metric>> Trainer::measure(Training& training,
                                                  const std::vector<std::size_t>& due) {
  std::vector<double> train_losses(training.members());
  {
    const Timer timer(times_.train);
    // A GPU may still be training.
    for (const std::size_t i : due) train_losses[i] = training.take_train_loss(i);
  }
  std::vector<std::vector<Metric>> all;
  {
    const Timer timer(times_.eval);
    all = training.report_metrics(train_losses);
  }
  for (std::vector<Metric>& metrics : all) {
    metrics.push_back({"time_train_s", times_.train});
    metrics.push_back({"time_eval_s", times_.eval});
    metrics.push_back({"time_load_s", times_.load});
    metrics.push_back({"time_save_s", times_.save});
    metrics.push_back({"checkpoint_bytes", static_cast<double>(training.state_bytes())});
  }
  times_ = {};
  return all;
}

void Trainer::report(Cohort& cohort, const std::vector<std::size_t>& due,
                     worker::LaunchContext& launch) {
  Training& training = *cohort.training;
  const auto metrics = measure(training, due);
  std::vector<worker::MemberReport> reports;
  for (const std::size_t i : due)
    reports.push_back({cohort.trials[i]->trial(), metrics[i], training.step(),
                       [this, &training, i](const std::filesystem::path& directory) {
                         const Timer timer(times_.save);
                         must(save_checkpoint(training, directory, i));
                       }});
  launch.report(reports);
}

void Trainer::run(worker::LaunchContext& launch) {
  const c10::InferenceMode no_graph;
  std::vector<Cohort> cohorts;
  muster(launch.members(), launch, cohorts);
  while (!cohorts.empty()) {
    // Who is behind goes first: it may join the others where they are.
    const auto behind = std::ranges::min_element(
        cohorts, {}, [](const Cohort& each) { return each.training->step(); });
    Cohort cohort = std::move(*behind);
    cohorts.erase(behind);
    const std::vector<std::size_t> due = train(cohort);
    report(cohort, due, launch);
    std::vector<bool> stays(cohort.trials.size(), true);
    Trials begin_anew;
    for (const std::size_t i : due) {
      worker::TrialContext* const trial = cohort.trials[i];
      const bool there = std::ranges::find(launch.members(), trial) != launch.members().end();
      const bool took_over = there && trial->takeovers() != cohort.takeovers[i];
      stays[i] = there && !took_over && !cohort.training->finished(i);
      if (took_over) begin_anew.push_back(trial);
      if (there && !took_over && !stays[i]) launch.leave(trial->trial());
    }
    if (std::ranges::find(stays, false) != stays.end()) cohort.change(stays);
    if (cohort.training) cohorts.push_back(std::move(cohort));
    muster(begin_anew, launch, cohorts);
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
