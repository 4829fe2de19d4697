#include <fmt/format.h>

#include <numeric>

#include "app/registry_entry.h"
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
#include "study/text.h"

/// The schedulers that a study file may choose, and what only the whole study shows to be wrong
/// with one.
namespace clavier::app::registry {
namespace {

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

std::unique_ptr<sched::Scheduler> make_replay(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::PbtReplay>(checked_policy(spec), options.whole("max_steps"));
}

std::unique_ptr<sched::Scheduler> make_fifo(const StudySpec&, const Options& options) {
  return std::make_unique<sched::Fifo>(sched::FifoOptions{.max_steps = options.whole("max_steps")});
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

}  // namespace

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

sched::Policy checked_policy(const StudySpec& spec) {
  auto policy = policy_of(spec, Options(spec.scheduler));
  return policy ? *std::move(policy) : sched::Policy{};
}

namespace {

/// Trials that save themselves must do so wherever the scheduler needs it.
Status check_saves(const StudySpec& spec) {
  const Steps needed = checkpoints_needed(spec);
  if (spec.checkpoint.every > 0 && needed % spec.checkpoint.every != 0)
    return invalid(fmt::format(
        "checkpoint.every is {}, and {} needs checkpoints every {} steps: it must be a divisor of "
        "that, or left out",
        spec.checkpoint.every, spec.scheduler.algorithm, needed));
  return {};
}

Status check_replay(const StudySpec& spec) {
  TRY(policy_of(spec, Options(spec.scheduler)));
  if (spec.trials != 1)
    return invalid(
        fmt::format("pbt_replay trains one trial: study.trials must be 1, not {}", spec.trials));
  return check_saves(spec);
}

}  // namespace
}  // namespace clavier::app::registry

namespace clavier::app {

Steps checkpoints_needed(const StudySpec& spec) {
  if (spec.scheduler.algorithm == "pbt" || spec.scheduler.algorithm == "pb2")
    return registry::Options(spec.scheduler).whole("interval");
  Steps every = 0;
  if (spec.scheduler.algorithm == "pbt_replay")
    if (const auto policy = registry::policy_of(spec, registry::Options(spec.scheduler)))
      for (const auto& change : policy->changes) every = std::gcd(every, change.step);
  return every;
}

Status check_scheduler(const StudySpec& spec) {
  if (spec.scheduler.algorithm == "pbt_replay") return registry::check_replay(spec);
  const registry::Options options(spec.scheduler);
  if (spec.scheduler.algorithm == "pb2") {
    TRY(sched::check_pb2(spec.space, registry::pb2_of(spec, options)));
    return registry::check_saves(spec);
  }
  if (spec.scheduler.algorithm != "pbt") return {};
  const std::string& variant = options.text("variant");
  if (variant == "sound")
    TRY(sched::check(spec.space, registry::pbt_of(spec, options)));
  else
    TRY(sched::check(spec.space, registry::ray_pbt_of<sched::Counter::kDonors>(spec, options)));
  return registry::check_saves(spec);
}

Status check_sense(const StudySpec& spec) {
  const Value* grace = spec.scheduler.options.find("grace");
  const Value* axis = spec.scheduler.options.find("axis");
  if (!grace || (axis && !(*axis == Value("steps")))) return {};
  const Value* limit = spec.scheduler.options.find("max_steps");
  const Steps last = std::min(spec.trial.stop.steps, limit ? *limit->as<std::int64_t>() : kForever);
  if (!(*grace->number() > static_cast<double>(last))) return {};
  return invalid(
      fmt::format("no trial would ever be judged: scheduler.grace = {}, and trials end at "
                  "step {}",
                  text::plain(*grace), last));
}

}  // namespace clavier::app
