#include "app/file/trainer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "app/file/study_file_problems.h"
#include "app/registry/registry.h"
#include "base/match.h"
#include "base/subprocess.h"
#include "study/domain.h"
#include "train/spec/trainer_spec.h"

// [trainer] is resolved after the whole file was read, because trainer and scheduler tell each
// other how long a trial is, whichever of them says so, and the seeds are the study's. Keys come
// first: nothing can be said of a table that is wrong. Then the lengths. Last a configuration from
// the middle of the space, which shows whether the trainer knows every parameter.
namespace clavier::app {
namespace {

constexpr const char* kProgram = "clavier-train";

/// The whole number under this name, if it is set at all.
std::optional<Steps> steps_option(const AlgorithmSpec& algorithm, std::string_view name) {
  const Value* value = algorithm.options.find(name);
  const auto* steps = value ? value->as<std::int64_t>() : nullptr;
  return steps && *steps != kForever ? std::optional(*steps) : std::nullopt;
}

std::optional<Steps> largest(const std::vector<Value>& values) {
  Steps most = 0;
  for (const Value& value : values)
    if (const auto* whole = value.as<std::int64_t>()) most = std::max(most, Steps{*whole});
  return most > 0 ? std::optional(most) : std::nullopt;
}

/// The largest value that the space has for a length of the trainer; nothing if it has none.
std::optional<Steps> longest(const Space& space, std::string_view name) {
  const auto parameter = std::ranges::find(space.parameters, name, &Parameter::name);
  if (parameter == space.parameters.end()) return {};
  return match(
      parameter->domain, [](const Choice& choice) { return largest(choice.options); },
      [](const Grid& grid) { return largest(grid.values); },
      [](const Constant& constant) { return largest({constant.value}); },
      [](const Integer& range) { return std::optional<Steps>(range.high); },
      [](const Real& range) { return std::optional(static_cast<Steps>(range.high)); },
      // Nobody knows: the trainer ends each trial at its own length.
      [](const Normal&) { return std::optional(kForever); },
      [](const Computed&) { return std::optional(kForever); },
      [](const Function&) { return std::optional(kForever); });
}

/// One length for trainer and scheduler, in the trainer's steps.
Status resolve_length(StudySpec& spec, const Json& given, train::TrainerSpec& trainer) {
  const auto budget = steps_option(spec.scheduler, "max_steps");
  if (trainer.unit == train::StepUnit::kEpoch) {
    if (!given.find("epochs") && budget) trainer.epochs = *budget;
    // Trials of unequal length: the longest may go to its end.
    if (!budget)
      spec.scheduler.options.set("max_steps",
                                 longest(spec.space, "epochs").value_or(trainer.epochs));
    return {};
  }
  // Reports between the moments at which a population is judged would cost an evaluation each.
  const Steps interval = checkpoints_needed(spec);
  if (interval > 0 && !given.find("report_every")) trainer.report_every = interval;
  if (trainer.batches > 0) {
    if (!budget)
      spec.scheduler.options.set("max_steps",
                                 longest(spec.space, "batches").value_or(trainer.batches));
    return {};
  }
  if (given.find("epochs")) return {};
  if (!budget)
    return invalid(
        "how long a trial is: set scheduler.max_steps, trial.stop.steps or trainer.batches (in "
        "batches), or trainer.epochs");
  // The scheduler ends trials that count on after a take-over; their weights may be older.
  const bool own_counter = traits_of(Family::kScheduler, spec.scheduler).own_counter;
  (own_counter ? trainer.epochs : trainer.batches) = *budget;
  return {};
}

/// One configuration from the middle of the space shows whether the trainer knows every name; if
/// not, each parameter alone shows which.
Status check_parameters(const StudySpec& spec, const train::TrainerSpec& trainer) {
  const auto sample = complete(spec.space, {}, [&](std::size_t parameter) {
    return middle_of(spec.space.parameters[parameter].domain).value_or(Value{});
  });
  const auto together =
      sample ? train::with_config(trainer, *sample) : Result<train::TrainerSpec>(sample.error());
  if (together) return {};
  train::KeyProblems found;
  for (const Parameter& parameter : spec.space.parameters) {
    const auto value = middle_of(parameter.domain);
    if (!value) continue;
    Config config;
    config.set(parameter.name, *value);
    if (const auto alone = train::with_config(trainer, config); !alone)
      found.push_back({"space." + parameter.name, alone.error().message});
  }
  if (found.empty()) found.push_back({"trainer", together.error().message});
  return at_keys(spec, found);
}

}  // namespace

Error at_keys(const StudySpec& spec, const train::KeyProblems& found) {
  if (!spec.source) return invalid(found.front().message);
  Problems problems(*spec.source);
  for (const auto& [key, message] : found)
    problems.add(place_of(spec.source->root(), key), message);
  return problems.status().error();
}

Status resolve_trainer(StudySpec& spec) {
  if (!spec.trainer) return {};
  train::KeyProblems found;
  train::TrainerSpec trainer = train::read_trainer(*spec.trainer, found);
  for (auto& problem : found) problem.key = "trainer." + problem.key;
  if (!found.empty()) return at_keys(spec, found);
  const Json given = *spec.trainer;
  if (const Status length = resolve_length(spec, given, trainer); !length)
    return at_keys(spec, {{"trainer.unit", length.error().message}});
  if (!given.find("seed")) trainer.seed = static_cast<std::int64_t>(spec.seed);
  if (!given.find("data_seed")) trainer.data_seed = static_cast<std::int64_t>(spec.data_seed);
  TRY(check_parameters(spec, trainer));
  spec.trainer = train::to_json(trainer);
  return {};
}

Fusion fusion_of(const StudySpec& spec) {
  Fusion fusion{.members = spec.fusion.members};
  fusion.learned = fusion.members == FusionSpec::kLearned;
  if (fusion.learned) fusion.members = FusionSpec::kMostLearned;
  if (spec.fusion.shared) fusion.shared = *spec.fusion.shared;
  if (spec.fusion.shared || !spec.trainer) return fusion;
  train::KeyProblems ignored;
  const auto names = train::shared_parameters(train::read_trainer(*spec.trainer, ignored));
  for (const Parameter& parameter : spec.space.parameters)
    if (std::ranges::find(names, parameter.name) != names.end() &&
        !std::holds_alternative<Constant>(parameter.domain))
      fusion.shared.push_back(parameter.name);
  return fusion;
}

Result<std::string> find_trainer() {
  if (const char* named = std::getenv("CLAVIER_TRAINER"); named && *named)
    return std::string(named);
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto beside = self.parent_path() / kProgram;
  if (::access(beside.c_str(), X_OK) == 0) return beside.string();
  const char* path = std::getenv("PATH");
  if (auto found = find_program(kProgram, path ? path : ""); !found.empty()) return found;
  return not_found(
      "the built-in trainer is not here: build it with `cmake --preset torch` (script/demo does), "
      "or name its program in CLAVIER_TRAINER");
}

Result<std::vector<std::string>> trainer_command(const StudySpec& spec,
                                                 const std::filesystem::path& data_directory) {
  CHECK(spec.trainer.has_value());
  return std::vector<std::string>{TRY(find_trainer()), "--spec", to_text(*spec.trainer),
                                  "--data-dir", data_directory.string()};
}

Status make_smoke(StudySpec& spec) {
  constexpr Steps kEpochs = 2;
  spec.name += "-smoke";
  spec.trials = 2;
  spec.stop = {};
  spec.trial.stop.steps = std::min(spec.trial.stop.steps, kEpochs);
  spec.scheduler = {"fifo"};
  spec.scheduler.options.set("max_steps", kEpochs);
  if (!spec.trainer) return {};
  Json& trainer = *spec.trainer;
  trainer.set("epochs", kEpochs);
  if (const auto* unit = trainer.find_as<std::string>("unit"); unit && *unit == "batch") {
    trainer.set("batches", kEpochs);
    trainer.set("report_every", 1);
  }
  const Json* given = trainer.find("data");
  Json data = given ? *given : Json("digits");
  if (!data.as<Json::Table>()) data = Json::Table{{"source", data}};
  data.set("smoke", true);
  trainer.set("data", std::move(data));
  return {};
}

}  // namespace clavier::app
