#include "cli/studies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <ostream>

#include "app/run_study.h"
#include "app/study_file.h"
#include "app/this_node.h"
#include "app/trainer.h"
#include "base/nearest.h"
#include "cli/streams.h"
#include "report/wording.h"
#include "train/data/install.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"

namespace clavier::cli {

std::filesystem::path home_of(const std::optional<std::string>& dir) {
  return app::studies_home(dir, std::getenv("CLAVIER_HOME"));
}

Result<app::StudyFolder> folder_of(const StudyChoice& choice) {
  return app::find_study(home_of(choice.dir), choice.study);
}

Result<app::RecordedStudy> open_study(const StudyChoice& choice, store::Metrics metrics,
                                      const app::StepVisitor& visit) {
  return app::read_recorded(TRY(folder_of(choice)), metrics, visit);
}

Result<TrialId> find_trial(const State& state, std::int64_t number) {
  if (state.known(TrialId{number})) return TrialId{number};
  if (state.trials().empty()) return not_found("the study has no trials yet");
  return not_found(fmt::format("there is no trial {}; the study has 0 to {}", number,
                               state.trials().size() - 1));
}

namespace {

/// The trainer's data are known by name or lie where the study file says.
Status check_data(const app::StudySpec& spec) {
  if (!spec.trainer) return {};
  const auto data = TRY(train::data_of(TRY(train::read_trainer(*spec.trainer))));
  std::vector<std::string> known{"digits", "synthetic"};
  for (const auto& set : train::data::known_sets()) known.emplace_back(set.name);
  std::error_code ignored;
  if (std::ranges::find(known, data.source) != known.end() ||
      std::filesystem::exists(spec.working_directory / data.source, ignored))
    return {};
  return app::at_trainer_key(
      spec, "data",
      fmt::format("trainer.data: no file or folder {}, and no data set known by that name{}",
                  (spec.working_directory / data.source).string(), suggestion(data.source, known)));
}

/// As read, with the GPUs that the trainer takes by itself.
Result<app::StudySpec> read_for_this_host(const std::string& file,
                                          std::vector<app::Override>& overrides,
                                          const std::filesystem::path& home) {
  auto spec = TRY(app::read_study(file, overrides, home));
  const auto gpus = app::gpus_by_itself(spec, [] { return app::gpus_of_this_host(); });
  if (!gpus) return spec;
  overrides.push_back({"trial.gpus", fmt::format("{}", *gpus)});
  return app::read_study(file, overrides, home);
}

}  // namespace

Result<app::StudySpec> load_study(const StudySource& source,
                                  const std::optional<std::string>& dir) {
  std::vector<app::Override> overrides;
  for (const std::string& text : source.set) overrides.push_back(TRY(app::parse_override(text)));
  const bool from_arguments = !source.command.empty() || !source.space.empty();
  if (source.file && from_arguments)
    return invalid("give a study file, or --space and a command behind --, not both");
  if (source.file) {
    if (source.minimize || source.maximize)
      return invalid(
          "--min and --max belong to --space and a command; a study file has its own "
          "metric (--set study.metric=NAME)");
    if (source.trials) overrides.push_back({"study.trials", fmt::format("{}", *source.trials)});
    auto spec = TRY(read_for_this_host(*source.file, overrides, home_of(dir)));
    TRY(app::resolve_trainer(spec));
    TRY(check_data(spec));
    return spec;
  }
  if (!from_arguments)
    return invalid(
        "what is to be run? Give a study file, or a command: clavier run --space "
        "\"lr=loguniform(1e-5,1e-1)\" --min val_loss -- python train.py --lr {lr}");
  if (source.minimize.has_value() == source.maximize.has_value())
    return invalid(source.minimize ? "--min and --max: a study has one metric, and less or more of "
                                     "it is better"
                                   : "say what to optimise: --min METRIC or --max METRIC");
  return app::from_command_line(
      {.space = source.space,
       .objective = {source.minimize ? *source.minimize : *source.maximize,
                     source.minimize ? Mode::kMin : Mode::kMax},
       .trials = source.trials,
       .command = source.command},
      overrides);
}

void print_notes(const app::StudySpec& spec, Streams& streams) {
  const auto note = [&](const std::string& line) { streams.err << "clavier: " << line << '\n'; };
  for (const std::string& line : spec.notes) note(line);
  if (const std::string line = app::unused_gpus(spec, app::gpus_of_this_host); !line.empty())
    note(line);
  const int wanted = spec.cluster.workers;
  if (wanted == 0 || !spec.cluster.discovers()) return;
  const auto node = app::this_node(spec);
  if (!node) return;
  const double found = static_cast<double>(node->slots.size());
  if (node->slots.size() >= static_cast<std::size_t>(wanted)) return;
  note(
      fmt::format("cluster.workers = {}, and this machine carries {}: each trial takes {:g} of its "
                  "CPUs{}; smaller ones fit in, as [trial] cpus = {:.2g}",
                  wanted, node->slots.size(), spec.trial.resources.cpus,
                  spec.trial.resources.gpus > 0
                      ? fmt::format(" and {:g} of its GPUs", spec.trial.resources.gpus)
                      : std::string(),
                  std::floor(100 * spec.trial.resources.cpus * found / wanted) / 100));
}

std::string_view condition(const app::RecordedStudy& study) {
  if (study.folder.is_running()) return "running";
  return study.state.finished() ? "finished" : "paused";
}

std::string best_text(const State& state) {
  if (!state.best()) return "none yet";
  const Trial& best = state.trial(*state.best());
  return fmt::format("{} {} (trial {})", state.objective().metric, report::number(best.best->value),
                     best.id.value);
}

std::string_view status_word(TrialStatus status, bool study_runs) {
  return status == TrialStatus::kRunning && !study_runs ? "interrupted" : name(status);
}

std::string_view reason_of(const Trial& trial) {
  const bool goes_on = trial.status == TrialStatus::kPending ||
                       (trial.status == TrialStatus::kRunning && trial.verdict == Verdict::kNone);
  return goes_on ? std::string_view() : std::string_view(trial.reason);
}

std::string counts_text(const app::RecordedStudy& study) {
  const State& state = study.state;
  const bool runs = study.folder.is_running();
  std::string out;
  for (int i = 0; i < kTrialStatuses; ++i) {
    const auto status = static_cast<TrialStatus>(i);
    if (state.count(status))
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", state.count(status),
                         status_word(status, runs));
  }
  return out.empty() ? "none" : out;
}

std::string utc_text(std::int64_t utc_us) {
  const auto seconds = static_cast<std::time_t>(utc_us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace clavier::cli
