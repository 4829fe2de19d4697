#include "cli/studies.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ostream>

#include "app/file/study_file.h"
#include "app/file/trainer.h"
#include "app/run/this_node.h"
#include "base/nearest.h"
#include "base/subprocess.h"
#include "cli/streams.h"
#include "cli/trainer_check.h"
#include "report/console_view.h"
#include "report/front.h"
#include "report/wording.h"
#include "train/data/install.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"
#include "worker/command_line.h"

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

Result<TrialId> find_trial_or_best(const State& state, std::optional<std::int64_t> number) {
  if (number) return find_trial(state, *number);
  const auto front = state.front();
  if (front.empty()) return not_found("no trial has reported a finite value yet");
  if (front.size() == 1) return front.front();
  return invalid(
      fmt::format("no trial is the best: {} are on the front ({}); name one by its number",
                  front.size(), report::numbers_text(front, front.size())));
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
  return app::at_keys(
      spec,
      {{"trainer.data",
        fmt::format("trainer.data: no file or folder {}, and no data set known by that name{}",
                    (spec.working_directory / data.source).string(),
                    suggestion(data.source, known))}});
}

/// The worker's program can be started here, as far as its name tells.
Status check_program(const app::StudySpec& spec) {
  const std::string program = spec.worker->command.empty() ? "" : spec.worker->command.front();
  if (program.empty() || !worker::placeholders({program}).empty()) return {};
  const auto own = spec.worker->environment.find("PATH");
  const char* inherited = std::getenv("PATH");
  const std::string path = own != spec.worker->environment.end() ? own->second
                           : inherited                           ? inherited
                                                                 : "";
  const auto refused = [&](std::string_view why) {
    return app::at_keys(
        spec,
        {{"worker.command", fmt::format("worker.command: cannot start '{}': {}", program, why)}});
  };
  const std::string found = find_program(program, path);
  if (found.empty()) return refused("there is no such program on the PATH");
  const auto place = spec.working_directory / found;
  std::error_code ignored;
  if (!std::filesystem::exists(place, ignored)) return refused("there is no such program");
  if (std::filesystem::is_directory(place, ignored)) return refused("it is a folder");
  if (::access(place.c_str(), X_OK) != 0)
    return refused("it is not executable: chmod +x, or name its interpreter before it");
  return {};
}

/// What is known of a trainer before it trains; what only some trials meet becomes notes.
Status check_before(app::StudySpec& spec, ForMachine machine) {
  TRY(check_data(spec));
  auto [wrong, notes] = check_trainer(spec);
  if (machine == ForMachine::kThis) {
    if (spec.worker) TRY(check_program(spec));
    for (train::KeyProblem& each : check_device(spec, app::gpus_of_this_host()))
      wrong.push_back(std::move(each));
  }
  if (!wrong.empty()) return app::at_keys(spec, wrong);
  for (const train::KeyProblem& each : notes)
    spec.notes.push_back(app::at_keys(spec, {each}).message);
  return {};
}

/// As read, with the GPUs that the trainer takes by itself.
Result<app::StudySpec> read_for_this_host(const std::string& file,
                                          std::vector<app::Override>& overrides,
                                          const std::filesystem::path& home, app::Copies copies) {
  auto spec = TRY(app::read_study(file, overrides, home, copies));
  const auto gpus = app::gpus_by_itself(spec, [] { return app::gpus_of_this_host(); });
  if (!gpus) return spec;
  overrides.push_back({"trial.gpus", fmt::format("{}", *gpus)});
  return app::read_study(file, overrides, home, copies);
}

Result<std::vector<app::Override>> overrides_of(const StudySource& source) {
  std::vector<app::Override> overrides;
  for (const std::string& text : source.set) overrides.push_back(TRY(app::parse_override(text)));
  return overrides;
}

Result<app::StudySpec> from_arguments(const StudySource& source) {
  if (source.command.empty() && source.space.empty())
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
      TRY(overrides_of(source)));
}

}  // namespace

Status check_words(const StudySource& source) {
  TRY(overrides_of(source));
  if (!source.file) {
    TRY(from_arguments(source));
    return {};
  }
  if (!source.command.empty() || !source.space.empty())
    return invalid("give a study file, or --space and a command behind --, not both");
  if (source.minimize || source.maximize)
    return invalid(
        "--min and --max belong to --space and a command; a study file has its own "
        "metric (--set study.metric=NAME)");
  return {};
}

Result<app::StudySpec> load_study(const StudySource& source, const std::optional<std::string>& dir,
                                  ForMachine machine) {
  TRY(check_words(source));
  if (!source.file) return from_arguments(source);
  std::vector<app::Override> overrides = TRY(overrides_of(source));
  if (source.trials) overrides.push_back({"study.trials", fmt::format("{}", *source.trials)});
  auto spec = TRY(read_for_this_host(*source.file, overrides, home_of(dir),
                                     source.anew ? app::Copies::kIgnored : app::Copies::kUsed));
  TRY(app::resolve_trainer(spec));
  TRY(check_before(spec, machine));
  return spec;
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

std::string counts_text(const app::RecordedStudy& study) {
  const std::string counts = report::counts(study.state, study.runs());
  return counts.empty() ? "none" : counts;
}

report::Viewed view_of(const app::RecordedStudy& study) {
  return {
      .state = study.state, .space = study.spec.space, .now = now_of(study), .runs = study.runs()};
}

StudyTime now_of(const app::RecordedStudy& study) {
  const StudyTime logged = study.state.now();
  if (!study.runs()) return logged;
  const auto utc = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return std::max(logged, study.run_began + (utc - std::chrono::microseconds(study.run_utc_us)));
}

std::string shown_path(const std::filesystem::path& path) {
  std::error_code failed;
  const auto shown = std::filesystem::proximate(path, failed);
  const bool inside = !failed && !shown.empty() && *shown.begin() != "..";
  return inside ? shown.string() : path.string();
}

}  // namespace clavier::cli
