#include "app/file/warm_start.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>

#include "app/file/foreign_trials.h"
#include "app/file/recorded_study.h"
#include "study/domain.h"
#include "study/domain_values.h"

// The trials go through the study's own text: they are copied there as they were found, and fitted
// to the space when the text is read. So a log alone says what its searcher knew, and a later
// version that fits otherwise is found by `verify`.
namespace clavier::app {
namespace fs = std::filesystem;
namespace {

constexpr const char* kKey = "warm_start_trials";

/// What begins a comment elsewhere stands within quotes here.
std::string without_hashes(const std::string& toml) {
  std::string text;
  for (const char c : toml) text += c == '#' ? std::string("\\u0023") : std::string(1, c);
  return text;
}

/// What `warm_start` names; nothing if it is neither text nor a list of such.
std::optional<std::vector<std::string>> names_in(const TomlNode& node) {
  std::vector<std::string> names;
  for (const TomlNode& each : node.is_array() ? node.items : std::vector{node}) {
    const auto* name = each.is_scalar() ? each.scalar.as<std::string>() : nullptr;
    if (!name || name->empty()) return {};
    names.push_back(*name);
  }
  return names;
}

/// A study of ours, as if it had been about this objective.
Result<std::vector<Known>> own_study(const StudyFolder& folder, const Objective& objective) {
  std::optional<State> state;
  std::vector<std::string> seen;
  TRY(read_recorded(folder, store::Metrics::kParse, [&](Step step, const State&) {
    if (!state) state.emplace(objective, RetryLimits{});
    if (auto* reported = input_as<Reported>(step.turn.input))
      for (Report& report : reported->reports) {
        report.value.reset();
        for (const Metric& metric : report.metrics) {
          if (metric.name == objective.metric) report.value = metric.value;
          if (std::ranges::find(seen, metric.name) == seen.end()) seen.push_back(metric.name);
        }
      }
    state->apply(step);
  }));
  std::vector<Known> all;
  for (const Trial& trial : state->trials()) {
    if (trial.width != 1 || (!trial.best && !ended(trial.status))) continue;
    Known known{.config = trial.best_config()};
    if (trial.best) known.value = trial.best->value;
    if (trial.best && trial.status != TrialStatus::kCompleted)
      known.stopped_at = std::max<Steps>(1, trial.furthest);
    all.push_back(std::move(known));
  }
  const bool silent = std::ranges::none_of(all, [](auto& each) { return each.value.has_value(); });
  if (!all.empty() && silent)
    return invalid(fmt::format("the trials of {} have reported no finite {}; they report {}",
                               folder.root.string(), objective.metric, fmt::join(seen, ", ")));
  return all;
}

bool is_database(const fs::path& file) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::array<char, kMagic.size()> begin{};
  std::ifstream(file, std::ios::binary).read(begin.data(), begin.size());
  return std::string_view(begin.data(), begin.size()) == kMagic;
}

/// By its name in `home`, or by its path, seen from the study file's folder.
Result<std::vector<Known>> trials_of(const std::string& name, const fs::path& folder,
                                     const fs::path& home, const Objective& objective) {
  constexpr std::string_view kUrl = "sqlite:///";
  std::string path = name.starts_with(kUrl) ? name.substr(kUrl.size()) : name;
  std::string study;
  std::error_code ignored;
  if (const auto mark = path.rfind('#'); mark != path.npos && !fs::exists(folder / path, ignored)) {
    study = path.substr(mark + 1);
    path.resize(mark);
  }
  const fs::path beside = folder / path;
  if (fs::is_regular_file(beside, ignored) && beside.extension() != ".toml" &&
      !StudyFolder{beside.parent_path()}.exists())
    return is_database(beside) ? optuna_database(beside, study, objective)
                               : optuna_journal(beside, study, objective);
  if (fs::is_directory(beside, ignored) && !StudyFolder{beside}.exists()) {
    auto trials = TRY(ray_experiment(beside, objective));
    if (!trials.empty() || !StudyFolder{home / path}.exists()) {
      if (!trials.empty()) return trials;
      return invalid(
          fmt::format("{} is neither a study nor a Ray Tune experiment: no folder in it "
                      "has a params.json",
                      beside.string()));
    }
  }
  const bool exists = fs::exists(beside, ignored) && !StudyFolder{home / path}.exists();
  return own_study(TRY(find_study(home, exists ? beside.string() : path)), objective);
}

/// The best stays, and so do the others' proportions.
void thin_out(std::vector<Known>& all, Mode mode) {
  if (all.size() <= kMostKnown) return;
  const Objective objective{{}, mode};
  std::vector<std::size_t> ranks(all.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = i;
  const auto value = [&](std::size_t i) { return all[i].value.value_or(std::nan("")); };
  std::ranges::stable_sort(
      ranks, [&](std::size_t a, std::size_t b) { return objective.better(value(a), value(b)); });
  std::vector<std::size_t> stay;
  for (std::size_t i = 0; i < kMostKnown; ++i) stay.push_back(ranks[i * ranks.size() / kMostKnown]);
  std::ranges::sort(stay);
  std::vector<Known> thinned;
  for (const std::size_t i : stay) thinned.push_back(std::move(all[i]));
  all = std::move(thinned);
}

/// Those that an earlier run has written into its copy of the same study file.
std::optional<std::string> earlier(const std::vector<std::string>& names, const fs::path& folder) {
  const auto copy = StudySource::copy_in(folder);
  const TomlNode* search = copy ? copy->root().find("search") : nullptr;
  const TomlNode* same = search ? search->find("warm_start") : nullptr;
  const TomlNode* trials = search ? search->find(kKey) : nullptr;
  if (!same || !trials || names_in(*same) != names) return {};
  return without_hashes(toml_text(json_of(*trials)));
}

/// One of `warm_start_trials`; nothing if it is none.
std::optional<Known> known_in(const TomlNode& item) {
  const TomlNode* config = item.find("config");
  if (!config || !config->is_table()) return {};
  Known known;
  for (const TomlNode::Entry& entry : config->entries)
    if (auto value = entry.node.value()) known.config.set(entry.key, *std::move(value));
  if (const TomlNode* value = item.find("value")) known.value = value->scalar.number();
  known.stopped_at = scalar_or<std::int64_t>(&item, "stopped_at", 0);
  return known;
}

bool is_searched(const Domain& domain) {
  return std::holds_alternative<Grid>(domain) ||
         (value_at(domain, 0.5) && cardinality(domain) != 1);
}

/// Makes the configuration one of the space; why it is none, if it is none.
std::string fit(const Space& space, Config& config) {
  Config kept;
  bool searched = false;
  for (const Parameter& parameter : space.parameters) {
    const bool follows = std::holds_alternative<Computed>(parameter.domain) ||
                         std::holds_alternative<Function>(parameter.domain);
    const Value* value = config.find(parameter.name);
    if (!value || follows || !is_active(parameter, kept)) continue;
    const auto own = accepted(parameter.domain, *value);
    if (!own)
      return fmt::format("outside the space (as {} = {})", parameter.name, toml_value(*value));
    searched = searched || is_searched(parameter.domain);
    kept.set(parameter.name, *own);
  }
  if (!searched) return "without any of its parameters";
  if (!satisfies(space, kept)) return "against its constraints";
  config = std::move(kept);
  return {};
}

}  // namespace

Result<std::optional<Override>> warm_start(const StudySource& source, const fs::path& file,
                                           const fs::path& home, Copies copies) {
  const std::optional<Override> nothing;
  const TomlNode* search = source.root().find("search");
  const TomlNode* node = search ? search->find("warm_start") : nullptr;
  const auto names = node && !search->find(kKey) ? names_in(*node) : std::nullopt;
  const TomlNode* study = source.root().find("study");
  // A list of one metric is another way to write it.
  const TomlNode* metrics = study ? study->find("metrics") : nullptr;
  if (metrics && metrics->items.size() == 1) study = &metrics->items.front();
  const Objective objective{
      scalar_or<std::string>(study, metrics ? "name" : "metric", ""),
      scalar_or<std::string>(study, "mode", "") == "max" ? Mode::kMax : Mode::kMin};
  if (!names || objective.metric.empty()) return nothing;  // Read later, and said there.
  const std::string key = fmt::format("search.{}", kKey);
  const fs::path own = home / scalar_or<std::string>(source.root().find("study"), "name",
                                                     study_name_of(file.stem().string()));
  if (copies == Copies::kUsed && StudyFolder{own}.exists())
    if (auto trials = earlier(*names, own)) return std::optional(Override{key, *std::move(trials)});
  std::vector<Known> all;
  for (const std::string& name : *names) {
    auto trials = trials_of(name, file.parent_path(), home, objective);
    if (!trials)
      return Error{trials.error().code,
                   fmt::format("{}: search.warm_start: {}", source.where(node->begin),
                               trials.error().message)};
    std::ranges::move(*trials, std::back_inserter(all));
  }
  thin_out(all, objective.mode);
  return std::optional(Override{key, write_known(all)});
}

void read_warm_start(const TomlNode& search, Space& space, std::vector<std::string>& names,
                     Problems& problems) {
  const TomlNode* named = search.find("warm_start");
  if (named) {
    const auto all = names_in(*named);
    if (!all)
      return problems.add(named->begin,
                          "search.warm_start must be the name of a study or of a file, or a list "
                          "of such");
    names = *all;
  }
  const TomlNode* trials = search.find(kKey);
  if (!trials) return;
  if (!trials->is_array())
    return problems.add(trials->begin, fmt::format("search.{} must be a list of tables", kKey));
  std::map<std::string, std::pair<std::int64_t, std::string>>
      refused;  // By the reason's first word.
  for (const TomlNode& item : trials->items) {
    auto known = known_in(item);
    if (!known)
      return problems.add(item.begin,
                          fmt::format("search.{}: each is a table with a config", kKey));
    const std::string why = fit(space, known->config);
    if (why.empty()) {
      space.known.push_back(*std::move(known));
      continue;
    }
    auto& [count, example] = refused[why.substr(0, why.find(' '))];
    if (count++ == 0) example = why;
  }
  std::vector<std::string> reasons;
  for (const auto& [word, reason] : refused)
    reasons.push_back(fmt::format("{} {}", reason.first, reason.second));
  problems.note(
      named ? named->begin : trials->begin,
      fmt::format("search.warm_start: {} of {} earlier trials are in the space{}",
                  space.known.size(), trials->items.size(),
                  reasons.empty() ? std::string()
                                  : fmt::format("; left out are {}", fmt::join(reasons, ", "))));
}

std::string write_known(const std::vector<Known>& known) {
  std::string out;
  for (const Known& each : known) {
    std::string config;
    for (const Config::Entry& entry : each.config.entries())
      config += fmt::format("{}{} = {}", config.empty() ? "" : ", ", toml_key(entry.name),
                            toml_value(entry.value));
    out += fmt::format(
        "{}{{ {}{}config = {{ {} }} }}", out.empty() ? "" : ", ",
        each.value ? fmt::format("value = {}, ", toml_value(Value(*each.value))) : "",
        each.stopped_at > 0 ? fmt::format("stopped_at = {}, ", each.stopped_at) : "", config);
  }
  return fmt::format("[{}]", without_hashes(out));
}

}  // namespace clavier::app
