#include "app/file/study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/file/cluster_file.h"
#include "app/file/recorded_policy.h"
#include "app/file/study_file_effects.h"
#include "app/file/study_file_fields.h"
#include "app/file/study_file_problems.h"
#include "app/file/study_file_space.h"
#include "app/file/study_folder.h"
#include "app/registry/gang_file.h"
#include "app/registry/registry.h"
#include "base/files.h"
#include "base/nearest.h"
#include "search/grid.h"
#include "worker/command_line.h"

// One pass collects everything that is wrong, so that a user sees it all at once. First each key by
// itself, then what takes several: the space, the algorithms, the work, the cluster. Only where
// all of that is sound come the defaults that follow from the whole and the checks of scheduler,
// planner and effects: they may rely on sound values, and would only tell of consequences.
namespace clavier::app {
namespace {

using Entry = TomlNode::Entry;

/// One pass over a parsed study file.
class StudyReader {
 public:
  StudyReader(std::shared_ptr<const StudySource> source, std::string_view file_name, Checks checks)
      : source_(*source), root_(source_.root()), problems_(source_, checks) {
    spec_.name = std::filesystem::path(file_name).stem().string();
    spec_.trials = kForever;
    spec_.text = source_.text();
    spec_.source = std::move(source);
  }

  Result<StudySpec> read() {
    texts(root_);
    for (const Entry& entry : root_.entries) top(entry);
    required();
    space();
    algorithm(Family::kSearcher, spec_.search);
    for (Threshold& threshold : spec_.trial.stop.thresholds)
      if (threshold.metric.empty()) threshold.metric = spec_.objective.metric;
    by_rungs();
    algorithm(Family::kScheduler, spec_.scheduler);
    algorithm(Family::kPlanner, spec_.planner);
    work();
    cluster();
    if (problems_.empty()) check_space(space_, problems_);
    if (const TomlNode* search = root_.find("search"); problems_.empty() && search)
      read_warm_start(*search, space_.space, spec_.warm_start, problems_);
    // They have one value each.
    if (spec_.objective.several()) space_.space.known.clear();
    if (!problems_.empty()) return problems_.status().error();
    settle();
    if (spec_.checkpoint.every == 0) spec_.checkpoint.every = checkpoints_needed(spec_);
    if (const Status fits = check_scheduler(spec_); !fits) {
      problems_.add(place("scheduler"), fits.error().message);
      return problems_.status().error();
    }
    if (const Status fits = check_planner(spec_); !fits) {
      problems_.add(place("planner"), fits.error().message);
      return problems_.status().error();
    }
    if (const Status fits = check_objectives(spec_); !fits) {
      problems_.add(place("study.metrics"), fits.error().message);
      return problems_.status().error();
    }
    check_effects(spec_, root_, problems_);
    if (!problems_.empty()) return problems_.status().error();
    spec_.notes = problems_.notes();
    return std::move(spec_);
  }

 private:
  void texts(const TomlNode& node) {
    if (const auto* text = node.scalar.as<std::string>();
        text && text->find('\0') != std::string::npos)
      problems_.object(node.begin, "a text with a NUL character, which no program can be given");
    for (const TomlNode& item : node.items) texts(item);
    for (const Entry& entry : node.entries) texts(entry.node);
  }

  void top(const Entry& entry) {
    static const std::vector<std::string> kNames = {
        "study", "space", "search",     "scheduler", "planner", "trainer",  "worker",
        "trial", "stop",  "checkpoint", "report",    "cluster", "simulate", "fusion"};
    if (std::ranges::find(kNames, entry.key) == kNames.end()) return unknown_top(entry, kNames);
    if (!entry.node.is_table())
      return problems_.add(entry.place, fmt::format("{0} must be a table [{0}], not {1}", entry.key,
                                                    entry.node.kind_name()));
    if (entry.key == "study") table("study", entry.node, spec_);
    if (entry.key == "worker") table("worker", entry.node, spec_.worker.emplace(), {"environment"});
    if (entry.key == "trial") table("trial", entry.node, spec_.trial, {"stop"});
    if (entry.key == "stop") table("stop", entry.node, spec_.stop, {"plateau"});
    if (entry.key == "fusion") table("fusion", entry.node, spec_.fusion);
    if (entry.key == "checkpoint") table("checkpoint", entry.node, spec_.checkpoint);
    if (entry.key == "report") table("report", entry.node, spec_.report);
    if (entry.key == "cluster") table("cluster", entry.node, spec_.cluster, {"slots"});
    if (entry.key == "simulate")
      table("simulate", entry.node, spec_.simulate.emplace(), {"events"});
  }

  void unknown_top(const Entry& entry, const std::vector<std::string>& names) {
    const auto keys = keys_of(fields_of(spec_));
    const bool is_study_key = std::ranges::find(keys, entry.key) != keys.end();
    if (is_study_key && !entry.node.is_table())
      return problems_.add(entry.place, fmt::format("\"{0}\" belongs into [study]; did you mean "
                                                    "study.{0}?",
                                                    entry.key));
    problems_.add(entry.place,
                  fmt::format("unknown {} \"{}\"{}", entry.node.is_table() ? "table" : "key",
                              entry.key, suggestion(entry.key, names)));
  }

  /// The keys of `spec` and the tables below it.
  template <typename Spec>
  void table(const std::string& name, const TomlNode& node, Spec& spec,
             const std::vector<std::string>& tables = {}) {
    const auto fields = fields_of(spec);
    auto keys = keys_of(fields);
    keys.insert(keys.end(), tables.begin(), tables.end());
    for (const Entry& entry : node.entries) {
      if (const auto* field = find_field(fields, entry.key)) {
        if (const Status status = read_field(name, *field, entry.node, spec); !status)
          problems_.add(entry.node.begin, status.error().message);
      } else if (std::ranges::find(tables, entry.key) != tables.end()) {
        subtable(fmt::format("{}.{}", name, entry.key), entry);
      } else if (name == "trial.stop") {
        stop_metric(entry, keys);
      } else {
        problems_.add(entry.place, fmt::format("unknown key \"{}\" in [{}]{}", entry.key, name,
                                               suggestion(entry.key, keys)));
      }
    }
  }

  void subtable(const std::string& name, const Entry& entry) {
    if (name == "cluster.slots") return list(name, entry, places_.slots, spec_.cluster.slots);
    if (name == "simulate.events") return list(name, entry, places_.events, spec_.simulate->events);
    if (name == "trial.stop.threshold") return thresholds(name, entry);
    if (!entry.node.is_table())
      return problems_.add(entry.node.begin,
                           fmt::format("{} must be a table, not {}", name, entry.node.shown()));
    if (name == "worker.environment") return environment(entry.node);
    TrialStop& rules = spec_.trial.stop;
    if (name == "trial.stop")
      return table(name, entry.node, rules, {"patience", "threshold", "wilcoxon"});
    if (name == "trial.stop.wilcoxon") return table(name, entry.node, rules.wilcoxon.emplace());
    if (name == "trial.stop.patience") {
      if (!entry.node.find("steps"))
        problems_.add(entry.place,
                      "trial.stop.patience needs steps: how many without a better "
                      "value, for example patience = { steps = 10 }");
      return table(name, entry.node, rules.patience.emplace());
    }
    if (!entry.node.find("trials"))
      problems_.add(entry.place, "stop.plateau needs trials: how many without a better one");
    table(name, entry.node, spec_.stop.plateau.emplace());
  }

  void thresholds(const std::string& name, const Entry& entry) {
    std::vector<Place> places;
    list(name, entry, places, spec_.trial.stop.thresholds);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Threshold& each = spec_.trial.stop.thresholds[i];
      if (!each.lower && !each.upper)
        problems_.add(places[i],
                      "trial.stop.threshold needs lower or upper, for example "
                      "threshold = [{ metric = \"accuracy\", lower = 0.2, grace = 5 }]");
      else if (each.lower && each.upper && *each.lower >= *each.upper)
        problems_.add(places[i], fmt::format("trial.stop.threshold: lower = {:g} must be below "
                                             "upper = {:g}",
                                             *each.lower, *each.upper));
    }
  }

  /// A list of tables: `[[name]]`, again and again.
  template <typename Spec>
  void list(const std::string& name, const Entry& entry, std::vector<Place>& places,
            std::vector<Spec>& specs) {
    const auto is_table = [](const TomlNode& item) { return item.is_table(); };
    if (!entry.node.is_array() || !std::ranges::all_of(entry.node.items, is_table))
      return problems_.add(entry.place,
                           fmt::format("{0} is a list of tables: write [[{0}]]", name));
    for (const TomlNode& item : entry.node.items) {
      places.push_back(item.begin);
      table(name, item, specs.emplace_back());
    }
  }

  void cluster() {
    places_.cluster = place("cluster");
    places_.workers = place("cluster.workers");
    places_.stop = place("stop.cost");
    places_.simulate = place("simulate.curve");
    for (std::size_t i = 0; i < places_.slots.size(); ++i)
      spec_.cluster.slots[i].where = source_.where(places_.slots[i]);
    if (problems_.empty()) check_cluster(spec_, places_, problems_);
    if (const Status fits = check_gang(spec_, space_.space); problems_.empty() && !fits)
      problems_.add(place("trial.slots"), fits.error().message);
    if (const Status fits = check_fusion(spec_, space_.space); problems_.empty() && !fits) {
      // The key that its message begins with.
      const std::string& message = fits.error().message;
      problems_.add(place(message.substr(0, message.find_first_of(": "))), message);
    }
  }

  void stop_metric(const Entry& entry, const std::vector<std::string>& keys) {
    const std::string near = nearest(entry.key, keys);
    if (!near.empty())
      return problems_.add(entry.place, fmt::format("\"{}\" in [trial.stop]: did you mean \"{}\"? "
                                                    "(a metric needs a name less alike)",
                                                    entry.key, near));
    const auto number = entry.node.scalar.as<bool>() ? std::nullopt : entry.node.scalar.number();
    if (!entry.node.is_scalar() || !number)
      return problems_.add(entry.node.begin,
                           fmt::format("trial.stop.{} must be the metric's threshold, a number, "
                                       "not {}",
                                       entry.key, entry.node.shown()));
    spec_.trial.stop.metrics.push_back({entry.key, *number});
  }

  void environment(const TomlNode& node) {
    for (const Entry& entry : node.entries) {
      const bool good_name = !entry.key.empty() && entry.key.find('=') == std::string::npos &&
                             entry.key.find('\0') == std::string::npos;
      if (!good_name)
        problems_.add(entry.place, fmt::format("worker.environment: {} cannot name a variable",
                                               toml_value(Value(entry.key))));
      else if (!entry.node.is_scalar())
        problems_.add(entry.node.begin, fmt::format("worker.environment.{} must be text, not {}",
                                                    entry.key, entry.node.shown()));
      if (!good_name || !entry.node.is_scalar()) continue;
      const auto* words = entry.node.scalar.as<std::string>();
      spec_.worker->environment[entry.key] = words ? *words : toml_value(entry.node.scalar);
    }
  }

  /// Of a key, else of its table.
  Place place(std::string_view name) const { return place_of(root_, name); }

  void required() {
    const TomlNode* study = root_.find("study");
    const Place table = place("study");
    const auto missing = [&](std::string_view key) {
      return !study || !study->is_table() || !study->find(key);
    };
    const bool several = !missing("metrics");
    for (const std::string key : {"metric", "mode"})
      if (several && !missing(key))
        problems_.add(place("study." + key),
                      fmt::format("[study] has metrics, which say name and mode of each: leave {} "
                                  "out",
                                  key));
    if (!several && (missing("metric") || spec_.objective.metric.empty()))
      problems_.add(table,
                    "[study] needs metric: the name of what the trials report, for example "
                    "metric = \"val_loss\"");
    if (!several && missing("mode"))
      problems_.add(table,
                    "[study] needs mode: \"min\" if less of the metric is better, \"max\" if "
                    "more is");
    if (const Status status = check_study_name(spec_.name); !status) {
      const Entry* name = study ? study->entry("name") : nullptr;
      problems_.add(name ? name->node.begin : table, status.error().message);
    }
    if (missing("data_seed")) spec_.data_seed = spec_.seed;
  }

  void space() {
    if (const TomlNode* node = root_.find("space"); node && node->is_table())
      read_parameters(*node, space_, problems_);
    const TomlNode* search = root_.find("search");
    if (!search || !search->is_table()) return;
    if (const TomlNode* node = search->find("constraints"))
      read_constraints(*node, space_, problems_);
    if (const TomlNode* node = search->find("points")) read_points(*node, space_, problems_);
  }

  /// Who searches by the rungs of a scheduler has HyperBand unless the file says otherwise.
  void by_rungs() {
    if (!traits_of(Family::kSearcher, spec_.search).by_rungs) return;
    spec_.scheduler = {"hyperband"};
    const TomlNode* trainer = root_.find("trainer");
    const bool by_epoch = trainer && trainer->is_table() && !trainer->find("unit");
    const TomlNode* epochs = by_epoch ? trainer->find("epochs") : nullptr;
    const auto* length = epochs ? epochs->scalar.as<std::int64_t>() : nullptr;
    length_ = spec_.trial.stop.steps;
    if (length && *length > 0) length_ = std::min(length_, *length);
    if (!root_.find("scheduler") && !trainer && length_ == kForever)
      problems_.add(place("search"),
                    fmt::format("{} needs to know how long a trial is: set [trial.stop] steps, or "
                                "[scheduler] max_steps",
                                spec_.search.algorithm));
  }

  void algorithm(Family family, AlgorithmSpec& spec) {
    const TomlNode none;
    const TomlNode* table = root_.find(table_of(family));
    if (!table || !table->is_table()) table = &none;
    std::string variant;
    if (!word(family, *table, "algorithm", spec.algorithm)) return;
    if (const auto found = find_algorithm(family, spec.algorithm); !found)
      return problems_.add(table->find("algorithm")->begin, found.error().message);
    const bool has_variants = !variant_names(family, spec.algorithm).empty();
    if (has_variants && !word(family, *table, "variant", variant)) return;
    const auto found = find_algorithm(family, spec.algorithm, variant);
    if (!found) return problems_.add(table->find("variant")->begin, found.error().message);
    const AlgorithmInfo& info = **found;
    if (has_variants) spec.options.set("variant", std::string(info.variant));
    if (const Status there = check_there(family, spec); !there)
      problems_.object(table->find(variant.empty() ? "algorithm" : "variant")->begin,
                       there.error().message);
    for (const Entry& entry : table->entries)
      if (!has_variants || entry.key != "variant") option(family, info, entry, spec);
    auto whole = family == Family::kScheduler
                     ? complete_scheduler(spec, std::min(length_, spec_.trial.stop.steps))
                     : complete(family, spec);
    if (whole) spec = *std::move(whole);
  }

  /// Sets `text` from the key if it is there; false if it is no text.
  bool word(Family family, const TomlNode& table, std::string_view key, std::string& text) {
    const TomlNode* node = table.find(key);
    if (!node) return true;
    const auto* word = node->scalar.as<std::string>();
    if (node->is_scalar() && word) {
      text = *word;
      return true;
    }
    problems_.add(node->begin,
                  fmt::format("{}.{} must be text, not {}", table_of(family), key, node->shown()));
    return false;
  }

  void option(Family family, const AlgorithmInfo& info, const Entry& entry, AlgorithmSpec& spec) {
    if (entry.key == "algorithm") return;
    static constexpr std::string_view kOfAll[] = {"constraints", "points", "warm_start",
                                                  "warm_start_trials"};
    if (family == Family::kSearcher && std::ranges::find(kOfAll, entry.key) != std::end(kOfAll))
      return;
    const auto known = find_option(info, entry.key);
    if (!known)
      return problems_.add(entry.place,
                           fmt::format("[{}] {}", table_of(family), known.error().message));
    const auto value = entry.node.value();
    const auto checked = value ? check_option(**known, *value)
                               : Result<Value>(invalid(fmt::format("{} cannot be {}", entry.key,
                                                                   entry.node.kind_name())));
    if (!checked)
      return problems_.add(entry.node.begin,
                           fmt::format("{}.{}", table_of(family), checked.error().message));
    spec.options.set(entry.key, *checked);
  }

  void work() {
    const TomlNode* trainer = root_.find("trainer");
    if (trainer && trainer->is_table()) {
      finite(*trainer, "trainer");
      spec_.trainer = json_of(*trainer);
    }
    const bool has_worker = root_.find("worker") != nullptr;
    if (trainer && has_worker)
      problems_.add(place("worker"), "a study has a [trainer] or a [worker], not both");
    if (!spec_.worker) return;
    const TomlNode* command = root_.find("worker")->find("command");
    if (!command)
      return problems_.add(place("worker"),
                           "[worker] needs command, for example command = [\"python3\", "
                           "\"train.py\"]");
    for (std::size_t i = 0; i < spec_.worker->command.size(); ++i)
      for (const std::string& name : worker::placeholders({spec_.worker->command[i]}))
        if (const std::string why = not_filled_in(name); !why.empty())
          problems_.add(command->items[i].begin, why);
    const TomlNode* variables = root_.find("worker")->find("environment");
    for (const auto& [variable, text] : spec_.worker->environment)
      for (const std::string& name : worker::placeholders({text}))
        if (const std::string why = not_filled_in(name); !why.empty())
          problems_.object(variables->find(variable)->begin,
                           fmt::format("{}; {{{{{}}}}} is the text in braces", why, name));
  }

  /// Why nothing takes the place of {name}; empty if something does.
  std::string not_filled_in(const std::string& name) const {
    std::vector<std::string> known{"trial", "dir", "checkpoint", "until", "slots"};
    const auto& parameters = space_.space.parameters;
    if (std::ranges::find(known, name) != known.end() ||
        std::ranges::find(parameters, name, &Parameter::name) != parameters.end())
      return {};
    for (const Parameter& parameter : parameters) known.push_back(parameter.name);
    return fmt::format("{{{}}} is no parameter{}", name, suggestion(name, known));
  }

  void finite(const TomlNode& node, const std::string& name) {
    const auto* number = node.scalar.as<double>();
    if (number && !std::isfinite(*number))
      problems_.add(node.begin, fmt::format("{} must be finite, not {}", name, node.shown()));
    for (const TomlNode& item : node.items) finite(item, name);
    for (const Entry& entry : node.entries) finite(entry.node, name + '.' + entry.key);
  }

  /// Defaults that follow from the rest.
  void settle() {
    spec_.space = std::move(space_.space);
    if (traits_of(Family::kScheduler, spec_.scheduler).replays && spec_.trials == kForever)
      spec_.trials = 1;
    if (spec_.trials != kForever) return;
    const auto is_grid = [](const Parameter& p) { return std::holds_alternative<Grid>(p.domain); };
    const bool crosses = traits_of(Family::kSearcher, spec_.search).enumerates;
    if (crosses || std::ranges::any_of(spec_.space.parameters, is_grid))
      spec_.trials =
          search::grid_trials(crosses ? search::crossed(spec_.space) : spec_.space, spec_.seed);
    else if (spec_.space.parameters.empty() || spec_.stop == StudyStop{})
      spec_.trials = 1;
  }

  const StudySource& source_;
  const TomlNode& root_;
  Problems problems_;
  ClusterPlaces places_;
  StudySpec spec_;
  ReadSpace space_;
  Steps length_ = kForever;  ///< Of trials, as far as the scheduler is to know more than others.
};

}  // namespace

namespace {

Result<StudySpec> read_source(StudySource source, std::string_view file_name, Checks checks) {
  const TomlNode* study = source.root().find("study");
  const std::string name = study_name_of(std::filesystem::path(file_name).stem().string());
  // The text that is logged must not depend on the name of the file it once was in.
  if (study && study->is_table() && !study->find("name"))
    TRY(source.set({"study.name", toml_value(Value(name))}));
  // Logs without a word about the searcher are of a time when that meant random.
  const TomlNode* search = source.root().find("search");
  const bool by_default = checks == Checks::kAll && source.root().find("space") &&
                          (!search || (search->is_table() && !search->find("algorithm")));
  if (by_default) TRY(source.set({"search.algorithm", "\"auto\""}));
  auto spec =
      TRY(StudyReader(std::make_shared<const StudySource>(std::move(source)), file_name, checks)
              .read());
  spec.search_by_default = by_default;
  return spec;
}

}  // namespace

Result<StudySpec> parse_study(std::string_view text, std::string_view file_name,
                              std::span<const Override> overrides) {
  return read_source(TRY(StudySource::parse(text, file_name, overrides)), file_name, Checks::kAll);
}

Result<StudySpec> parse_logged_study(std::string_view text, std::string_view file_name,
                                     std::span<const Override> overrides) {
  return read_source(TRY(StudySource::parse(text, file_name, overrides)), file_name,
                     Checks::kWorkable);
}

Result<StudySpec> read_study(const std::filesystem::path& file, std::span<const Override> overrides,
                             const std::filesystem::path& home, Copies copies) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status))
    return not_found(fmt::format("no study file {}", file.string()));
  if (std::filesystem::is_directory(status))
    return invalid(fmt::format("{} is a folder, not a study file", file.string()));
  const auto read = read_file(file, kMaxTextBytes);
  if (!read) return Error{read.error().code, "cannot read " + read.error().message};
  StudySource source = TRY(StudySource::parse(*read, file.string(), overrides));
  if (const auto policy = TRY(recorded_policy(source, file, home))) TRY(source.set(*policy));
  if (const auto known = TRY(warm_start(source, file, home, copies))) TRY(source.set(*known));
  StudySpec spec = TRY(read_source(std::move(source), file.string(), Checks::kAll));
  spec.working_directory = std::filesystem::absolute(file, error).parent_path();
  return spec;
}

}  // namespace clavier::app
