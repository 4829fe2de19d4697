#include "app/file/foreign_trials.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "base/nearest.h"
#include "store/sqlite.h"
#include "study/text.h"

// Both of Optuna's storages are read into one shape, in which trials are numbered through all
// studies: so one place chooses the study, its metric and what a trial is worth. A journal's ids
// follow from the order of its lines, so each line that would have made something counts, whatever
// else is wrong with it.
namespace clavier::app {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;

/// Optuna's numbers for the states of a trial.
enum class State { kRunning, kComplete, kPruned, kFailed, kWaiting };

struct OptunaTrial {
  std::int64_t study = 0;
  State state = State::kRunning;
  Config config = {};
  std::map<std::int64_t, double> values = {};   ///< By objective.
  std::map<std::int64_t, double> reports = {};  ///< By step.
};

struct OptunaStudy {
  std::string name;
  std::vector<Mode> modes = {};
  std::vector<std::string> metrics = {};  ///< Their names, if somebody has said them.
};

struct Optuna {
  std::map<std::int64_t, OptunaStudy> studies = {};
  std::map<std::int64_t, OptunaTrial> trials = {};  ///< Oldest first.
};

std::optional<double> number_of(const Json* json) {
  return json && !json->as<bool>() ? json->number() : std::nullopt;
}

std::optional<Value> value_of(const Json& json) {
  auto value = text::value_from_json(json);
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

/// Optuna stores numbers, of a choice its place in the list.
void set_parameter(Config& config, const std::string& name, std::optional<double> stored,
                   std::string_view distribution) {
  const auto described = Json::parse(distribution);
  if (!stored || !described) return;
  const auto* kind = described->find_as<std::string>("name");
  const Json* attributes = described->find("attributes");
  if (!kind || !attributes) return;
  if (*kind == "CategoricalDistribution") {
    const auto* choices = attributes->find_as<Json::List>("choices");
    const bool fits = choices && *stored >= 0 && *stored < static_cast<double>(choices->size());
    if (!fits) return;
    if (const auto value = value_of((*choices)[static_cast<std::size_t>(*stored)]))
      config.set(name, *value);
  } else if (kind->starts_with("Int") && std::abs(*stored) < 9e15) {
    config.set(name, Value(static_cast<std::int64_t>(*stored)));
  } else {
    config.set(name, Value(*stored));
  }
}

/// What one of these trials is worth, if anything is known of it.
std::optional<Known> known_of(const OptunaTrial& trial, std::int64_t objective, Mode mode) {
  if (trial.state == State::kRunning || trial.state == State::kWaiting) return {};
  Known known{.config = trial.config};
  if (trial.state == State::kFailed) return known;
  const Objective better{{}, mode};
  const auto take = [&](double value) {
    if (std::isfinite(value) && (!known.value || better.better(value, *known.value)))
      known.value = value;
  };
  if (const auto value = trial.values.find(objective); value != trial.values.end())
    take(value->second);
  if (trial.state == State::kComplete) return known;
  for (const auto& [step, value] : trial.reports) take(value);
  known.stopped_at =
      trial.reports.empty() ? 1 : std::max<std::int64_t>(1, trial.reports.rbegin()->first);
  return known;
}

Result<std::int64_t> study_named(const Optuna& optuna, const std::string& name,
                                 const std::string& file) {
  std::vector<std::string> names;
  for (const auto& [id, study] : optuna.studies) {
    if (study.name == name || (name.empty() && optuna.studies.size() == 1)) return id;
    names.push_back(study.name);
  }
  if (names.empty()) return not_found(fmt::format("{} holds no study", file));
  if (!name.empty())
    return not_found(
        fmt::format("{} holds no study \"{}\"{}", file, name, suggestion(name, names)));
  return invalid(fmt::format("{} holds several studies, {}: write \"{}#{}\"", file,
                             fmt::join(names, ", "), file, names.front()));
}

Result<std::vector<Known>> chosen(const Optuna& optuna, const std::string& name,
                                  const std::string& file, const Objective& objective) {
  const std::int64_t id = TRY(study_named(optuna, name, file));
  const OptunaStudy& study = optuna.studies.at(id);
  std::size_t place = 0;
  if (!study.metrics.empty())
    place = static_cast<std::size_t>(std::ranges::find(study.metrics, objective.metric) -
                                     study.metrics.begin());
  if (!study.metrics.empty() && place >= study.metrics.size())
    return invalid(fmt::format("{}: its trials report no {}{}", file, objective.metric,
                               suggestion(objective.metric, study.metrics)));
  if (study.metrics.empty() && study.modes.size() > 1)
    return invalid(fmt::format("{}: the study \"{}\" has {} objectives without names", file,
                               study.name, study.modes.size()));
  if (place >= study.modes.size() || study.modes[place] != objective.mode)
    return invalid(fmt::format("{}: the study \"{}\" {} its value, and this one does not", file,
                               study.name,
                               objective.mode == Mode::kMin ? "maximizes" : "minimizes"));
  std::vector<Known> all;
  for (const auto& [number, trial] : optuna.trials)
    if (trial.study == id)
      if (auto known = known_of(trial, static_cast<std::int64_t>(place), objective.mode))
        all.push_back(*std::move(known));
  return all;
}

/// Replays a journal, one operation after the other.
class Journal {
 public:
  void take(const Json& line) {
    const auto operation = number_of(line.find("op_code"));
    if (!operation || !(*operation >= 0 && *operation < 100)) return;
    switch (static_cast<int>(*operation)) {
      case 0: return create_study(line);
      case 1: optuna_.studies.erase(whole(line, "study_id")); return;
      case 3: return study_attribute(line);
      case 4: return create_trial(line);
      case 5: return parameter(line);
      case 6: return state(line);
      case 7:
        if (OptunaTrial* trial = find(line))
          if (const auto value = number_of(line.find("intermediate_value")))
            trial->reports[whole(line, "step")] = *value;
        return;
      default: return;
    }
  }
  const Optuna& result() const { return optuna_; }

 private:
  static std::int64_t whole(const Json& line, std::string_view name) {
    const auto* number = line.find_as<std::int64_t>(name);
    return number ? *number : -1;
  }
  OptunaTrial* find(const Json& line) {
    const auto found = optuna_.trials.find(whole(line, "trial_id"));
    return found == optuna_.trials.end() ? nullptr : &found->second;
  }
  void create_study(const Json& line) {
    const auto* name = line.find_as<std::string>("study_name");
    OptunaStudy study{.name = name ? *name : std::string()};
    // It makes none of a name that is taken.
    for (const auto& [id, other] : optuna_.studies)
      if (other.name == study.name) return;
    if (const auto* directions = line.find_as<Json::List>("directions"))
      for (const Json& each : *directions)
        study.modes.push_back(each.number() == 2.0 ? Mode::kMax : Mode::kMin);
    optuna_.studies[next_study_++] = std::move(study);
  }
  void study_attribute(const Json& line) {
    const auto study = optuna_.studies.find(whole(line, "study_id"));
    const Json* attributes = line.find("system_attr");
    const auto* names =
        attributes ? attributes->find_as<Json::List>("study:metric_names") : nullptr;
    if (study == optuna_.studies.end() || !names) return;
    study->second.metrics.clear();
    for (const Json& each : *names)
      if (const auto* name = each.as<std::string>()) study->second.metrics.push_back(*name);
  }
  void create_trial(const Json& line) {
    if (!optuna_.studies.contains(whole(line, "study_id"))) return;
    OptunaTrial& trial = optuna_.trials[next_trial_++];
    trial.study = whole(line, "study_id");
    const auto* params = line.find_as<Json::Table>("params");
    const Json* distributions = line.find("distributions");
    if (params && distributions)
      for (const Json::Field& field : *params)
        if (const auto* how = distributions->find_as<std::string>(field.name))
          set_parameter(trial.config, field.name, number_of(&field.value), *how);
    if (const auto* reports = line.find_as<Json::Table>("intermediate_values"))
      for (const Json::Field& field : *reports)
        if (const auto value = number_of(&field.value))
          trial.reports[std::strtoll(field.name.c_str(), nullptr, 10)] = *value;
    if (const auto value = number_of(line.find("value"))) trial.values[0] = *value;
    values(line, trial);
  }
  void parameter(const Json& line) {
    OptunaTrial* const trial = find(line);
    const auto* name = line.find_as<std::string>("param_name");
    const auto* how = line.find_as<std::string>("distribution");
    if (trial && name && how)
      set_parameter(trial->config, *name, number_of(line.find("param_value_internal")), *how);
  }
  void state(const Json& line) {
    if (OptunaTrial* trial = find(line)) values(line, *trial);
  }
  static void values(const Json& line, OptunaTrial& trial) {
    if (const auto state = number_of(line.find("state")); state && *state >= 0 && *state <= 4)
      trial.state = static_cast<State>(static_cast<int>(*state));
    const auto* list = line.find_as<Json::List>("values");
    for (std::size_t i = 0; list && i < list->size(); ++i)
      if (const auto value = number_of(&(*list)[i]))
        trial.values[static_cast<std::int64_t>(i)] = *value;
  }

  Optuna optuna_;
  std::int64_t next_study_ = 0, next_trial_ = 0;
};

/// Calls `row` for each row of the answer.
template <typename Row>
Status each_row(store::Database& database, const char* sql, Row row) {
  store::Statement statement = TRY(database.prepare(sql));
  for (;;) switch (statement.step()) {
      case store::Statement::Outcome::kRow: row(statement); break;
      case store::Statement::Outcome::kDone: return {};
      case store::Statement::Outcome::kFailed: return database.failure();
    }
}

std::optional<double> real(const store::Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.real(column));
}

State state_named(std::string_view name) {
  constexpr std::string_view kNames[] = {"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"};
  const auto found = std::ranges::find(kNames, name);
  return found == std::end(kNames) ? State::kWaiting
                                   : static_cast<State>(found - std::begin(kNames));
}

Status read_studies(store::Database& database, Optuna& optuna) {
  TRY(each_row(database, "SELECT study_id, study_name FROM studies",
               [&](const auto& row) { optuna.studies[row.whole(0)].name = row.text(1); }));
  TRY(each_row(database, "SELECT study_id, direction FROM study_directions ORDER BY objective",
               [&](const auto& row) {
                 optuna.studies[row.whole(0)].modes.push_back(
                     row.text(1) == "MAXIMIZE" ? Mode::kMax : Mode::kMin);
               }));
  return each_row(database,
                  "SELECT study_id, value_json FROM study_system_attributes "
                  "WHERE key = 'study:metric_names'",
                  [&](const auto& row) {
                    const auto names = Json::parse(row.text(1));
                    const auto* list = names ? names->template as<Json::List>() : nullptr;
                    for (std::size_t i = 0; list && i < list->size(); ++i)
                      if (const auto* name = (*list)[i].template as<std::string>())
                        optuna.studies[row.whole(0)].metrics.push_back(*name);
                  });
}

Status read_trials(store::Database& database, Optuna& optuna) {
  TRY(each_row(database, "SELECT trial_id, study_id, state FROM trials", [&](const auto& row) {
    OptunaTrial& trial = optuna.trials[row.whole(0)];
    trial.study = row.whole(1);
    trial.state = state_named(row.text(2));
  }));
  TRY(each_row(database,
               "SELECT trial_id, param_name, param_value, distribution_json FROM trial_params "
               "ORDER BY param_id",
               [&](const auto& row) {
                 set_parameter(optuna.trials[row.whole(0)].config, std::string(row.text(1)),
                               real(row, 2), row.text(3));
               }));
  // What is not finite is NULL there.
  TRY(each_row(database, "SELECT trial_id, objective, value FROM trial_values",
               [&](const auto& row) {
                 if (const auto value = real(row, 2))
                   optuna.trials[row.whole(0)].values[row.whole(1)] = *value;
               }));
  return each_row(
      database, "SELECT trial_id, step, intermediate_value FROM trial_intermediate_values",
      [&](const auto& row) {
        optuna.trials[row.whole(0)].reports[row.whole(1)] = real(row, 2).value_or(std::nan(""));
      });
}

void flatten(const Json& json, const std::string& name, Config& config) {
  if (const auto* table = json.as<Json::Table>())
    for (const Json::Field& field : *table)
      flatten(field.value, name.empty() ? field.name : name + '.' + field.name, config);
  else if (const auto value = value_of(json); value && !name.empty())
    config.set(name, *value);
}

/// "validation/accuracy" leads into a table.
std::optional<double> metric_in(const Json& line, std::string_view name) {
  if (const Json* field = line.find(name)) return number_of(field);
  const std::size_t slash = name.find('/');
  const Json* below = slash == name.npos ? nullptr : line.find(name.substr(0, slash));
  return below ? metric_in(*below, name.substr(slash + 1)) : std::nullopt;
}

struct RayTrial {
  Known known;
  Steps reached = 0;
};

/// Nothing if it has neither reported nor failed.
Result<std::optional<RayTrial>> ray_trial(const fs::path& folder, const Objective& objective,
                                          std::set<std::string>& seen) {
  RayTrial trial;
  std::error_code ignored;
  const std::string params = TRY(read_file(folder / "params.json", kMostBytes));
  const auto config = Json::parse(params);
  if (!config)
    return corrupt(
        fmt::format("{}: {}", (folder / "params.json").string(), config.error().message));
  flatten(*config, "", trial.known.config);
  const auto results = read_file(folder / "result.json", kMostBytes);
  std::string_view rest = results ? std::string_view(*results) : std::string_view();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto line = Json::parse(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto* fields = line ? line->as<Json::Table>() : nullptr;
    if (!fields) continue;  // The last one may be torn.
    for (const Json::Field& field : *fields)
      if (field.value.number()) seen.insert(field.name);
    if (const auto* steps = line->find_as<std::int64_t>("training_iteration"))
      trial.reached = std::max(trial.reached, *steps);
    const auto value = metric_in(*line, objective.metric);
    if (value && std::isfinite(*value) &&
        (!trial.known.value || objective.better(*value, *trial.known.value)))
      trial.known.value = value;
  }
  const bool failed = fs::exists(folder / "error.txt", ignored);
  if (!trial.known.value && !failed) return std::optional<RayTrial>();
  return std::optional(std::move(trial));
}

}  // namespace

Result<std::vector<Known>> optuna_journal(const fs::path& file, const std::string& study,
                                          const Objective& objective) {
  const std::string text = TRY(read_file(file, kMostBytes));
  Journal journal;
  std::string_view rest = text;
  std::size_t number = 0;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto line = Json::parse(rest.substr(0, end));
    const bool torn = end == rest.size();  // Somebody is writing it.
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (number == 1 && !(line && line->find("op_code")))
      return invalid(fmt::format("{} is neither a study nor a storage of Optuna's", file.string()));
    if (line)
      journal.take(*line);
    else if (!torn)
      return corrupt(fmt::format("{}, line {}: {}", file.string(), number, line.error().message));
  }
  return chosen(journal.result(), study, file.string(), objective);
}

Result<std::vector<Known>> optuna_database(const fs::path& file, const std::string& study,
                                           const Objective& objective) {
  auto database = TRY(store::Database::open(file, store::Database::Access::kRead));
  Optuna optuna;
  TRY(read_studies(database, optuna));
  TRY(read_trials(database, optuna));
  return chosen(optuna, study, file.string(), objective);
}

Result<std::vector<Known>> ray_experiment(const fs::path& folder, const Objective& objective) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (fs::is_regular_file(at->path() / "params.json", ignored)) folders.push_back(at->path());
  }
  std::ranges::sort(folders);
  std::vector<RayTrial> trials;
  std::set<std::string> seen;
  for (const fs::path& each : folders)
    if (auto trial = TRY(ray_trial(each, objective, seen))) trials.push_back(*std::move(trial));
  const auto valued = [](const RayTrial& trial) { return trial.known.value.has_value(); };
  if (!trials.empty() && std::ranges::none_of(trials, valued)) {
    const std::vector<std::string> names(seen.begin(), seen.end());
    return invalid(fmt::format(
        "{}: its trials report no finite {}{}", folder.string(), objective.metric,
        seen.contains(objective.metric) ? std::string() : suggestion(objective.metric, names)));
  }
  Steps furthest = 0;
  for (const RayTrial& trial : trials) furthest = std::max(furthest, trial.reached);
  std::vector<Known> all;
  for (RayTrial& trial : trials) {
    if (trial.known.value && trial.reached < furthest) trial.known.stopped_at = trial.reached;
    all.push_back(std::move(trial.known));
  }
  return all;
}

}  // namespace clavier::app
