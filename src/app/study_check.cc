#include <fmt/format.h>

#include "app/control.h"
#include "app/policies.h"
#include "app/run_study.h"
#include "app/study_file.h"
#include "app/trainer.h"
#include "app/tuning_spec.h"
#include "store/step_log.h"
#include "study/domain.h"
#include "study/text.h"
#include "tuner/verify.h"

/// What is asked of a study at rest: may it go on like this, do its decisions stand.
namespace clavier::app {
namespace {

std::string in_words(const AlgorithmSpec& algorithm) {
  return algorithm.algorithm + " " + text::to_json(algorithm.options);
}

std::string in_words(const Space& space) {
  std::string words;
  for (const Parameter& parameter : space.parameters)
    words += fmt::format("\n    {} = {}", parameter.name, describe(parameter.domain));
  for (const std::string& constraint : space.constraints) words += "\n    " + constraint;
  return words.empty() ? "empty" : words;
}

/// The text of the study as its first run logged it.
Result<StudySpec> begun_as(const store::StepLog& log) {
  std::string study;
  const auto first = [&](const Step& step) -> Status {
    if (const auto* opened = std::get_if<Opened>(&step.turn.input)) study = opened->study;
    return study.empty() ? ok_status() : Status(conflict("found"));
  };
  (void)log.read(StepId{0}, store::Metrics::kSkip, first);
  if (study.empty()) return not_found("the log holds no study file");
  StudySpec spec = TRY(parse_study(study, "study.toml"));
  TRY(resolve_trainer(spec));
  return spec;
}

/// A parameter that a C++ function computes cannot be computed here.
Status check_computable(const StudySpec& spec) {
  for (const Parameter& parameter : spec.space.parameters)
    if (const auto* constant = std::get_if<Constant>(&parameter.domain);
        constant && constant->value == Value(std::string(kComputedByProgram)))
      return unavailable(fmt::format(
          "parameter '{}' is computed by a function of the program that began this study: only "
          "that program can draw configurations",
          parameter.name));
  return {};
}

}  // namespace

Status check_unchanged(const StudySpec& before, const StudySpec& now) {
  std::string differences;
  const auto compare = [&](std::string_view what, const auto& old_one, const auto& new_one,
                           const std::string& old_text, const std::string& new_text) {
    if (!(old_one == new_one))
      differences += fmt::format("\n  {} was {} and is now {}", what, old_text, new_text);
  };
  const auto mode = [](const StudySpec& spec) {
    return std::string(spec.objective.mode == Mode::kMin ? "min" : "max");
  };
  compare("metric", before.objective.metric, now.objective.metric, before.objective.metric,
          now.objective.metric);
  compare("mode", before.objective.mode, now.objective.mode, mode(before), mode(now));
  compare("seed", before.seed, now.seed, std::to_string(before.seed), std::to_string(now.seed));
  compare("data_seed", before.data_seed, now.data_seed, std::to_string(before.data_seed),
          std::to_string(now.data_seed));
  compare("[space]", before.space, now.space, in_words(before.space), in_words(now.space));
  compare("[search]", before.search, now.search, in_words(before.search), in_words(now.search));
  compare("[scheduler]", before.scheduler, now.scheduler, in_words(before.scheduler),
          in_words(now.scheduler));
  compare("[trainer]", before.trainer, now.trainer, before.trainer.value_or("absent"),
          now.trainer.value_or("absent"));
  if (differences.empty()) return {};
  return conflict(
      "this study was begun with other settings that cannot change under way:" + differences +
      "\nGive the new study another name ([study] name), or undo the change");
}

Result<std::string> verify_study(const std::filesystem::path& folder) {
  const auto log = TRY(store::StepLog::open_to_read(folder / "study.db"));
  const StudySpec spec = TRY(begun_as(log));
  TRY(check_computable(spec));
  const auto policies = TRY(OwnedPolicies::create(spec));
  tuner::Director director(director_options(spec), policies.refer());
  const auto as_of = [](const Opened& opened) -> Result<tuner::StudyOptions> {
    return director_options(TRY(parse_study(opened.study, "study.toml")));
  };
  const auto verified = TRY(tuner::verify(log, director, as_of));
  if (verified.difference) return corrupt(*verified.difference);
  return fmt::format("{} steps, {} decisions recomputed: all as logged", verified.steps,
                     verified.decisions);
}

Status append_command(const std::filesystem::path& folder, const UserCommand& command) {
  auto reader = TRY(store::StepLog::open_to_read(folder / "study.db"));
  const StudySpec spec = TRY(begun_as(reader));
  if (std::holds_alternative<AddTrial>(command)) TRY(check_computable(spec));
  const auto policies = TRY(OwnedPolicies::create(spec));
  auto log = TRY(store::StepLog::open(folder / "study.db", {.metric = spec.objective.metric}));
  tuner::Director director(director_options(spec), policies.refer());
  TRY(log.read(StepId{0}, store::Metrics::kSkip,
               [&](const Step& step) { return director.replay(step); }));
  Step step;
  step.turn = director.decide(StepId{log.last().value + 1}, director.state().now(), command);
  step.fill = director.fill(step.turn, tuner::Capacity::kLeave);
  return log.append({&step, 1});
}

}  // namespace clavier::app
