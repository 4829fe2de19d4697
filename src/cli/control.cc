#include "app/control.h"

#include <fmt/format.h>

#include <ostream>

#include "app/run_study.h"
#include "app/study_file_document.h"
#include "cli/commands.h"
#include "cli/studies.h"
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

/// Nothing goes on in a study that its user has ended; its log says so for ever.
Status check_goes_on(const app::RecordedStudy& study) {
  const auto& finished = study.state.finished();
  if (!finished || finished->kind != FinishKind::kUser || study.folder.is_running()) return {};
  return conflict(fmt::format(
      "{} was ended by `clavier stop` and does not go on; give a new study another name",
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
    const std::string value = text.substr(equals + 1);
    const auto parsed = app::parse_toml("v = " + value);
    const auto* root = std::get_if<app::TomlNode>(&parsed);
    const auto* node = root && root->entries.size() == 1 ? root->find("v") : nullptr;
    config.set(text.substr(0, equals), node ? node->value().value_or(value) : Value(value));
  }
  return config;
}

/// What `space` would make of it: names and values are checked before anything is logged.
Status check_config(const Space& space, const Config& config) {
  const auto draw = [&](std::size_t parameter) {
    const Domain& domain = space.parameters[parameter].domain;
    if (const auto* grid = std::get_if<Grid>(&domain)) return grid->values.front();
    return value_at(domain, 0.5).value_or(Value{});
  };
  TRY(complete(space, config, draw));
  return {};
}

}  // namespace

int run_add(const AddOptions& options, Streams& streams) {
  const auto study =
      open_study({.study = options.study, .dir = options.dir}, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  if (const Status goes_on = check_goes_on(*study); !goes_on) return fail(streams, goes_on.error());
  const auto config = config_of(options.values);
  if (!config) return fail(streams, config.error());
  if (const Status status = check_config(study->spec.space, *config); !status)
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
  if (ended(study->state.trial(*trial).status))
    return fail(streams, conflict(fmt::format("trial {} has ended ({})", trial->value,
                                              name(study->state.trial(*trial).status))));
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

int run_raise(const RaiseOptions& options, Streams& streams) {
  const auto study =
      open_study({.study = options.study, .dir = options.dir}, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  if (const Status goes_on = check_goes_on(*study); !goes_on) return fail(streams, goes_on.error());
  if (options.trials <= study->state.trial_limit())
    return fail(streams, invalid(study->state.trial_limit() == kForever
                                     ? "the study has no limit on its trials"
                                     : fmt::format("the study's limit is {} trials already",
                                                   study->state.trial_limit())));
  return send(study->folder, RaiseTrials{options.trials},
              fmt::format("{} trials instead of {}", options.trials, study->state.trial_limit()),
              streams);
}

}  // namespace clavier::cli
