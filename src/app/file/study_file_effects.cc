#include "app/file/study_file_effects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/registry/registry.h"
#include "search/grid.h"
#include "study/domain.h"
#include "study/text.h"
#include "worker/environment.h"

namespace clavier::app {
namespace {

bool is_grid(const Parameter& parameter) { return std::holds_alternative<Grid>(parameter.domain); }

class Effects {
 public:
  Effects(const StudySpec& spec, const TomlNode& root, Problems& problems)
      : spec_(spec), root_(root), problems_(problems) {}

  void check() {
    if (const Status sense = check_sense(spec_); !sense)
      problems_.object(place("scheduler", "grace"), sense.error().message);
    grid();
    priors();
    if (!spec_.warm_start.empty() && spec_.objective.several())
      problems_.note(place("search", "warm_start"),
                     "search.warm_start has no effect: trials of other studies are taken by one "
                     "metric, and study.metrics has several");
    if (!spec_.space.known.empty() && !traits_of(Family::kSearcher, spec_.search).learns)
      problems_.note(
          place("search", "warm_start"),
          fmt::format("search.warm_start has no effect: {} learns nothing from trials of "
                      "other studies",
                      spec_.search.algorithm));
    number_of_trials();
    steps();
    early_stops();
    epochs();
    size_of_configurations();
    trainer();
    const TomlNode* checkpoint = root_.find("checkpoint");
    if (spec_.objective.several() && spec_.checkpoint.best && checkpoint &&
        checkpoint->find("best"))
      problems_.note(place("checkpoint", "best"),
                     "checkpoint.best has no effect: with several metrics a trial stands with its "
                     "last report, whose checkpoint is that of its end");
    if (spec_.cluster.max_per_gpu > 0 && spec_.trial.resources.gpus == 0)
      problems_.note(place("cluster", "max_per_gpu"),
                     "cluster.max_per_gpu has no effect: trials use no GPU (trial.gpus = 0)");
    if (spec_.simulate && spec_.simulate->curve == "power-law" && !spec_.simulate->from.empty())
      problems_.note(place("simulate", "from"),
                     "simulate.from has no effect on the closed form: set simulate.curve to "
                     "\"table\" or \"study\"");
  }

 private:
  /// Of a key, else of its table.
  Place place(std::string_view table, std::string_view key) const {
    return place_of(root_, fmt::format("{}.{}", table, key));
  }

  void grid() {
    if (!traits_of(Family::kSearcher, spec_.search).enumerates ||
        std::ranges::any_of(spec_.space.parameters, is_grid))
      return;
    const Space crossed = search::crossed(spec_.space);
    std::vector<std::string> drawn;
    for (const Parameter& parameter : crossed.parameters)
      if (value_at(parameter.domain, 0.5)) drawn.push_back(parameter.name);
    if (drawn.empty()) return;
    if (std::ranges::none_of(crossed.parameters, is_grid))
      return problems_.object(
          place("search", "algorithm"),
          fmt::format(
              "grid has nothing to cross: {} {} drawn from a range; write {{ grid = [...] }}, "
              "or search by \"random\"",
              fmt::join(drawn, ", "), drawn.size() == 1 ? "is" : "are"));
    for (const Parameter& parameter : crossed.parameters)
      if (const auto values = cardinality(parameter.domain);
          values && *values > search::kMaxCrossed && value_at(parameter.domain, 0.5))
        problems_.note(place("search", "algorithm"),
                       fmt::format("{} has {} values: it is drawn for every cell of the grid, for "
                                   "at most {} are crossed",
                                   parameter.name, *values, search::kMaxCrossed));
  }

  void priors() {
    if (!traits_of(Family::kSearcher, spec_.search).enumerates &&
        std::ranges::none_of(spec_.space.parameters, is_grid))
      return;
    for (const Parameter& parameter : spec_.space.parameters)
      if (parameter.prior)
        problems_.object(place("space", parameter.name),
                         fmt::format("{}.prior would have no effect: a grid goes through all "
                                     "values; [search] points says what comes first",
                                     parameter.name));
  }

  void number_of_trials() {
    const auto points = static_cast<std::int64_t>(spec_.space.points.size());
    if (points > spec_.trials)
      problems_.note(place("search", "points"),
                     fmt::format("search.points are {}, and study.trials = {}: the last {} are not "
                                 "tried",
                                 points, spec_.trials, points - spec_.trials));
    const auto all = cardinality(spec_.space);
    const TomlNode* study = root_.find("study");
    const bool chosen = study && study->find("trials");
    if (all && chosen && spec_.trials != kForever && std::max(*all, points) < spec_.trials)
      problems_.note(place("study", "trials"),
                     fmt::format("study.trials = {}, but [space] has {}: no configuration is tried "
                                 "twice",
                                 spec_.trials,
                                 *all == 1 ? std::string("nothing to vary, one configuration")
                                           : fmt::format("only {} configurations", *all)));
    if (spec_.stop.trials && *spec_.stop.trials > spec_.trials)
      problems_.note(place("stop", "trials"),
                     fmt::format("stop.trials = {} is never reached: study.trials = {}",
                                 *spec_.stop.trials, spec_.trials));
    if (spec_.stop.plateau && spec_.stop.plateau->trials >= spec_.trials)
      problems_.note(place("stop", "plateau"),
                     fmt::format("stop.plateau.trials = {} is never reached: study.trials = {}",
                                 spec_.stop.plateau->trials, spec_.trials));
  }

  void steps() {
    const Value* limit = spec_.scheduler.options.find("max_steps");
    const auto* most = limit ? limit->as<std::int64_t>() : nullptr;
    const Steps stop = spec_.trial.stop.steps;
    const TomlNode* scheduler = root_.find("scheduler");
    if (!most || stop == kForever || *most == stop || !scheduler || !scheduler->find("max_steps"))
      return;
    if (*most < stop)
      problems_.note(place("trial", "stop"),
                     fmt::format("trial.stop.steps = {} is never reached: scheduler.max_steps = {}",
                                 stop, *most));
    else
      problems_.note(place("scheduler", "max_steps"),
                     fmt::format("scheduler.max_steps = {} is never reached: trial.stop.steps = {}",
                                 *most, stop));
  }

  /// Rules that judge no trial before its end.
  void early_stops() {
    const TrialStop& rules = spec_.trial.stop;
    const auto from = [&](std::string_view rule, Steps first) {
      if (first >= spec_.trial_length())
        problems_.note(place("trial.stop", rule),
                       fmt::format("trial.stop.{} stops nobody: it judges from step {} on, and "
                                   "trials end at step {}",
                                   rule, first, spec_.trial_length()));
    };
    if (rules.patience)
      from("patience", std::max(rules.patience->grace, rules.patience->steps + 1));
    if (rules.wilcoxon) from("wilcoxon", rules.wilcoxon->grace);
    for (const Threshold& each : rules.thresholds) from("threshold", each.grace);
  }

  /// The trainer ends trials before their scheduler does.
  void epochs() {
    const TomlNode* trainer = root_.find("trainer");
    const TomlNode* scheduler = root_.find("scheduler");
    const TomlNode* epochs = trainer ? trainer->find("epochs") : nullptr;
    const TomlNode* most = scheduler ? scheduler->find("max_steps") : nullptr;
    if (!epochs || !most || trainer->find("unit") || is_parameter("epochs")) return;
    const auto *length = epochs->scalar.as<std::int64_t>(),
               *limit = most->scalar.as<std::int64_t>();
    if (length && limit && *length < *limit)
      problems_.note(place("scheduler", "max_steps"),
                     fmt::format("scheduler.max_steps = {} is never reached: trainer.epochs = {}",
                                 *limit, *length));
  }

  /// What a worker's environment must hold of every configuration, names and punctuation alone.
  void size_of_configurations() {
    std::size_t least = 2;
    for (const Parameter& parameter : spec_.space.parameters)
      if (parameter.when.empty())
        least += parameter.name.size() + std::string_view("\"\": 0, ").size();
    if (least > worker::kMaxConfigBytes)
      problems_.object(
          place("space", ""),
          fmt::format("a configuration of {} parameters takes at least {} bytes as text, "
                      "and at most {} fit into a worker's environment",
                      spec_.space.parameters.size(), least, worker::kMaxConfigBytes));
  }

  /// Keys of [trainer] that only matter for some values of another.
  void trainer() {
    struct Dependence {
      std::string_view key, on, otherwise;  ///< `otherwise`: the other's default.
      std::vector<Value> values;
    };
    static const std::vector<Dependence> kAll = {
        {"momentum", "optimizer", "sgd", {"sgd"}},
        {"dampening", "optimizer", "sgd", {"sgd"}},
        {"nesterov", "optimizer", "sgd", {"sgd"}},
        {"beta1", "optimizer", "sgd", {"adam", "adamw"}},
        {"beta2", "optimizer", "sgd", {"adam", "adamw"}},
        {"eps", "optimizer", "sgd", {"adam", "adamw"}},
        {"step_size", "schedule", "constant", {"step"}},
        {"gamma", "schedule", "constant", {"step", "exponential"}},
        {"min_factor", "schedule", "constant", {"cosine"}},
        {"peak_at", "schedule", "constant", {"one_cycle"}},
        {"div_factor", "schedule", "constant", {"one_cycle"}},
        {"final_div_factor", "schedule", "constant", {"one_cycle"}},
        {"label_smoothing", "loss", "cross_entropy", {"cross_entropy"}},
    };
    const TomlNode* table = root_.find("trainer");
    if (!table) return;
    for (const Dependence& each : kAll) {
      const bool varies = is_parameter(each.key);
      if ((!varies && !table->find(each.key)) || is_parameter(each.on)) continue;
      const TomlNode* other = table->find(each.on);
      const Value value = other ? other->scalar : Value(std::string(each.otherwise));
      if (std::ranges::find(each.values, value) != each.values.end()) continue;
      const std::string_view where = varies ? "space" : "trainer";
      problems_.note(place(where, each.key),
                     fmt::format("{}.{} has no effect where trainer.{} is {}", where, each.key,
                                 each.on, text::plain(value)));
    }
  }

  bool is_parameter(std::string_view name) const {
    return std::ranges::find(spec_.space.parameters, name, &Parameter::name) !=
           spec_.space.parameters.end();
  }

  const StudySpec& spec_;
  const TomlNode& root_;
  Problems& problems_;
};

}  // namespace

void check_effects(const StudySpec& spec, const TomlNode& root, Problems& problems) {
  if (problems.checks() == Checks::kAll) Effects(spec, root, problems).check();
}

}  // namespace clavier::app
