#include "app/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/nearest.h"
#include "cluster/first_fit.h"
#include "cluster/rule_planner.h"
#include "cluster/rules/catalogue.h"
#include "sched/asha.h"
#include "sched/asha_promotion.h"
#include "sched/fifo.h"
#include "sched/median.h"
#include "sched/pb2.h"
#include "sched/pbt.h"
#include "sched/pbt_ray.h"
#include "sched/pbt_replay.h"
#include "sched/ray_asha.h"
#include "sched/ray_median.h"
#include "search/grid.h"
#include "search/random.h"
#include "search/sobol.h"
#include "study/text.h"

namespace clavier::app {
namespace {

constexpr double kMany = 1e15;

/// Checked options with their defaults, by name.
class Options {
 public:
  explicit Options(const AlgorithmSpec& spec) : config_(spec.options) {}
  std::int64_t whole(std::string_view name) const { return *get(name).as<std::int64_t>(); }
  double real(std::string_view name) const { return *get(name).as<double>(); }
  const std::string& text(std::string_view name) const { return *get(name).as<std::string>(); }
  bool flag(std::string_view name) const { return *get(name).as<bool>(); }
  const Value::List& list(std::string_view name) const { return *get(name).as<Value::List>(); }

 private:
  const Value& get(std::string_view name) const {
    const Value* value = config_.find(name);
    CHECK(value, "an option that `complete` did not fill in");
    return *value;
  }
  const Config& config_;
};

template <typename Policy>
struct Entry {
  AlgorithmInfo info;
  std::unique_ptr<Policy> (*make)(const StudySpec& spec, const Options& options);
};

using Searchers = std::vector<Entry<search::Searcher>>;
using Schedulers = std::vector<Entry<sched::Scheduler>>;
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

template <typename Asha>
std::unique_ptr<sched::Scheduler> make_asha(const StudySpec& spec, const Options& options) {
  return std::make_unique<Asha>(
      spec.objective,
      sched::AshaOptions{.max_steps = options.whole("max_steps"),
                         .grace = options.whole("grace"),
                         .reduction = options.real("reduction"),
                         .brackets = static_cast<int>(options.whole("brackets"))},
      spec.seed);
}

std::unique_ptr<sched::Scheduler> make_ray_asha(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::RayAsha>(
      spec.objective,
      sched::RayAshaOptions{.max_t = options.whole("max_steps"),
                            .grace_period = options.whole("grace"),
                            .reduction_factor = options.real("reduction"),
                            .brackets = static_cast<int>(options.whole("brackets")),
                            .stop_last_trials = options.flag("stop_last_trials")},
      spec.seed);
}

sched::Axis axis_of(const Options& options) {
  return options.text("axis") == "steps" ? sched::Axis::kSteps : sched::Axis::kSeconds;
}

std::unique_ptr<sched::Scheduler> make_median(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::Median>(
      spec.objective,
      sched::MedianOptions{.axis = axis_of(options),
                           .grace = options.real("grace"),
                           .every = options.real("every"),
                           .min_trials = static_cast<int>(options.whole("min_trials")),
                           .max_steps = options.whole("max_steps")});
}

std::unique_ptr<sched::Scheduler> make_ray_median(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::RayMedian>(
      spec.objective,
      sched::RayMedianOptions{.axis = axis_of(options),
                              .grace_period = options.real("grace"),
                              .min_samples_required = static_cast<int>(options.whole("min_trials")),
                              .min_time_slice = options.real("min_time_slice"),
                              .hard_stop = options.flag("hard_stop")});
}

std::vector<std::string> mutable_of(const Options& options) {
  std::vector<std::string> names;
  for (const Value& name : options.list("mutable")) names.push_back(text::plain(name));
  return names;
}

sched::Exchange exchange_of(const Options& options) {
  return options.flag("synch") ? sched::Exchange::kSynchronous : sched::Exchange::kAsynchronous;
}

/// What is no text or number in the lists becomes what `check` refuses.
sched::ExploreOptions explore_of(const Options& options) {
  sched::ExploreOptions explore{.parameters = mutable_of(options),
                                .resample_probability = options.real("resample")};
  explore.factors.clear();
  for (const Value& factor : options.list("factors"))
    explore.factors.push_back(factor.number().value_or(0));
  return explore;
}

bool shares_slots(const StudySpec& spec) { return spec.planner.algorithm == "first-fit"; }

sched::PbtOptions pbt_of(const StudySpec& spec, const Options& options) {
  return {.interval = options.whole("interval"),
          .burn_in = options.whole("burn_in"),
          .max_steps = options.whole("max_steps"),
          .quantile = options.real("quantile"),
          .exchange = exchange_of(options),
          .shares_slots = shares_slots(spec),
          .explore = explore_of(options)};
}

std::unique_ptr<sched::Scheduler> make_pbt(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::Pbt>(spec.objective, spec.space, pbt_of(spec, options), spec.seed);
}

/// Nothing is perturbed: the model chooses.
sched::PbtOptions pb2_of(const StudySpec& spec, const Options& options) {
  sched::PbtOptions pb2{.interval = options.whole("interval"),
                        .burn_in = options.whole("burn_in"),
                        .max_steps = options.whole("max_steps"),
                        .quantile = options.real("quantile"),
                        .exchange = exchange_of(options),
                        .shares_slots = shares_slots(spec)};
  pb2.explore.parameters = mutable_of(options);
  return pb2;
}

std::unique_ptr<sched::Scheduler> make_pb2(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::Pb2>(spec.objective, spec.space, pb2_of(spec, options), spec.seed);
}

template <sched::Counter counter>
sched::RayPbtOptions ray_pbt_of(const StudySpec& spec, const Options& options) {
  return {.perturbation_interval = options.whole("interval"),
          .burn_in_period = options.whole("burn_in"),
          .quantile_fraction = options.real("quantile"),
          .explore = explore_of(options),
          .max_steps = options.whole("max_steps"),
          .counter = counter,
          .shares_slots = shares_slots(spec)};
}

template <sched::Counter counter>
std::unique_ptr<sched::Scheduler> make_ray_pbt(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::RayPbt>(spec.objective, spec.space,
                                         ray_pbt_of<counter>(spec, options), spec.seed);
}

/// What is to be replayed, as far as the study's text tells it.
Result<sched::Policy> policy_of(const StudySpec& spec, const Options& options) {
  std::string name = options.text("policy"), lines;
  std::optional<TrialId> trial;
  // Of an earlier study the lines are those of the trial.
  if (!name.empty() && options.whole("trial") >= 0) trial = TrialId{options.whole("trial")};
  if (name.empty()) name = options.text("from");
  if (name.empty()) name = "scheduler.lines";
  for (const Value& line : options.list("lines")) lines += text::plain(line) + '\n';
  return sched::read_policy(lines, name, spec.space, trial);
}

/// Empty if `check_scheduler` refuses it: a configuration that never changes.
sched::Policy checked_policy(const StudySpec& spec, const Options& options) {
  auto policy = policy_of(spec, options);
  return policy ? *std::move(policy) : sched::Policy{};
}

std::unique_ptr<sched::Scheduler> make_replay(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::PbtReplay>(checked_policy(spec, options),
                                            options.whole("max_steps"));
}

std::unique_ptr<sched::Scheduler> make_fifo(const StudySpec&, const Options& options) {
  return std::make_unique<sched::Fifo>(sched::FifoOptions{.max_steps = options.whole("max_steps")});
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
                                  .seconds_per_step = spec.cluster.seconds_per_step,
                                  .window = keeps_together(spec) ? kWindow : 0});
}

std::unique_ptr<cluster::Planner> make_first_fit(const StudySpec&, const Options&) {
  return std::make_unique<cluster::FirstFit>();
}

/// A number of steps or trials with this default.
OptionSpec count(std::string_view name, std::int64_t fallback, std::string_view help) {
  return {name, fallback, 1, kMany, {}, help};
}
OptionSpec real(std::string_view name, double fallback, double low, std::string_view help) {
  return {name, fallback, low, kMany, {}, help};
}
OptionSpec flag(std::string_view name, bool fallback, std::string_view help) {
  return {name, fallback, 0, 0, {}, help};
}
OptionSpec free_text(std::string_view name, std::string_view help) {
  return {name, "", 0, 0, {}, help};
}
OptionSpec word(std::string_view name, const char* fallback, std::vector<std::string> words,
                std::string_view help) {
  return {name, fallback, 0, 0, std::move(words), help};
}

/// What all forms of successive halving have in common.
std::vector<OptionSpec> halving(std::vector<OptionSpec> more = {}) {
  std::vector<OptionSpec> all{
      count("max_steps", 100, "a trial is complete here; default: trial.stop.steps"),
      count("grace", 1, "no trial is judged before this step"),
      real("reduction", 4, 1.01, "one of so many goes on"),
      {"brackets", std::int64_t{1}, 1, 100, {}, "bracket b lacks the b lowest rungs"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// What all forms of population-based training have in common.
std::vector<OptionSpec> population(std::int64_t interval, std::vector<OptionSpec> more = {}) {
  std::vector<OptionSpec> all{
      count("interval", interval, "trials may take over others at each multiple"),
      {"burn_in", std::int64_t{0}, 0, kMany, {}, "nobody is judged before this step"},
      {"quantile", 0.25, 0, 0.5, {}, "so many lose, and so many may be donors"},
      {"resample", 0.25, 0, 1, {}, "probability of drawing anew instead of perturbing"},
      {"factors", Value::List{1.2, 0.8}, 0, 0, {}, "a number is multiplied by one of them"},
      {"mutable", Value::List{}, 0, 0, {}, "parameters that may change; default: all"},
      count("max_steps", kForever, "a trial is complete here; default: trial.stop.steps")};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

OptionSpec synch() { return flag("synch", false, "all wait for each other at each interval"); }

/// Of PB2, which does not perturb.
std::vector<OptionSpec> bandits() {
  std::vector<OptionSpec> all = population(10, {synch()});
  std::erase_if(all, [](auto& each) { return each.name == "resample" || each.name == "factors"; });
  return all;
}

const Schedulers& schedulers() {
  constexpr std::string_view kLimit = "a trial is complete here; default: trial.stop.steps";
  static const Schedulers all = {
      {{"fifo", "", "every trial to its end", {count("max_steps", kForever, kLimit)}}, make_fifo},
      {{"asha", "stopping", "successive halving that stops what looks bad", halving()},
       make_asha<sched::Asha>},
      {{"asha", "promotion", "successive halving that pauses, and may promote later", halving()},
       make_asha<sched::AshaPromotion>},
      {{"asha", "ray", "as Ray Tune decides",
        halving({flag("stop_last_trials", true, "stop at max_steps")})},
       make_ray_asha},
      {{"median",
        "sound",
        "stops what is worse than the median of the others",
        {word("axis", "steps", {"steps", "seconds"}, "what progress is measured in"),
         real("grace", 1, 0, "no trial is judged before"),
         real("every", 1, 1e-6, "then at grace, grace + every, …"),
         count("min_trials", 5, "so many others are needed for a judgement"),
         count("max_steps", kForever, kLimit)}},
       make_median},
      {{"median",
        "ray",
        "as Ray Tune decides",
        {word("axis", "seconds", {"steps", "seconds"}, "what progress is measured in"),
         real("grace", 60, 0, "no trial is judged before"),
         count("min_trials", 3, "so many others are needed for a judgement"),
         real("min_time_slice", 0, 0, "between two pauses of a trial"),
         flag("hard_stop", true, "stop; else pause a bad trial once")}},
       make_ray_median},
      {{"pbt", "sound", "population-based training among trials of like progress",
        population(10, {synch()})},
       make_pbt},
      {{"pbt", "ray", "as Ray Tune decides", population(60)},
       make_ray_pbt<sched::Counter::kDonors>},
      {{"pbt", "hrfs", "as the HRFS tuner decides, without its races", population(50)},
       make_ray_pbt<sched::Counter::kOwn>},
      {{"pb2", "", "population-based bandits: a model chooses the new hyperparameters", bandits()},
       make_pb2},
      {{"pbt_replay",
        "",
        "one trial with the recorded hyperparameters of another",
        {free_text("policy", "the file: Ray's or our pbt_policy_*.txt or pbt_global.txt"),
         free_text("from", "or a study of population-based training, by name or folder"),
         {"trial", std::int64_t{-1}, -1, kMany, {}, "whose; default: from's best, policy's last"},
         {"lines", Value::List{}, 0, 0, {}, "the policy itself, filled in from where it is"},
         count("max_steps", kForever, kLimit)}},
       make_replay},
  };
  return all;
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

std::string range_of(const OptionSpec& option) {
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
    return wrong(range_of(option));
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

Steps checkpoints_needed(const StudySpec& spec) {
  if (spec.scheduler.algorithm == "pbt" || spec.scheduler.algorithm == "pb2")
    return Options(spec.scheduler).whole("interval");
  Steps every = 0;
  if (spec.scheduler.algorithm == "pbt_replay")
    if (const auto policy = policy_of(spec, Options(spec.scheduler)))
      for (const auto& change : policy->changes) every = std::gcd(every, change.step);
  return every;
}

namespace {

Status check_saves(const StudySpec& spec) {
  const Steps interval = checkpoints_needed(spec);
  if (spec.checkpoint.every > 0 && interval % spec.checkpoint.every != 0)
    return invalid(fmt::format(
        "checkpoint.every is {}, and trials take over others' checkpoints every {} steps: "
        "scheduler.interval must be a multiple of it",
        spec.checkpoint.every, interval));
  return {};
}

Status check_replay(const StudySpec& spec) {
  TRY(policy_of(spec, Options(spec.scheduler)));
  if (spec.trials != 1)
    return invalid(
        fmt::format("pbt_replay trains one trial: study.trials must be 1, not {}", spec.trials));
  const Steps changes = checkpoints_needed(spec);
  if (spec.checkpoint.every > 0 && changes % spec.checkpoint.every != 0)
    return invalid(fmt::format(
        "checkpoint.every is {}, and the policy changes at multiples of {} steps: it must be a "
        "divisor of that, or left out",
        spec.checkpoint.every, changes));
  return {};
}

}  // namespace

Status check_scheduler(const StudySpec& spec) {
  if (spec.scheduler.algorithm == "pbt_replay") return check_replay(spec);
  const Options options(spec.scheduler);
  if (spec.scheduler.algorithm == "pb2") {
    TRY(sched::check_pb2(spec.space, pb2_of(spec, options)));
    return check_saves(spec);
  }
  if (spec.scheduler.algorithm != "pbt") return {};
  const std::string& variant = options.text("variant");
  if (variant == "sound")
    TRY(sched::check(spec.space, pbt_of(spec, options)));
  else
    TRY(sched::check(spec.space, ray_pbt_of<sched::Counter::kDonors>(spec, options)));
  return check_saves(spec);
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
  replay.space.points = {checked_policy(spec, Options(spec.scheduler)).initial};
  return make(searchers(), spec.search, replay);
}

std::unique_ptr<sched::Scheduler> make_scheduler(const StudySpec& spec) {
  return make(schedulers(), spec.scheduler, spec);
}

std::unique_ptr<cluster::Planner> make_planner(const StudySpec& spec) {
  return make(planners(), spec.planner, spec);
}

}  // namespace clavier::app
