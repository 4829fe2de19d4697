#include "app/run/study_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "app/file/study_file.h"
#include "app/file/study_file_document.h"
#include "app/file/study_file_space.h"
#include "app/file/trainer.h"
#include "app/run/session.h"
#include "store/step_log.h"
#include "study/text.h"
#include "tuner/verify.h"

namespace clavier::app {
namespace {

/// A key of the study file, or a parameter, with its value as it would stand there.
using Settings = std::vector<std::pair<std::string, std::string>>;

void flatten(const std::string& name, const TomlNode& node, Settings& settings) {
  if (!node.is_table()) return settings.emplace_back(name, to_text(json_of(node))), void();
  for (const TomlNode::Entry& entry : node.entries)
    flatten(name + '.' + entry.key, entry.node, settings);
}

/// What cannot change under way, in the order of the file, with every default filled in. Of a
/// trainer that the `other` study has not, that it is there.
Settings fixed_settings(const StudySpec& spec, const StudySpec& other) {
  const auto document = parse_toml(to_toml(spec));
  const auto* root = std::get_if<TomlNode>(&document);
  const TomlNode* study = root ? root->find("study") : nullptr;
  Settings settings;
  for (const std::string key : {"metric", "mode", "metrics", "seed", "data_seed"})
    if (const TomlNode* node = study ? study->find(key) : nullptr)
      flatten("study." + key, *node, settings);
  for (const Parameter& parameter : spec.space.parameters)
    settings.emplace_back("space." + parameter.name, write_domain(parameter));
  if (spec.trainer && !other.trainer) settings.emplace_back("[trainer]", "there");
  for (const char* table : {"search", "scheduler", other.trainer ? "trainer" : ""})
    if (const TomlNode* node = root ? root->find(table) : nullptr) flatten(table, *node, settings);
  return settings;
}

struct Change {
  std::string key, before, now;
};

std::vector<Change> changes(const Settings& before, const Settings& now) {
  std::vector<Change> changes;
  const auto value = [](const Settings& settings, const std::string& key) {
    const auto found = std::ranges::find(settings, key, &Settings::value_type::first);
    return found == settings.end() ? std::string("absent") : found->second;
  };
  for (const auto& [key, text] : now)
    if (std::string old = value(before, key); old != text) changes.push_back({key, old, text});
  for (const auto& [key, text] : before)
    if (value(now, key) == "absent") changes.push_back({key, text, "absent"});
  return changes;
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kLongest = 400;
  return text.size() <= kLongest ? text : fmt::format("another one of {} bytes", text.size());
}

/// One change of the user's may show in several places: it is said where it was made.
void drop_consequences(const StudySpec& before, const StudySpec& now, std::vector<Change>& all) {
  constexpr std::pair<std::string_view, std::string_view> kFollows[] = {
      {"trainer.seed", "study.seed"},
      {"trainer.data_seed", "study.data_seed"},
      {"study.data_seed", "study.seed"},
      {"trainer.epochs", "scheduler.max_steps"},
      {"trainer.batches", "scheduler.max_steps"},
      {"trainer.epochs", "trainer.batches"}};
  const std::vector<Change> whole = all;
  std::erase_if(all, [&](const Change& change) {
    return std::ranges::any_of(kFollows, [&](const auto& follows) {
      const auto cause = std::ranges::find(whole, follows.second, &Change::key);
      return change.key == follows.first && cause != whole.end() &&
             cause->before == change.before && cause->now == change.now;
    });
  });
  // The options of another algorithm are others, too.
  for (const std::string table : {"search.", "scheduler."})
    if (std::ranges::find(whole, table + "algorithm", &Change::key) != whole.end())
      std::erase_if(all, [&](const Change& change) {
        return change.key.starts_with(table) && change.key != table + "algorithm";
      });
  for (Change& change : all)
    if (change.key == "scheduler.max_steps" && before.trial.stop.steps != now.trial.stop.steps &&
        change.now == std::to_string(now.trial.stop.steps))
      change.key = "trial.stop.steps";
}

/// The text of the study as its first run logged it.
Result<StudySpec> begun_as(const store::StepLog& log) {
  std::string study;
  const auto first = [&](const Step& step) -> Status {
    if (const auto* opened = input_as<Opened>(step.turn)) study = opened->study;
    return study.empty() ? ok_status() : Status(conflict("found"));
  };
  (void)log.read(StepId{0}, store::Metrics::kSkip, first);
  if (study.empty()) return not_found("the log holds no study file");
  StudySpec spec = TRY(parse_logged_study(study, "study.toml"));
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
  const auto fixed = [](const StudySpec& spec) {
    return std::tie(spec.objective, spec.seed, spec.data_seed, spec.space, spec.search,
                    spec.scheduler, spec.trainer);
  };
  if (fixed(before) == fixed(now)) return {};
  auto differences = changes(fixed_settings(before, now), fixed_settings(now, before));
  drop_consequences(before, now, differences);
  std::string lines;
  for (const Change& each : differences)
    lines += fmt::format("\n  {} was {} and is now {}", each.key, shortened(each.before),
                         shortened(each.now));
  if (lines.empty()) lines = "\n  the order of [space], or of options, is another";
  return conflict(
      "this study was begun with other settings that cannot change under way:" + lines +
      "\nUndo the change, give the new study another name ([study] name), or start over (clavier "
      "run --fresh)");
}

Status check_goes_on(const std::string& begun, const StudySpec& now) {
  if (begun.empty()) return {};
  StudySpec before = TRY(parse_logged_study(begun, "the study as it was begun"));
  TRY(resolve_trainer(before));
  if (now.worker || now.trainer) return check_unchanged(before, now);
  // What a program's functions compute stands in the texts as constants.
  if (now.text.empty()) return {};
  return check_unchanged(before, TRY(parse_logged_study(now.text, now.name)));
}

Result<bool> keep_searcher(const store::StepLog& log, StudySpec& spec) {
  if (!spec.search_by_default || !log.last().valid()) return false;
  const auto begun = begun_as(log);
  const AlgorithmSpec before{"random"};
  if (!begun || !(begun->search == before) || spec.search == before) return false;
  spec.search = before;
  if (spec.text.empty()) return true;
  auto source = TRY(StudySource::parse(spec.text, spec.name, {}));
  TRY(source.set({"search.algorithm", toml_value(Value(before.algorithm))}));
  spec.text = source.text();
  return true;
}

Result<std::string> verify_study(const std::filesystem::path& folder) {
  const auto log = TRY(store::StepLog::open_to_read(folder / "study.db"));
  const StudySpec spec = TRY(begun_as(log));
  TRY(check_computable(spec));
  auto directed = TRY(Directed::create(spec));
  const auto as_of = [](const Opened& opened) -> Result<tuner::StudyOptions> {
    return director_options(TRY(parse_logged_study(opened.study, "study.toml")));
  };
  const auto verified = TRY(tuner::verify(log, directed.director, as_of));
  if (verified.difference) return corrupt(*verified.difference);
  return fmt::format("{} steps, {} decisions recomputed: all as logged", verified.steps,
                     verified.decisions);
}

Status append_command(const std::filesystem::path& folder, const UserCommand& command) {
  auto reader = TRY(store::StepLog::open_to_read(folder / "study.db"));
  const StudySpec spec = TRY(begun_as(reader));
  if (std::holds_alternative<AddTrial>(command)) TRY(check_computable(spec));
  const Waker waker = TRY(Waker::create());
  auto log = TRY(take_log({folder}, {.metric = spec.objective.metric}, waker));
  auto directed = TRY(Directed::replayed(spec, log));
  tuner::Director& director = directed.director;
  Step step;
  step.turn = director.decide(StepId{log.last().value + 1}, director.state().now(), command);
  step.fill = director.fill(step.turn, tuner::Capacity::kLeave);
  return log.append({&step, 1});
}

}  // namespace clavier::app
