#include "app/run/run_study.h"

#include <cstdlib>

#include "app/file/trainer.h"
#include "app/run/session.h"
#include "app/run/this_node.h"
#include "exec/local/local_executor.h"

namespace clavier::app {
namespace {

/// Where our `clavier.py` is: beside the installed program, or in the sources that it was built in.
std::filesystem::path python_client() {
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* place : {"../share/clavier/python", "../../../python"})
    if (std::filesystem::is_regular_file(self / place / "clavier.py", ignored))
      return (self / place).lexically_normal();
  return {};
}

/// Behind all that the user has, so that every other `clavier` that Python finds there comes first.
void add_python_client(std::map<std::string, std::string>& environment) {
  const std::string ours = python_client().string();
  if (ours.empty()) return;
  const char* inherited = std::getenv("PYTHONPATH");
  std::string& path =
      environment.try_emplace("PYTHONPATH", inherited ? inherited : "").first->second;
  path += path.empty() ? ours : ":" + ours;
}

/// With the program to run, which may be missing.
Result<exec::LocalOptions> with_command(const StudySpec& spec, const RunOptions& run, Node node) {
  if (!spec.worker && !spec.trainer) return invalid(std::string(kNothingToRun));
  exec::LocalOptions options = local_options(spec, run.folder, std::move(node));
  if (spec.worker) {
    options.command = spec.worker->command;
    add_python_client(options.environment);
  } else {
    options.command = TRY(trainer_command(spec, run.data_directory));
  }
  options.warn = run.warn;
  return options;
}

}  // namespace

exec::LocalOptions local_options(const StudySpec& spec, const std::filesystem::path& folder,
                                 Node node) {
  exec::LocalOptions options{.study = std::filesystem::absolute(folder),
                             .metric = spec.objective.metric,
                             .node = std::move(node)};
  if (spec.worker) {
    options.environment = spec.worker->environment;
    options.warm = spec.worker->warm;
  }
  options.working_directory = spec.working_directory;
  options.first_trial = spec.trial.first;
  options.checkpoints = checkpoint_rules(spec);
  options.time_limit = spec.trial.time_limit;
  options.log_limit_bytes = spec.trial.log_limit_bytes;
  options.seconds_per_step = spec.cluster.seconds_per_step;
  return options;
}

Result<RunReport> run_study(const StudySpec& spec, const RunOptions& options) {
  // What this machine refuses leaves no trace in the folder. The share is held until the executor
  // has ended.
  const HostShare share = TRY(share_of_this_host(spec));
  auto local = TRY(with_command(spec, options, share.node));
  const auto session = TRY(Session::open(
      spec, options.waker,
      {.folder = options.folder, .interrupts = options.interrupts, .warn = options.warn}));
  for (const std::string& remark : share.remarks) options.warn(remark);
  const auto executor = TRY(exec::LocalExecutor::create(std::move(local), options.waker));
  std::vector<Observer*> observers;
  if (options.observers) {
    const auto pid = [&](const Trial& trial) { return executor->worker_pid(trial.launch); };
    observers = options.observers({session->first(), pid});
  }
  TRY(session->begin(*executor, observers));
  const auto end = TRY(session->run());
  const bool interrupted = options.interrupts && options.interrupts->load() > 0;
  return RunReport{end, interrupted, session->state()};
}

}  // namespace clavier::app
