#include "app/run_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "app/control.h"
#include "app/folder_observers.h"
#include "app/leftovers.h"
#include "app/policies.h"
#include "app/registry.h"
#include "app/study_file.h"
#include "app/study_folder.h"
#include "app/this_node.h"
#include "app/trainer.h"
#include "app/version.h"
#include "exec/local/local_executor.h"

namespace clavier::app {
namespace {

std::int64_t utc_now_us() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::microseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

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

Result<exec::LocalOptions> local_options(const StudySpec& spec, const RunOptions& run, Node node) {
  exec::LocalOptions options{.study = std::filesystem::absolute(run.folder),
                             .metric = spec.objective.metric,
                             .node = std::move(node)};
  if (spec.worker) {
    options.command = spec.worker->command;
    options.environment = spec.worker->environment;
    add_python_client(options.environment);
    options.warm = spec.worker->warm;
  } else {
    options.command = TRY(trainer_command(spec, run.data_directory));
  }
  options.warn = run.warn;
  options.working_directory = spec.working_directory;
  options.first_trial = spec.trial.first;
  options.checkpoints = checkpoint_rules(spec);
  options.time_limit = spec.trial.time_limit;
  options.log_limit_bytes = spec.trial.log_limit_bytes;
  options.seconds_per_step = spec.cluster.seconds_per_step;
  return options;
}

/// The study as an earlier run wrote it, to be compared with the present one.
Status check_against_log(const std::string& logged_text, const StudySpec& spec) {
  if (logged_text.empty()) return {};
  StudySpec before = TRY(parse_logged_study(logged_text, "the study as it was begun"));
  TRY(resolve_trainer(before));
  return check_unchanged(before, spec);
}

/// The study file's folder from the study's, so that the log holds no absolute path. Links on the
/// way are resolved: ".." leads back through where a folder really is.
std::string origin_of(const StudySpec& spec, const std::filesystem::path& folder) {
  if (spec.working_directory.empty()) return {};
  std::error_code error;
  const auto from = std::filesystem::weakly_canonical(folder, error);
  const auto to = std::filesystem::weakly_canonical(spec.working_directory, error);
  return error ? std::string() : to.lexically_relative(from).string();
}

}  // namespace

tuner::StudyOptions director_options(const StudySpec& spec) {
  tuner::StudyOptions options{.name = spec.name,
                              .objective = spec.objective,
                              .trials = spec.trials,
                              .seed = spec.seed,
                              .retries = spec.trial.retries,
                              .fail_fast = spec.fail_fast,
                              .resources = spec.trial.resources,
                              .gang = spec.trial.gang};
  options.trial_rules = {spec.trial.stop.steps, spec.trial.stop.time, spec.trial.stop.metrics,
                         spec.trial.stop.non_finite};
  options.study_rules = {.metric = spec.stop.metric,
                         .time = spec.stop.time,
                         .trials = spec.stop.trials,
                         .cost = spec.stop.cost};
  if (spec.stop.plateau) {
    options.study_rules.plateau_trials = spec.stop.plateau->trials;
    options.study_rules.plateau_min_delta = spec.stop.plateau->min_delta;
  }
  options.keep = {.keep = spec.checkpoint.keep,
                  .best_by = spec.checkpoint.best_by,
                  .best_mode = spec.objective.mode,
                  .boundary = checkpoints_needed(spec)};
  if (spec.worker) options.restart_paused = spec.worker->restart_paused;
  return options;
}

worker::CheckpointRules checkpoint_rules(const StudySpec& spec) {
  return {.every = spec.checkpoint.every,
          .at_end = spec.checkpoint.at_end,
          .best = spec.checkpoint.best ? std::optional(spec.objective) : std::nullopt};
}

namespace {

/// A log that cannot be written is the machine's fault: the study waits until it can be, and says
/// so every minute, unless the user wants it to end.
std::function<bool(const Error&)> patience(const RunOptions& options,
                                           const exec::Executor& executor) {
  return [&, told = std::optional<StudyTime>()](const Error& error) mutable {
    if (options.interrupts && options.interrupts->load() > 0) return false;
    if (!told || executor.now() - *told > std::chrono::minutes(1)) {
      options.warn(error.message + ". The study waits, and goes on when it can; Ctrl-C ends it");
      told = executor.now();
    }
    options.waker.rest(std::chrono::seconds(1));
    return true;
  };
}

}  // namespace

Result<RunReport> run_study(const StudySpec& spec, const RunOptions& options) {
  const auto policies = TRY(OwnedPolicies::create(spec));
  // What this machine refuses leaves no trace in the folder. The share is held until the executor
  // has ended.
  const HostShare share = TRY(share_of_this_host(spec));
  auto local = TRY(local_options(spec, options, share.node));
  const StudyFolder folder{options.folder};
  TRY(folder.make());
  auto log = TRY(store::StepLog::open(
      folder.database(),
      {.power_safe = spec.power_safe, .metric = spec.objective.metric, .begun = folder.begun()}));
  kill_leftovers(options.folder, options.warn);
  Unbegun unbegun(folder);
  if (log.last().valid()) unbegun.keep();
  for (const std::string& remark : share.remarks) options.warn(remark);
  const auto executor = TRY(exec::LocalExecutor::create(std::move(local), options.waker));
  tuner::Mailbox mailbox(options.waker);
  const StepId live{log.last().value + 1};
  const auto own = folder_observers(spec, options.folder, live, options.warn);
  tuner::World world{.executor = *executor, .log = log, .waker = options.waker, .mailbox = mailbox};
  for (const auto& each : own) world.observers.push_back(each.get());
  if (options.observers) {
    const auto pid = [&](const Trial& trial) { return executor->worker_pid(trial.launch); };
    for (Observer* each : options.observers({live, pid})) world.observers.push_back(each);
  }
  world.interrupts = options.interrupts;
  world.warn = options.warn;
  world.again = patience(options, *executor);
  tuner::Tuner tuner(director_options(spec), policies.refer(), std::move(world));
  TRY(tuner.recover());
  TRY(check_against_log(tuner.first_study_text(), spec));
  TRY(write_study_file(folder, spec.text));
  unbegun.keep();
  remove_leftovers(options.folder, tuner.state());
  // Nobody can send commands from elsewhere without it; the study itself does not need it.
  auto control = ControlServer::open(options.folder, mailbox);
  if (!control.ok()) options.warn(control.error().message);
  const auto outcome = TRY(tuner.run({.utc_us = utc_now_us(),
                                      .version = std::string(kVersion),
                                      .commit = std::string(kCommit),
                                      .study_text = spec.text,
                                      .origin = origin_of(spec, options.folder)}));
  const bool interrupted = options.interrupts && options.interrupts->load() > 0;
  return RunReport{outcome, interrupted, tuner.state()};
}

}  // namespace clavier::app
