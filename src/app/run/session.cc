#include "app/run/session.h"

#include <algorithm>
#include <chrono>

#include "app/file/trainer.h"
#include "app/registry/registry.h"
#include "app/run/leftovers.h"
#include "app/run/outputs.h"
#include "app/run/study_check.h"
#include "app/run/version.h"

/// Why in this order. The log comes before everything else in the folder, for only who has its
/// lock may touch anything there: first what a killed run left alive is ended, as it might still
/// write. Recovery comes before the check whether the study may go on, for the log says what it was
/// begun as; the check comes before the first file is written, so that a refused run changes
/// nothing. Files that nobody knows of can be told from those in use only once the log is folded,
/// and nobody may send commands before there is a study to obey them.
namespace clavier::app {
namespace {

Result<store::StepLog> log_for(const StudySpec& spec, const SessionOptions& options,
                               const Waker& waker) {
  store::LogOptions how{.metric = spec.objective.metric};
  const bool simulated = options.kind == SessionKind::kSimulated;
  if (options.folder.empty())
    return simulated ? store::StepLog::none() : store::StepLog::in_memory(how);
  const StudyFolder folder{options.folder};
  TRY(folder.make());
  how.power_safe = spec.power_safe && !simulated;
  how.begun = folder.begun();
  auto log =
      TRY(options.kind == SessionKind::kAsked ? take_log(folder, how, waker)
                                              : store::StepLog::open(folder.database(), how));
  if (simulated && log.last().valid())
    return conflict(folder.root.string() +
                    " holds a study already; --set study.name=NAME writes another");
  return log;
}

std::int64_t utc_now_us() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::microseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

/// The study file's folder from the study's, so that the log holds no absolute path. Links on the
/// way are resolved: ".." leads back through where a folder really is.
std::string origin_of(const StudySpec& spec, const std::filesystem::path& folder) {
  if (spec.working_directory.empty() || folder.empty()) return {};
  std::error_code error;
  const auto from = std::filesystem::weakly_canonical(folder, error);
  const auto to = std::filesystem::weakly_canonical(spec.working_directory, error);
  return error ? std::string() : to.lexically_relative(from).string();
}

/// A C++ program's study is no file that could be run.
bool is_a_file(const StudySpec& spec) { return spec.worker || spec.trainer; }

}  // namespace

Result<store::StepLog> take_log(const StudyFolder& folder, const store::LogOptions& options,
                                const Waker& waker) {
  constexpr std::chrono::milliseconds kRest{5};
  constexpr int kMostRests = 2000;  // Each try takes some time, too.
  for (int rests = 0;; ++rests) {
    auto log = store::StepLog::open(folder.database(), options);
    if (log || log.error().code != ErrorCode::kConflict || rests == kMostRests ||
        is_listening(folder.root))
      return log;
    waker.rest(kRest);
  }
}

tuner::StudyOptions director_options(const StudySpec& spec) {
  tuner::StudyOptions options{.name = spec.name,
                              .objective = spec.objective,
                              .trials = spec.trials,
                              .seed = spec.seed,
                              .retries = spec.trial.retries,
                              .fail_fast = spec.fail_fast,
                              .resources = spec.trial.resources,
                              .gang = spec.trial.gang,
                              .fusion = fusion_of(spec)};
  options.trial_rules = spec.trial.stop;
  options.trial_length = spec.trial_length();
  options.study_rules = {.metric = spec.stop.metric,
                         .time = spec.stop.time,
                         .trials = spec.stop.trials,
                         .cost = spec.stop.cost};
  if (spec.stop.plateau) {
    options.study_rules.plateau_trials = spec.stop.plateau->trials;
    options.study_rules.plateau_min_delta = spec.stop.plateau->min_delta;
  }
  const Objective* best_by = spec.objective.find(spec.checkpoint.best_by);
  options.keep = {.keep = spec.checkpoint.keep,
                  .best_by = spec.checkpoint.best_by,
                  .best_mode = best_by ? best_by->mode : spec.objective.mode,
                  .boundary = checkpoints_needed(spec)};
  if (spec.worker) options.restart_paused = spec.worker->restart_paused;
  return options;
}

worker::CheckpointRules checkpoint_rules(const StudySpec& spec) {
  return {.every = spec.checkpoint.every,
          .at_end = spec.checkpoint.at_end,
          // Of several metrics the last report stands.
          .best = spec.checkpoint.best && !spec.objective.several()
                      ? std::optional<Objective>(spec.objective)
                      : std::nullopt};
}

Result<Directed> Directed::create(const StudySpec& spec) {
  auto policies = TRY(OwnedPolicies::create(spec));
  tuner::Director director(director_options(spec), policies.refer());
  return Directed{std::move(policies), std::move(director)};
}

Result<Directed> Directed::replayed(const StudySpec& spec, const store::StepLog& log) {
  auto directed = TRY(create(spec));
  TRY(log.read(StepId{0}, spec.objective.several() ? store::Metrics::kParse : store::Metrics::kSkip,
               [&](const Step& step) { return directed.director.replay(step); }));
  return directed;
}

Session::Session(StudySpec spec, OwnedPolicies policies, store::StepLog log, const Waker& waker,
                 SessionOptions options)
    : spec_(std::move(spec)),
      options_(std::move(options)),
      waker_(waker),
      policies_(std::move(policies)),
      log_(std::move(log)),
      mailbox_(waker) {
  if (on_disk() && !log_.last().valid()) unbegun_.emplace(StudyFolder{options_.folder});
}

Result<std::unique_ptr<Session>> Session::open(StudySpec spec, const Waker& waker,
                                               SessionOptions options) {
  auto policies = TRY(OwnedPolicies::create(spec));
  auto log = TRY(log_for(spec, options, waker));
  if (TRY(keep_searcher(log, spec))) {
    policies = TRY(OwnedPolicies::create(spec));
    if (options.warn)
      options.warn(
          "nothing is said about [search] algorithm: the study goes on with random, as it was "
          "begun");
  }
  std::unique_ptr<Session> session(
      new Session(std::move(spec), std::move(policies), std::move(log), waker, std::move(options)));
  if (session->on_disk() && session->runs_trials())
    kill_leftovers(session->options_.folder, [&](const std::string& line) { session->warn(line); });
  return session;
}

void Session::warn(const std::string& line) const {
  if (options_.warn) options_.warn(line);
}

/// A log that cannot be written is the machine's fault: the study waits until it can be, and says
/// so every minute, unless the user wants it to end.
std::function<bool(const Error&)> Session::patience(const exec::Executor& executor) const {
  if (!options_.warn) return {};
  return [this, &executor, told = std::optional<StudyTime>()](const Error& error) mutable {
    if (options_.interrupts && options_.interrupts->load() > 0) return false;
    if (!told || executor.now() - *told > std::chrono::minutes(1)) {
      warn(error.message + ". The study waits, and goes on when it can; Ctrl-C ends it");
      told = executor.now();
    }
    waker_.rest(std::chrono::seconds(1));
    return true;
  };
}

tuner::World Session::world(exec::Executor& executor, const std::vector<Observer*>& observers) {
  const auto warn_user = [this](const std::string& line) { warn(line); };
  if (runs_trials())
    outputs_ = make_outputs(
        {.spec = spec_, .folder = options_.folder, .live = first(), .warn = warn_user});
  tuner::World world{.executor = executor, .log = log_, .waker = waker_, .mailbox = mailbox_};
  for (const auto& each : outputs_) world.observers.push_back(each.get());
  world.observers.insert(world.observers.end(), observers.begin(), observers.end());
  world.interrupts = options_.interrupts;
  world.warn = warn_user;
  world.again = patience(executor);
  return world;
}

Status Session::begin(exec::Executor& executor, const std::vector<Observer*>& observers) {
  tuner_.emplace(director_options(spec_), policies_.refer(), world(executor, observers));
  TRY(tuner_->recover());
  TRY(check_goes_on(tuner_->first_study_text(), spec_));
  if (on_disk() && options_.kind != SessionKind::kAsked && is_a_file(spec_))
    TRY(write_study_file({options_.folder}, spec_.text));
  if (unbegun_) unbegun_->keep();
  if (on_disk() && runs_trials()) {
    remove_leftovers(options_.folder, tuner_->state());
    take_commands();
  }
  return {};
}

/// Nobody can send commands from elsewhere without it; the study itself does not need it.
void Session::take_commands() {
  auto control = ControlServer::open(options_.folder, mailbox_);
  if (control)
    control_ = *std::move(control);
  else
    warn(control.error().message);
}

/// A simulation has no date: it comes out the same whenever it is made.
tuner::RunFacts Session::facts() const {
  const bool simulated = options_.kind == SessionKind::kSimulated;
  return {.utc_us = simulated ? 0 : utc_now_us(),
          .version = std::string(kVersion),
          .commit = std::string(kCommit),
          .study_text = spec_.text,
          .origin = simulated ? std::string() : origin_of(spec_, options_.folder),
          .asked = options_.kind == SessionKind::kAsked};
}

}  // namespace clavier::app
