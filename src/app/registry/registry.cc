#include "app/registry/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "app/registry/registry_entry.h"
#include "base/fields.h"
#include "base/nearest.h"
#include "study/text.h"

namespace clavier::app {
namespace {

using registry::kMany;
using registry::Options;
using registry::planners;
using registry::schedulers;
using registry::searchers;
using registry::shares_slots;

/// What `ask` answers to the family's table.
template <typename Ask>
auto of_table(Family family, Ask ask) {
  switch (family) {
    case Family::kSearcher: return ask(searchers());
    case Family::kScheduler: return ask(schedulers());
    case Family::kPlanner: break;
  }
  return ask(planners());
}

/// Those that are not there any more as well.
std::vector<const AlgorithmInfo*> all_infos(Family family) {
  return of_table(family, [](const auto& table) {
    std::vector<const AlgorithmInfo*> all;
    for (const auto& entry : table) all.push_back(&entry.info);
    return all;
  });
}

/// Null if there is none; of a spec without a variant the first.
template <typename Policy>
const registry::Entry<Policy>* find(const registry::Table<Policy>& table,
                                    const AlgorithmSpec& choice) {
  const Value* variant = choice.options.find("variant");
  for (const auto& entry : table)
    if (entry.info.name == choice.algorithm && (entry.info.variant.empty() || !variant ||
                                                *variant == Value(std::string(entry.info.variant))))
      return &entry;
  return nullptr;
}

template <typename Policy>
std::unique_ptr<Policy> make(const registry::Table<Policy>& table, const AlgorithmSpec& choice,
                             const StudySpec& spec) {
  const auto* entry = find(table, choice);
  CHECK(entry, "an algorithm that was not checked");
  return entry->make(spec, Options(choice));
}

/// With the space as its scheduler makes it.
StudySpec searched(StudySpec spec) {
  const auto* scheduler = find(schedulers(), spec.scheduler);
  if (scheduler && scheduler->space) spec.space = scheduler->space(spec, Options(spec.scheduler));
  return spec;
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
  auto all = all_infos(family);
  std::erase_if(all, [](const AlgorithmInfo* info) { return !info->instead.empty(); });
  return all;
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
  for (const AlgorithmInfo* info : all_infos(family))
    if (info->name == name && (variant.empty() || info->variant == variant)) return info;
  const auto names = algorithm_names(family);
  if (std::ranges::find(names, name) == names.end())
    return invalid(fmt::format("{}.algorithm: unknown \"{}\"{}", table_of(family), name,
                               suggestion(name, names)));
  return invalid(fmt::format("{}.variant: unknown \"{}\" of {}{}", table_of(family), variant, name,
                             suggestion(variant, variant_names(family, name))));
}

Status check_there(Family family, const AlgorithmSpec& spec) {
  const Value* variant = spec.options.find("variant");
  const auto* name = variant ? variant->as<std::string>() : nullptr;
  const AlgorithmInfo* info =
      TRY(find_algorithm(family, spec.algorithm, name ? *name : std::string()));
  if (info->instead.empty()) return {};
  return invalid(fmt::format("{} {}{} is not there any more; use {}", table_of(family), info->name,
                             name ? fmt::format(", variant \"{}\",", *name) : std::string(),
                             info->instead));
}

Traits traits_of(Family family, const AlgorithmSpec& spec) {
  return of_table(family, [&](const auto& table) {
    const auto* entry = find(table, spec);
    return entry ? entry->info.traits : Traits{};
  });
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
    return wrong(range_text({option.name, option.low, option.high}, *number));
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

Steps checkpoints_needed(const StudySpec& spec) {
  const auto* entry = find(schedulers(), spec.scheduler);
  const bool says = entry && entry->checkpoints_needed;
  return says ? entry->checkpoints_needed(spec, Options(spec.scheduler)) : 0;
}

std::vector<Steps> rungs_of(const StudySpec& spec) {
  const auto* entry = find(schedulers(), spec.scheduler);
  return entry && entry->rungs ? entry->rungs(Options(spec.scheduler)) : std::vector<Steps>{};
}

Status check_scheduler(const StudySpec& spec) {
  const auto* entry = find(schedulers(), spec.scheduler);
  if (entry && entry->check) TRY(entry->check(spec, Options(spec.scheduler)));
  // Trials that save themselves must do so wherever the scheduler needs it.
  const Steps needed = checkpoints_needed(spec);
  if (spec.checkpoint.every > 0 && needed % spec.checkpoint.every != 0)
    return invalid(fmt::format(
        "checkpoint.every is {}, and {} needs checkpoints every {} steps: it must be a divisor of "
        "that, or left out",
        spec.checkpoint.every, spec.scheduler.algorithm, needed));
  return {};
}

Status check_planner(const StudySpec& spec) {
  if (shares_slots(spec)) return {};
  if (spec.trial_length() == kForever)
    return invalid(
        fmt::format("{} plans to the end of every trial, which nothing limits: set "
                    "[trial.stop] steps",
                    spec.planner.algorithm));
  const auto* scheduler = find(schedulers(), spec.scheduler);
  if (scheduler && scheduler->pauses && scheduler->pauses(Options(spec.scheduler)))
    return invalid(fmt::format(
        "{} takes trials off their slots itself, and so does this scheduler: use first-fit, or a "
        "scheduler that does not pause trials",
        spec.planner.algorithm));
  return {};
}

Status check_objectives(const StudySpec& spec) {
  if (!spec.objective.several()) return {};
  const std::size_t number = spec.objective.further.size() + 1;
  for (const Family family : {Family::kSearcher, Family::kScheduler}) {
    const AlgorithmSpec& chosen = family == Family::kSearcher ? spec.search : spec.scheduler;
    if (traits_of(family, chosen).several) continue;
    const auto named = [](std::string_view name, std::string_view variant) {
      return variant.empty() ? std::string(name) : fmt::format("{} (variant {})", name, variant);
    };
    const Value* variant = chosen.options.find("variant");
    std::vector<std::string> others;
    for (const AlgorithmInfo* info : algorithms(family))
      if (info->traits.several) others.push_back(named(info->name, info->variant));
    return invalid(
        fmt::format("{}.algorithm: {} compares trials by one metric, and study.metrics "
                    "has {}; these take several: {}",
                    table_of(family), named(chosen.algorithm, variant ? text::plain(*variant) : ""),
                    number, fmt::join(others, ", ")));
  }
  if (spec.trial.stop.patience || spec.trial.stop.wilcoxon)
    return invalid(
        fmt::format("trial.stop.{} compares trials by one metric, and study.metrics has {}; use "
                    "threshold of [trial.stop], or algorithm = \"asha\" in [scheduler]",
                    spec.trial.stop.patience ? "patience" : "wilcoxon", number));
  if (spec.stop.metric || spec.stop.plateau)
    return invalid(
        fmt::format("stop.{} asks for the best value of one metric, and study.metrics has "
                    "{}; use time, trials or cost of [stop]",
                    spec.stop.metric ? "metric" : "plateau", number));
  return {};
}

Status check_asked(const StudySpec& spec) {
  const Traits traits = traits_of(Family::kScheduler, spec.scheduler);
  const auto* scheduler = find(schedulers(), spec.scheduler);
  const bool pauses = scheduler && scheduler->pauses && scheduler->pauses(Options(spec.scheduler));
  if (pauses || traits.population || traits.replays)
    return invalid(
        fmt::format("scheduler.algorithm = \"{}\" needs checkpoints of its trials, and a study "
                    "whose trials are "
                    "asked for has none: use one that only stops trials, as asha, median or fifo",
                    spec.scheduler.algorithm));
  if (!shares_slots(spec))
    return invalid(fmt::format(
        "planner.algorithm = \"{}\" shares out slots, and a study whose trials are asked for has "
        "one for each: leave out [planner]",
        spec.planner.algorithm));
  if (spec.fusion.members != 1)
    return invalid("fusion.members: whoever asks gets one trial; leave it out");
  if (!spec.trial.gang.one())
    return invalid("trial.slots: whoever asks for a trial is its one slot; leave it out");
  if (spec.trial.stop.time || spec.trial.time_limit)
    return invalid(
        fmt::format("{}: nobody watches the time of a trial that was asked for; leave it out",
                    spec.trial.stop.time ? "trial.stop.time" : "trial.time_limit"));
  return {};
}

Status check_sense(const StudySpec& spec) {
  if (traits_of(Family::kSearcher, spec.search).by_rungs && rungs_of(spec).empty())
    return invalid(
        fmt::format("{} learns at the rungs of a scheduler, and {} has none: use "
                    "hyperband, or asha",
                    spec.search.algorithm, spec.scheduler.algorithm));
  const Value* grace = spec.scheduler.options.find("grace");
  const Value* axis = spec.scheduler.options.find("axis");
  if (!grace || (axis && !(*axis == Value("steps")))) return {};
  const Steps last = spec.trial_length();
  if (!(*grace->number() > static_cast<double>(last))) return {};
  return invalid(
      fmt::format("no trial would ever be judged: scheduler.grace = {}, and trials end at "
                  "step {}",
                  text::plain(*grace), last));
}

std::string explain_search(const StudySpec& spec, const State& state) {
  const auto* entry = find(searchers(), spec.search);
  if (!entry || !entry->explain) return spec.search.algorithm;
  return fmt::format("{}: {}", spec.search.algorithm, entry->explain(searched(spec), state));
}

std::unique_ptr<search::Searcher> make_searcher(const StudySpec& spec) {
  return make(searchers(), spec.search, searched(spec));
}

std::unique_ptr<sched::Scheduler> make_scheduler(const StudySpec& spec) {
  return make(schedulers(), spec.scheduler, spec);
}

std::unique_ptr<cluster::Planner> make_planner(const StudySpec& spec) {
  return make(planners(), spec.planner, spec);
}

}  // namespace clavier::app
