#include "app/tuning.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "app/control.h"
#include "app/folder_observers.h"
#include "app/leftovers.h"
#include "app/policies.h"
#include "app/run_study.h"
#include "app/this_node.h"
#include "app/tuning_spec.h"
#include "exec/inprocess/inprocess_executor.h"
#include "exec/local/guard.h"
#include "exec/local/local_executor.h"
#include "report/console.h"
#include "tuner/tuner.h"
#include "worker/trial_worker.h"

namespace clavier {
namespace {

/// Filled before main by static Registered objects, only read afterwards.
std::map<std::string, Trainable>& registered_trainables() {
  static std::map<std::string, Trainable> registered;
  return registered;
}

std::unique_ptr<report::Console> console_of(const app::StudySpec& spec, const Tuning& tuning,
                                            StepId first) {
  if (!tuning.output) return nullptr;
  report::ConsoleOptions options{.sink = tuning.output,
                                 .size =
                                     [] {
                                       return report::ConsoleSize{1000, 1000};
                                     },
                                 .every = spec.report.every,
                                 .from = first};
  options.view.study_name = spec.name;
  options.view.directory = tuning.directory.string();
  options.view.scheduler = spec.scheduler.algorithm;
  for (const Parameter& parameter : spec.space.parameters)
    options.view.parameters.push_back(parameter.name);
  return std::make_unique<report::Console>(std::move(options));
}

/// Runs the study on this executor. `waker` is the one the executor waits on.
Result<Tuned> tune_on(const app::StudySpec& spec, const Tuning& tuning, exec::Executor& executor,
                      const Waker& waker) {
  const auto policies = TRY(app::OwnedPolicies::create(spec));
  auto log = TRY(app::log_of(tuning));
  if (!tuning.directory.empty()) app::kill_leftovers(tuning.directory, [](const std::string&) {});
  tuner::Mailbox mailbox(waker);
  tuner::World world{.executor = executor, .log = log, .waker = waker, .mailbox = mailbox};
  const StepId live{log.last().value + 1};
  const auto console = console_of(spec, tuning, live);
  if (console) world.warn = [&](const std::string& line) { console->say(line); };
  const auto warn = world.warn;
  const auto own = app::folder_observers(spec, tuning.directory, live, warn);
  for (const auto& each : own) world.observers.push_back(each.get());
  if (console) world.observers.push_back(console.get());
  tuner::Tuner tuner(app::director_options(spec), policies.refer(), std::move(world));
  TRY(tuner.recover());
  TRY(app::check_goes_on(tuner.first_study_text(), spec));
  if (!tuning.directory.empty()) app::remove_leftovers(tuning.directory, tuner.state());
  std::unique_ptr<app::ControlServer> control;
  if (!tuning.directory.empty()) {
    auto opened = app::ControlServer::open(tuning.directory, mailbox);
    if (!opened) warn(opened.error().message);
    if (opened) control = *std::move(opened);
  }
  TRY(tuner.run(app::facts_now(spec)));
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
  if (argc < 2 || argv[1] != app::kWorkerFlag) {
    ::signal(SIGXFSZ, SIG_IGN);  // A file that may not grow is an error with a message.
    return;
  }
  if (argc != 3) {
    fmt::print(stderr,
               "clavier: the trials of this study run inside its program: start {} itself\n",
               argv[0]);
    std::exit(2);
  }
  const auto trainable = registered_trainables().find(argv[2]);
  if (trainable == registered_trainables().end()) {
    fmt::print(stderr, "clavier: no Trainable is registered as '{}'\n", argv[2]);
    std::exit(2);
  }
  std::exit(worker::worker_main(trainable->second));
}

Result<Tuned> tune(const Tuning& tuning, const Trainable& objective) {
  const app::StudySpec spec = TRY(app::spec_of(tuning));
  const Waker waker = TRY(Waker::create());
  const auto executor =
      TRY(exec::InProcessExecutor::create(waker,
                                          {.slots = spec.cluster.workers,
                                           .study = tuning.directory,
                                           .metric = spec.objective.metric,
                                           .checkpoints = app::checkpoint_rules(spec),
                                           .resources = spec.trial.resources},
                                          objective));
  return tune_on(spec, tuning, *executor, waker);
}

Result<Tuned> tune(const Tuning& tuning, const std::string& registered) {
  if (!registered_trainables().contains(registered))
    return not_found(fmt::format("no Trainable is registered as '{}'", registered));
  if (tuning.directory.empty())
    return invalid("trials in worker processes need Tuning::directory for their files");
  const app::StudySpec spec = TRY(app::spec_of(tuning, registered));
  const Waker waker = TRY(Waker::create());
  std::error_code failed;
  std::filesystem::create_directories(tuning.directory, failed);
  if (failed)
    return io_error(
        fmt::format("cannot create {}: {}", tuning.directory.string(), failed.message()));
  // Held until the executor has ended.
  const app::HostShare share = TRY(app::share_of_this_host(spec));
  if (tuning.output)
    for (const std::string& remark : share.remarks) tuning.output(remark + "\n");
  exec::LocalOptions options{
      .study = std::filesystem::absolute(tuning.directory),
      .metric = spec.objective.metric,
      .node = share.node,
      .command = {"/proc/self/exe", std::string(app::kWorkerFlag), registered}};
  options.command.front() = std::filesystem::read_symlink("/proc/self/exe").string();
  options.checkpoints = app::checkpoint_rules(spec);
  const auto executor = TRY(exec::LocalExecutor::create(std::move(options), waker));
  return tune_on(spec, tuning, *executor, waker);
}

}  // namespace clavier
