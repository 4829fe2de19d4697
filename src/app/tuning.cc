#include "app/tuning.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <thread>

#include "app/policies.h"
#include "app/run_study.h"
#include "app/tuning_spec.h"
#include "exec/inprocess/inprocess_executor.h"
#include "exec/local/guard.h"
#include "exec/local/local_executor.h"
#include "study/domain.h"
#include "tuner/tuner.h"
#include "worker/trial_worker.h"

namespace clavier {
namespace {

constexpr std::string_view kWorkerFlag = "--clavier-worker";

/// Filled before main by static Registered objects, only read afterwards.
std::map<std::string, Trainable>& registered_trainables() {
  static std::map<std::string, Trainable> registered;
  return registered;
}

int default_workers() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

Status make_directory(const std::filesystem::path& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (!failed) return {};
  return io_error(fmt::format("cannot create {}: {}", path.string(), failed.message()));
}

/// Runs the study on this executor. `waker` is the one the executor waits on.
Result<Tuned> tune_on(const app::StudySpec& spec, const Tuning& tuning, exec::Executor& executor,
                      const Waker& waker) {
  const auto policies = TRY(app::OwnedPolicies::create(spec));
  auto log = TRY(app::log_of(tuning));
  tuner::Mailbox mailbox(waker);
  tuner::World world{.executor = executor, .log = log, .waker = waker, .mailbox = mailbox};
  if (tuning.output) world.warn = [&](const std::string& line) { tuning.output(line + "\n"); };
  tuner::Tuner tuner(app::director_options(spec), policies.refer(), std::move(world));
  TRY(tuner.recover());
  TRY(tuner.run({.study_text = spec.text}));
  const State& state = tuner.state();
  return Tuned{.reason = state.finished() ? state.finished()->reason : "closed",
               .trials = state.trials(),
               .best = state.best()};
}

}  // namespace

Domain power_of_two(std::int64_t low, std::int64_t high) {
  Choice choice{.options = {}, .ordered = true};
  for (std::int64_t value = 1; value <= high && value > 0; value *= 2)
    if (value >= low) choice.options.emplace_back(value);
  return choice;
}

Registered::Registered(std::string name, Trainable trainable) {
  registered_trainables()[std::move(name)] = std::move(trainable);
}

void init(int argc, char** argv) {
  if (const auto status = exec::guard_main_if_asked(argc, argv)) std::exit(*status);
  if (argc != 3 || argv[1] != kWorkerFlag) return;
  const auto trainable = registered_trainables().find(argv[2]);
  if (trainable == registered_trainables().end()) {
    fmt::print(stderr, "clavier: no Trainable is registered as '{}'\n", argv[2]);
    std::exit(2);
  }
  std::exit(worker::worker_main(trainable->second));
}

namespace app {

Result<StudySpec> spec_of(const Tuning& tuning) {
  TRY(validate(tuning.space));
  if (tuning.objective.metric.empty())
    return invalid("Tuning::objective names no metric: set it to what the trials report");
  if (tuning.trials < 1) return invalid("Tuning::trials must be at least 1");
  StudySpec spec;
  spec.name = tuning.name;
  spec.objective = tuning.objective;
  spec.trials = tuning.trials;
  spec.seed = spec.data_seed = tuning.seed;
  spec.space = tuning.space;
  spec.search = tuning.search;
  spec.scheduler = tuning.scheduler;
  spec.trial.resources = tuning.resources;
  spec.trial.stop = tuning.trial_stop;
  spec.trial.retries = tuning.retries;
  spec.stop = tuning.stop;
  spec.checkpoint = tuning.checkpoint;
  spec.cluster.workers = tuning.workers > 0 ? tuning.workers : default_workers();
  return spec;
}

Result<store::StepLog> log_of(const Tuning& tuning) {
  const store::LogOptions options{.metric = tuning.objective.metric};
  if (tuning.directory.empty()) return store::StepLog::in_memory(options);
  TRY(make_directory(tuning.directory));
  return store::StepLog::open(tuning.directory / "study.db", options);
}

}  // namespace app

Result<Tuned> tune(const Tuning& tuning, const Trainable& objective) {
  const app::StudySpec spec = TRY(app::spec_of(tuning));
  const Waker waker = TRY(Waker::create());
  const auto executor = TRY(exec::InProcessExecutor::create(
      waker,
      {.slots = spec.cluster.workers,
       .study = tuning.directory,
       .metric = spec.objective.metric,
       .checkpoints = {.every = spec.checkpoint.every, .at_end = spec.checkpoint.at_end},
       .resources = spec.trial.resources},
      objective));
  return tune_on(spec, tuning, *executor, waker);
}

Result<Tuned> tune(const Tuning& tuning, const std::string& registered) {
  if (!registered_trainables().contains(registered))
    return not_found(fmt::format("no Trainable is registered as '{}'", registered));
  if (tuning.directory.empty())
    return invalid("trials in worker processes need Tuning::directory for their files");
  const app::StudySpec spec = TRY(app::spec_of(tuning));
  const Waker waker = TRY(Waker::create());
  TRY(make_directory(tuning.directory));
  exec::LocalOptions options{.study = std::filesystem::absolute(tuning.directory),
                             .metric = spec.objective.metric,
                             .node = TRY(app::this_node(spec)),
                             .command = {"/proc/self/exe", std::string(kWorkerFlag), registered}};
  options.command.front() = std::filesystem::read_symlink("/proc/self/exe").string();
  options.checkpoints = {.every = spec.checkpoint.every, .at_end = spec.checkpoint.at_end};
  const auto executor = TRY(exec::LocalExecutor::create(std::move(options), waker));
  return tune_on(spec, tuning, *executor, waker);
}

}  // namespace clavier
