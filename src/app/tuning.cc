#include "app/tuning.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "app/run/run_study.h"
#include "app/run/session.h"
#include "app/run/this_node.h"
#include "app/tuning_spec.h"
#include "exec/inprocess/inprocess_executor.h"
#include "exec/local/guard.h"
#include "exec/local/local_executor.h"
#include "report/console.h"
#include "study/domain.h"
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

/// Runs the study on the executor that `make_executor` makes. Progress goes to the program's output
/// as soon as there is a console, single lines before that.
template <typename MakeExecutor>
Result<Tuned> tune_on(const app::StudySpec& spec, const Tuning& tuning, const Waker& waker,
                      MakeExecutor make_executor) {
  std::unique_ptr<report::Console> console;
  app::SessionOptions options{.folder = tuning.directory};
  if (tuning.output)
    options.warn = [&](const std::string& line) {
      console ? console->say(line) : tuning.output(line + '\n');
    };
  const auto session = TRY(app::Session::open(spec, waker, options));
  console = console_of(spec, tuning, session->first());
  const auto executor = TRY(make_executor());
  TRY(session->begin(*executor,
                     console ? std::vector<Observer*>{console.get()} : std::vector<Observer*>{}));
  TRY(session->run());
  const State& state = session->state();
  return Tuned{.reason = state.finished() ? state.finished()->reason : "closed",
               .trials = state.trials(),
               .best = state.best(),
               .front = state.front()};
}

}  // namespace

Domain power_of_two(std::int64_t low, std::int64_t high) { return powers_of_two(low, high); }

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
  return tune_on(spec, tuning, waker, [&] {
    return exec::InProcessExecutor::create(waker,
                                           {.slots = spec.cluster.workers,
                                            .study = tuning.directory,
                                            .metric = spec.objective.metric,
                                            .checkpoints = app::checkpoint_rules(spec),
                                            .resources = spec.trial.resources},
                                           objective);
  });
}

Result<Tuned> tune(const Tuning& tuning, const std::string& registered) {
  if (!registered_trainables().contains(registered))
    return not_found(fmt::format("no Trainable is registered as '{}'", registered));
  if (tuning.directory.empty())
    return invalid("trials in worker processes need Tuning::directory for their files");
  const app::StudySpec spec = TRY(app::spec_of(tuning, registered));
  const Waker waker = TRY(Waker::create());
  // Held until the executor has ended.
  const app::HostShare share = TRY(app::share_of_this_host(spec));
  if (tuning.output)
    for (const std::string& remark : share.remarks) tuning.output(remark + "\n");
  exec::LocalOptions options = app::local_options(spec, tuning.directory, share.node);
  options.command = {std::filesystem::read_symlink("/proc/self/exe").string(),
                     std::string(app::kWorkerFlag), registered};
  return tune_on(spec, tuning, waker,
                 [&] { return exec::LocalExecutor::create(std::move(options), waker); });
}

}  // namespace clavier
