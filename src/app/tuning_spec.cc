#include "app/tuning_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include "app/file/study_file.h"
#include "app/registry/registry.h"
#include "study/domain.h"
#include "study/expression.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

using Names = std::set<std::string>;

int default_workers() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

bool names_any(const std::string& expression, const Names& names) {
  const auto parsed = Expression::parse(expression);
  return parsed.ok() &&
         std::ranges::any_of(parsed->names(), [&](auto& name) { return names.contains(name); });
}

bool depends_on(const Parameter& parameter, const Names& names) {
  const auto* computed = std::get_if<Computed>(&parameter.domain);
  return (computed && names_any(computed->expression, names)) ||
         std::ranges::any_of(parameter.when,
                             [&](auto& condition) { return names.contains(condition.parent); });
}

/// No file can hold a function: it becomes a constant, and so does all that depends on it.
Space without_functions(Space space) {
  Names lost;
  for (Parameter& parameter : space.parameters) {
    if (!std::holds_alternative<Function>(parameter.domain) && !depends_on(parameter, lost))
      continue;
    lost.insert(parameter.name);
    parameter = {parameter.name, Constant{std::string(kComputedByProgram)}};
  }
  std::erase_if(space.constraints, [&](auto& constraint) { return names_any(constraint, lost); });
  for (Config& point : space.points) {
    Config kept;
    for (const Config::Entry& entry : point.entries())
      if (!lost.contains(entry.name)) kept.set(entry.name, entry.value);
    point = std::move(kept);
  }
  return space;
}

/// The study as a file, for the log. Fails for names that a file cannot have.
Result<std::string> recorded(StudySpec spec, std::string_view trainable) {
  spec.search = TRY(complete(Family::kSearcher, spec.search));
  spec.space = without_functions(std::move(spec.space));
  std::error_code failed;
  // Without its folder: the log holds no absolute path.
  const std::string program = fs::read_symlink("/proc/self/exe", failed).filename().string();
  spec.worker = WorkerSpec{.command = {program, std::string(kWorkerFlag)}};
  if (!trainable.empty()) spec.worker->command.emplace_back(trainable);
  const std::string text = fmt::format(
      "# Written by the program {0}; run that again to go on.\n\n{1}", program, to_toml(spec));
  if (const auto read = parse_logged_study(text, spec.name); !read)
    return invalid(fmt::format("the log cannot hold this study: {}", read.error().message));
  return text;
}

}  // namespace

Status check_trials_start_alone(const StudySpec& recorded) {
  if (!recorded.worker && !recorded.trainer) return invalid(std::string(kNothingToRun));
  if (!recorded.worker || recorded.worker->command.size() < 2 ||
      recorded.worker->command[1] != kWorkerFlag)
    return {};
  return invalid(fmt::format(
      "the trials of this study run inside the program {}, and nothing else can start one; "
      "`clavier best` and `clavier show` have their configurations",
      recorded.worker->command[0]));
}

Result<StudySpec> spec_of(const Tuning& tuning, std::string_view trainable) {
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
  spec.search_by_default = tuning.search == Tuning().search;
  spec.scheduler = TRY(complete_scheduler(tuning.scheduler, tuning.trial_stop.steps));
  spec.trial.resources = tuning.resources;
  spec.trial.stop = tuning.trial_stop;
  spec.trial.retries = tuning.retries;
  spec.stop = tuning.stop;
  spec.checkpoint = tuning.checkpoint;
  if (tuning.directory.empty()) spec.checkpoint.best = false;  // It would have no place.
  spec.report = tuning.report;
  TRY(check_objectives(spec));
  TRY(check_sense(spec));
  if (spec.checkpoint.every == 0) spec.checkpoint.every = checkpoints_needed(spec);
  spec.cluster.workers = tuning.workers > 0 ? tuning.workers : default_workers();
  if (!tuning.directory.empty()) spec.text = TRY(recorded(spec, trainable));
  return spec;
}

}  // namespace clavier::app
