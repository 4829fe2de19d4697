#include "app/control.h"

#include <fmt/format.h>

#include <ostream>

#include "app/study_check.h"
#include "app/study_file_document.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "study/domain.h"

namespace clavier::cli {
namespace {

/// To the running tuner, else into the log for the next run.
int send(const app::StudyFolder& folder, const UserCommand& command, std::string_view done,
         Streams& streams) {
  const auto delivered = app::deliver(folder.root, command);
  if (!delivered) return fail(streams, delivered.error());
  if (*delivered == app::Delivery::kDelivered) {
    streams.out << folder.name() << ": " << done << '\n';
    return kSuccess;
  }
  const Status appended = app::append_command(folder.root, command);
  if (!appended) return fail(streams, appended.error());
  streams.out << folder.name() << " is not running: " << done << " when it is run again\n";
  return kSuccess;
}

/// Nothing goes on in a study that its user has ended, unless it is retried.
Status check_goes_on(const app::RecordedStudy& study) {
  const auto& finished = study.state.finished();
  if (!finished || finished->kind != FinishKind::kUser || study.folder.is_running()) return {};
  return conflict(fmt::format("{0} was ended by `clavier stop`; `clavier retry {0}` lets it go on",
                              study.folder.name()));
}

/// The whole study. One that does not run needs no pause.
int control_study(const app::RecordedStudy& study, Control control, Streams& streams) {
  const auto& folder = study.folder;
  switch (control) {
    case Control::kPause:
      if (folder.is_running()) return send(folder, PauseStudy{}, "pausing", streams);
      return fail(streams, conflict(fmt::format("{} is not running", folder.name())));
    case Control::kStop: return send(folder, StopStudy{}, "ending", streams);
    case Control::kResume: break;
  }
  return fail(streams, invalid("a study is resumed by running it again, with the command that "
                               "began it"));
}

/// "lr=0.1" with the value in TOML, else as text.
Result<Config> config_of(const std::vector<std::string>& values) {
  Config config;
  for (const std::string& text : values) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return invalid(fmt::format("{}: write NAME=VALUE, for example lr=0.01", text));
    if (config.find(text.substr(0, equals)))
      return invalid(fmt::format("{} is given twice", text.substr(0, equals)));
    const std::string value = text.substr(equals + 1);
    const auto parsed = app::parse_toml("v = " + value);
    const auto* root = std::get_if<app::TomlNode>(&parsed);
    const auto* node = root && root->entries.size() == 1 ? root->find("v") : nullptr;
    config.set(text.substr(0, equals), node ? node->value().value_or(value) : Value(value));
  }
  return config;
}

}  // namespace

Status check_words(const AddOptions& options) {
  TRY(config_of(options.values));
  return {};
}

int run_add(const AddOptions& options, Streams& streams) {
  const auto study =
      open_study({.study = options.study, .dir = options.dir}, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  if (const Status goes_on = check_goes_on(*study); !goes_on) return fail(streams, goes_on.error());
  const auto config = config_of(options.values);
  if (!config) return fail(streams, config.error());
  if (const Status status = check_part(study->spec.space, *config); !status)
    return fail(streams, status.error());
  return send(study->folder, AddTrial{*config}, "the trial will be tried", streams);
}

int run_control(const ControlOptions& options, Streams& streams) {
  const auto study =
      open_study({.study = options.study, .dir = options.dir}, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  if (const Status goes_on = check_goes_on(*study); !goes_on) return fail(streams, goes_on.error());
  if (!options.trial) return control_study(*study, options.control, streams);
  const auto trial = find_trial(study->state, *options.trial);
  if (!trial) return fail(streams, trial.error());
  if (const TrialStatus status = study->state.trial(*trial).status; ended(status)) {
    const std::string remedy = status == TrialStatus::kCompleted
                                   ? std::string()
                                   : fmt::format("; `clavier retry {} {}` runs it again",
                                                 study->folder.name(), trial->value);
    return fail(streams, conflict(fmt::format("trial {} has ended ({}){}", trial->value,
                                              name(status), remedy)));
  }
  switch (options.control) {
    case Control::kPause:
      return send(study->folder, PauseTrial{*trial}, fmt::format("trial {} pauses", trial->value),
                  streams);
    case Control::kResume:
      return send(study->folder, ResumeTrial{*trial}, fmt::format("trial {} resumes", trial->value),
                  streams);
    case Control::kStop: break;
  }
  return send(study->folder, StopTrial{*trial}, fmt::format("trial {} stops", trial->value),
              streams);
}

namespace {

/// Those that are named, or meant by the flags.
Result<std::vector<TrialId>> to_retry(const RetryOptions& options,
                                      const app::RecordedStudy& study) {
  const State& state = study.state;
  std::vector<TrialId> trials;
  for (const std::int64_t number : options.trials) {
    const TrialId id = TRY(find_trial(state, number));
    const Trial& trial = state.trial(id);
    if (!ended(trial.status)) return conflict(fmt::format("trial {} has not ended", number));
    if (trial.status == TrialStatus::kCompleted && trial.best)
      return conflict(fmt::format(
          "trial {0} has completed; `clavier rerun {0} {1}` runs its configuration once more",
          number, study.folder.name()));
    trials.push_back(id);
  }
  if (!options.trials.empty()) return trials;
  if (options.failed || !options.stopped) trials = unsuccessful(state);
  for (const TrialId id : state.with_status(TrialStatus::kStopped))
    if (options.stopped || (!options.failed && state.trial(id).reason.starts_with(kStudyEnds)))
      trials.push_back(id);
  return trials;
}

}  // namespace

int run_retry(const RetryOptions& options, Streams& streams) {
  const auto study =
      open_study({.study = options.study, .dir = options.dir}, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  auto trials = to_retry(options, *study);
  if (!trials) return fail(streams, trials.error());
  const auto& finished = study->state.finished();
  if (trials->empty() && !(finished && finished->kind == FinishKind::kUser))
    return fail(streams, not_found(fmt::format("no trial of {} has {}", study->folder.name(),
                                               options.stopped ? "been stopped" : "failed")));
  const auto number = static_cast<std::int64_t>(trials->size());
  const std::string done = number == 0 ? "it goes on"
                                       : fmt::format("{} {} again", report::count(number, "trial"),
                                                     number == 1 ? "runs" : "run");
  return send(study->folder, Retry{*std::move(trials)}, done, streams);
}

int run_raise(const RaiseOptions& options, Streams& streams) {
  const auto study =
      open_study({.study = options.study, .dir = options.dir}, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  if (const Status goes_on = check_goes_on(*study); !goes_on) return fail(streams, goes_on.error());
  if (options.trials <= study->state.trial_limit())
    return fail(streams,
                invalid(study->state.trial_limit() == kForever
                            ? "the study has no limit on its trials"
                            : fmt::format("the study's limit is {} already",
                                          report::count(study->state.trial_limit(), "trial"))));
  return send(study->folder, RaiseTrials{options.trials},
              fmt::format("{} trials instead of {}", options.trials, study->state.trial_limit()),
              streams);
}

}  // namespace clavier::cli
