#include "app/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/registry_entry.h"
#include "base/nearest.h"
#include "cluster/backfill.h"
#include "cluster/first_fit.h"
#include "cluster/rule_planner.h"
#include "cluster/rules/catalogue.h"
#include "search/grid.h"
#include "search/random.h"
#include "search/sobol.h"
#include "study/text.h"

namespace clavier::app {
namespace {

using registry::Entry;
using registry::kMany;
using registry::Options;
using registry::schedulers;
using registry::shares_slots;
using Searchers = std::vector<Entry<search::Searcher>>;
using Planners = std::vector<Entry<cluster::Planner>>;

template <typename Search>
std::unique_ptr<search::Searcher> make_search(const StudySpec& spec, const Options&) {
  return std::make_unique<Search>(spec.space, spec.seed);
}

const Searchers& searchers() {
  static const Searchers all = {
      {{"random", "", "independent draws"}, make_search<search::RandomSearch>},
      {{"grid", "", "every combination"}, make_search<search::GridSearch>},
      {{"sobol", "", "scrambled Sobol points, more even than random"},
       make_search<search::SobolSearch>},
  };
  return all;
}

/// Where a trial ends if nothing stops it; kForever if nothing says so.
Steps last_step(const StudySpec& spec) {
  const Value* limit = spec.scheduler.options.find("max_steps");
  return std::min(spec.trial.stop.steps, limit ? *limit->as<std::int64_t>() : kForever);
}

/// Members of a population learn from each other: who is far ahead, or behind, has no peers
/// (docs/decisions/0004-populations-stay-together.md). The rules of the sources stay as they are.
constexpr Steps kWindow = 2;

bool keeps_together(const StudySpec& spec) {
  const Value* variant = spec.scheduler.options.find("variant");
  const bool sound =
      spec.scheduler.algorithm == "pb2" ||
      (spec.scheduler.algorithm == "pbt" && variant && *variant == Value(std::string("sound")));
  return sound && spec.planner.algorithm == "auto";
}

/// How often trials report, as `auto` believes until one does. A slow slot that begins a trial ends
/// it no sooner than there: too few is the costlier error.
Steps steps_between_reports(const StudySpec& spec, Steps interval) {
  const Steps fifth = std::max<Steps>(1, last_step(spec) / 5);
  if (spec.planner.algorithm != "auto") return 1;
  return keeps_together(spec) ? std::min(interval, fifth) : fifth;
}

std::unique_ptr<cluster::Planner> make_rule_planner(const StudySpec& spec, const Options& options) {
  const Steps target = last_step(spec);
  Steps interval = options.whole("interval");
  if (interval == 0) interval = checkpoints_needed(spec);
  if (interval == 0) interval = std::max<Steps>(1, target / 20);
  const bool known = std::ranges::any_of(
      spec.cluster.slots, [](const SlotSpec& slot) { return slot.speed.has_value(); });
  return std::make_unique<cluster::RulePlanner>(
      [rule = spec.planner.algorithm] { return cluster::rules::make(rule); },
      cluster::RulePlannerOptions{.target = target,
                                  .interval = interval,
                                  .speeds_known = known,
                                  .report_every = steps_between_reports(spec, interval),
                                  .seconds_per_step = spec.cluster.seconds_per_step,
                                  .window = keeps_together(spec) ? kWindow : 0});
}

std::unique_ptr<cluster::Planner> make_first_fit(const StudySpec& spec, const Options&) {
  if (spec.trial.gang.one()) return std::make_unique<cluster::FirstFit>();
  return std::make_unique<cluster::Backfill>(cluster::BackfillOptions{
      .seconds_per_step = spec.cluster.seconds_per_step, .length = last_step(spec)});
}

/// What all planners have in common that share out slots over time.
std::vector<OptionSpec> sharing() {
  return {{"interval",
           std::int64_t{0},
           0,
           kMany,
           {},
           "steps that the baselines cut work into; 0: the scheduler's, else a twentieth"}};
}

const Planners& planners() {
  static const Planners all = {
      {{"first-fit", "", "the best trial to the fastest free slot"}, make_first_fit},
      {{"auto", "", "finishes as early as unequal slots allow; trials change slots", sharing()},
       make_rule_planner},
      {{"hrfs", "", "baseline: the rule of the HRFS tuner", sharing()}, make_rule_planner},
      {{"era", "", "baseline: shares by measured speed, shrinking", sharing()}, make_rule_planner},
      {{"eta", "", "baseline: shares by estimated time", sharing()}, make_rule_planner},
      {{"gpa", "", "baseline: retires the weakest slots late", sharing()}, make_rule_planner},
      {{"agnostic", "", "baseline: least progress first, to any slot", sharing()},
       make_rule_planner},
      {{"uniform-bundle", "", "baseline: as agnostic, with one bundle of resources for all",
        sharing()},
       make_rule_planner},
      {{"max-min", "", "baseline: in rounds, least work received to the fastest slot (Gavel)",
        sharing()},
       make_rule_planner},
      {{"goodput", "", "baseline: in rounds, most throughput, few moves (Pollux, Sia)", sharing()},
       make_rule_planner},
  };
  return all;
}

template <typename Table>
std::vector<const AlgorithmInfo*> infos(const Table& table) {
  std::vector<const AlgorithmInfo*> all;
  for (const auto& entry : table) all.push_back(&entry.info);
  return all;
}

template <typename Policy>
std::unique_ptr<Policy> make(const std::vector<Entry<Policy>>& table, const AlgorithmSpec& choice,
                             const StudySpec& spec) {
  const Value* variant = choice.options.find("variant");
  const auto entry = std::ranges::find_if(table, [&](const auto& candidate) {
    return candidate.info.name == choice.algorithm &&
           (candidate.info.variant.empty() ||
            (variant && *variant == Value(std::string(candidate.info.variant))));
  });
  CHECK(entry != table.end(), "an algorithm that was not checked");
  return entry->make(spec, Options(choice));
}

std::string range_of(const OptionSpec& option, double value) {
  if (option.high >= kMany && value > option.high)
    return fmt::format("at most {:.0f}", option.high);
  if (option.high >= kMany) return fmt::format("at least {}", option.low);
  if (std::isinf(option.low)) return fmt::format("at most {}", option.high);
  return fmt::format("from {} to {}", option.low, option.high);
}

std::string_view type_of(const OptionSpec& option) {
  if (option.fallback.as<std::int64_t>()) return "a whole number";
  if (option.fallback.as<double>()) return "a number";
  if (option.fallback.as<Value::List>()) return "a list";
  return option.fallback.as<bool>() ? "true or false" : "text";
}

}  // namespace

std::string_view table_of(Family family) {
  switch (family) {
    case Family::kSearcher: return "search";
    case Family::kScheduler: return "scheduler";
    case Family::kPlanner: return "planner";
  }
  return "";
}

std::vector<const AlgorithmInfo*> algorithms(Family family) {
  switch (family) {
    case Family::kSearcher: return infos(searchers());
    case Family::kScheduler: return infos(schedulers());
    case Family::kPlanner: return infos(planners());
  }
  return {};
}

std::vector<std::string> algorithm_names(Family family) {
  std::vector<std::string> names;
  for (const AlgorithmInfo* info : algorithms(family))
    if (names.empty() || names.back() != info->name) names.emplace_back(info->name);
  return names;
}

std::vector<std::string> variant_names(Family family, std::string_view name) {
  std::vector<std::string> names;
  for (const AlgorithmInfo* info : algorithms(family))
    if (info->name == name && !info->variant.empty()) names.emplace_back(info->variant);
  return names;
}

Result<const AlgorithmInfo*> find_algorithm(Family family, std::string_view name,
                                            std::string_view variant) {
  const auto names = algorithm_names(family);
  if (std::ranges::find(names, name) == names.end())
    return invalid(fmt::format("{}.algorithm: unknown \"{}\"{}", table_of(family), name,
                               suggestion(name, names)));
  for (const AlgorithmInfo* info : algorithms(family))
    if (info->name == name && (variant.empty() || info->variant == variant)) return info;
  return invalid(fmt::format("{}.variant: unknown \"{}\" of {}{}", table_of(family), variant, name,
                             suggestion(variant, variant_names(family, name))));
}

Result<const OptionSpec*> find_option(const AlgorithmInfo& algorithm, std::string_view name) {
  std::vector<std::string> names;
  for (const OptionSpec& option : algorithm.options) {
    if (option.name == name) return &option;
    names.emplace_back(option.name);
  }
  return invalid(
      fmt::format("unknown option \"{}\" of {}{}", name, algorithm.name, suggestion(name, names)));
}

Result<Value> check_option(const OptionSpec& option, const Value& value) {
  Value typed = value;
  if (const auto* whole = value.as<std::int64_t>(); whole && option.fallback.as<double>())
    typed = static_cast<double>(*whole);
  const auto wrong = [&](std::string_view expected) {
    return invalid(
        fmt::format("{} must be {}, not {}", option.name, expected, text::to_json(value)));
  };
  if (typed.data.index() != option.fallback.data.index()) return wrong(type_of(option));
  if (const auto* word = typed.as<std::string>()) {
    if (option.words.empty() || std::ranges::find(option.words, *word) != option.words.end())
      return typed;
    return invalid(
        fmt::format("{}: unknown \"{}\"{}", option.name, *word, suggestion(*word, option.words)));
  }
  const auto number = typed.as<bool>() ? std::nullopt : typed.number();
  const bool is_unset = typed == Value(kForever) && option.fallback == Value(kForever);
  if (number && !is_unset && !(*number >= option.low && *number <= option.high))
    return wrong(range_of(option, *number));
  return typed;
}

Result<AlgorithmSpec> complete(Family family, const AlgorithmSpec& spec) {
  const AlgorithmInfo* info = TRY(find_algorithm(family, spec.algorithm));
  AlgorithmSpec whole{spec.algorithm};
  const Value* variant = info->variant.empty() ? nullptr : spec.options.find("variant");
  if (variant) {
    const auto* name = variant->as<std::string>();
    if (!name) return invalid(fmt::format("{}.variant must be text", table_of(family)));
    info = TRY(find_algorithm(family, spec.algorithm, *name));
  }
  if (!info->variant.empty()) whole.options.set("variant", std::string(info->variant));
  for (const Config::Entry& entry : spec.options.entries())
    if (!whole.options.find(entry.name)) TRY(find_option(*info, entry.name));
  for (const OptionSpec& option : info->options) {
    const Value* value = spec.options.find(option.name);
    whole.options.set(option.name, value ? TRY(check_option(option, *value)) : option.fallback);
  }
  return whole;
}

Result<AlgorithmSpec> complete_scheduler(AlgorithmSpec spec, Steps last_step) {
  const AlgorithmSpec whole = TRY(complete(Family::kScheduler, spec));
  if (last_step == kForever || spec.options.find("max_steps") || !whole.options.find("max_steps"))
    return whole;
  spec.options.set("max_steps", Value(std::int64_t{last_step}));
  return complete(Family::kScheduler, spec);
}

Status check_planner(const StudySpec& spec) {
  if (shares_slots(spec)) return {};
  if (last_step(spec) == kForever)
    return invalid(
        fmt::format("{} plans to the end of every trial, which nothing limits: set "
                    "[trial.stop] steps",
                    spec.planner.algorithm));
  const auto option = [&](std::string_view name) {
    const Value* value = spec.scheduler.options.find(name);
    return value ? *value : Value{};
  };
  const bool pauses = option("variant") == Value(std::string("promotion")) ||
                      option("synch") == Value(true) || option("hard_stop") == Value(false);
  if (pauses)
    return invalid(fmt::format(
        "{} takes trials off their slots itself, and so does this scheduler: use first-fit, or a "
        "scheduler that does not pause trials",
        spec.planner.algorithm));
  return {};
}

std::unique_ptr<search::Searcher> make_searcher(const StudySpec& spec) {
  if (spec.scheduler.algorithm != "pbt_replay") return make(searchers(), spec.search, spec);
  StudySpec replay = spec;
  replay.space.points = {registry::checked_policy(spec).initial};
  return make(searchers(), spec.search, replay);
}

std::unique_ptr<sched::Scheduler> make_scheduler(const StudySpec& spec) {
  return make(schedulers(), spec.scheduler, spec);
}

std::unique_ptr<cluster::Planner> make_planner(const StudySpec& spec) {
  return make(planners(), spec.planner, spec);
}

}  // namespace clavier::app
