#include <fmt/format.h>

#include <numeric>
#include <set>

#include "app/registry/registry_entry.h"
#include "sched/asha.h"
#include "sched/asha_promotion.h"
#include "sched/fifo.h"
#include "sched/hyperband.h"
#include "sched/median.h"
#include "sched/pb2.h"
#include "sched/pbt.h"
#include "sched/pbt_replay.h"
#include "sched/ray/asha.h"
#include "sched/ray/pbt.h"
#include "study/text.h"

/// The schedulers that a study file may choose, and what only the whole study shows to be wrong
/// with one.
namespace clavier::app::registry {
namespace {

sched::AshaOptions halving_of(const Options& options) {
  return {.max_steps = options.whole("max_steps"),
          .grace = options.whole("grace"),
          .reduction = options.real("reduction")};
}

template <typename Asha>
std::unique_ptr<sched::Scheduler> make_asha(const StudySpec& spec, const Options& options) {
  sched::AshaOptions asha = halving_of(options);
  asha.brackets = static_cast<int>(options.whole("brackets"));
  asha.learns_brackets = options.text("bracket_choice") == "learned";
  return std::make_unique<Asha>(spec.objective, asha, spec.seed);
}

std::vector<Steps> asha_rungs(const Options& options) {
  const sched::Rungs rungs(halving_of(options));
  std::vector<Steps> steps;
  for (std::size_t i = 0; i < rungs.size(); ++i) steps.push_back(rungs.milestone(i));
  steps.push_back(rungs.max_steps());
  return steps;
}

/// `brackets`: what they are by the variant's rule.
template <auto brackets>
std::unique_ptr<sched::Scheduler> make_hyperband(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::HyperBand>(spec.objective, brackets(options));
}

template <auto brackets>
std::vector<Steps> hyperband_rungs(const Options& options) {
  std::set<Steps> steps;
  for (const sched::BracketShape& shape : brackets(options))
    steps.insert(shape.rungs.begin(), shape.rungs.end());
  return {steps.begin(), steps.end()};
}

std::vector<sched::BracketShape> sound_brackets(const Options& options) {
  return sched::hyperband_brackets(halving_of(options));
}

std::vector<sched::BracketShape> ray_brackets(const Options& options) {
  return sched::ray_hyperband_brackets(
      {.max_steps = options.whole("max_steps"), .reduction = options.real("reduction")});
}

Status check_hyperband(const StudySpec&, const Options& options) {
  if (options.whole("grace") <= options.whole("max_steps")) return {};
  return invalid(fmt::format("no trial would ever be judged: grace is {}, and max_steps {}",
                             options.whole("grace"), options.whole("max_steps")));
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
                           .percentile = options.real("percentile"),
                           .max_steps = options.whole("max_steps")});
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

Status check_pbt(const StudySpec& spec, const Options& options) {
  return sched::check(spec.space, pbt_of(spec, options));
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

Status check_pb2(const StudySpec& spec, const Options& options) {
  return sched::check_pb2(spec.space, pb2_of(spec, options));
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
Status check_ray_pbt(const StudySpec& spec, const Options& options) {
  return sched::check(spec.space, ray_pbt_of<counter>(spec, options));
}

template <sched::Counter counter>
std::unique_ptr<sched::Scheduler> make_ray_pbt(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::RayPbt>(spec.objective, spec.space,
                                         ray_pbt_of<counter>(spec, options), spec.seed);
}

/// What is to be replayed, as far as the study's text tells it.
Result<sched::RecordedPolicy> policy_of(const StudySpec& spec, const Options& options) {
  std::string name = options.text("policy"), lines;
  std::optional<TrialId> trial;
  // Of an earlier study the lines are those of the trial.
  if (!name.empty() && options.whole("trial") >= 0) trial = TrialId{options.whole("trial")};
  if (name.empty()) name = options.text("from");
  if (name.empty()) name = "scheduler.lines";
  for (const Value& line : options.list("lines")) lines += text::plain(line) + '\n';
  return sched::read_policy(lines, name, spec.space, trial);
}

/// The same, of what `check_replay` refuses a configuration that never changes.
sched::RecordedPolicy checked_policy(const StudySpec& spec, const Options& options) {
  auto policy = policy_of(spec, options);
  return policy ? *std::move(policy) : sched::RecordedPolicy{};
}

Status check_replay(const StudySpec& spec, const Options& options) {
  TRY(policy_of(spec, options));
  if (spec.trials != 1)
    return invalid(
        fmt::format("pbt_replay trains one trial: study.trials must be 1, not {}", spec.trials));
  return {};
}

Steps boundaries(const StudySpec& spec, const Options& options) {
  Steps every = 0;
  for (const auto& change : checked_policy(spec, options).changes)
    every = std::gcd(every, change.step);
  return every;
}

/// Its only point is where the recorded trial began.
Space replayed(const StudySpec& spec, const Options& options) {
  Space space = spec.space;
  space.points = {checked_policy(spec, options).initial};
  return space;
}

std::unique_ptr<sched::Scheduler> make_replay(const StudySpec& spec, const Options& options) {
  return std::make_unique<sched::PbtReplay>(checked_policy(spec, options),
                                            options.whole("max_steps"));
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

OptionSpec bracket_choice() {
  return word("bracket_choice", "shares", {"shares", "learned"},
              "of HyperBand's shares; learned: less where a first rung misleads");
}

/// What the forms of HyperBand have in common.
std::vector<OptionSpec> barriers(std::vector<OptionSpec> more = {}) {
  std::vector<OptionSpec> all{
      count("max_steps", 81, "a trial is complete here; default: trial.stop.steps"),
      real("reduction", 3, 1.5, "one of so many goes on, and rungs are so many times apart")};
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

Steps interval(const StudySpec&, const Options& options) { return options.whole("interval"); }

bool always(const Options&) { return true; }

bool if_synchronous(const Options& options) { return options.flag("synch"); }

OptionSpec synch() { return flag("synch", false, "all wait for each other at each interval"); }

/// Of PB2, which does not perturb.
std::vector<OptionSpec> bandits() {
  std::vector<OptionSpec> all = population(10, {synch()});
  std::erase_if(all, [](auto& each) { return each.name == "resample" || each.name == "factors"; });
  return all;
}

}  // namespace

const Table<sched::Scheduler>& schedulers() {
  constexpr std::string_view kLimit = "a trial is complete here; default: trial.stop.steps";
  static const Table<sched::Scheduler> all = {
      {.info = {"fifo",
                "",
                "every trial to its end",
                {count("max_steps", kForever, kLimit)},
                {.several = true, .to_the_end = true}},
       .make = make_fifo},
      {.info = {"asha",
                "stopping",
                "successive halving that stops what looks bad",
                halving({bracket_choice()}),
                {.several = true}},
       .make = make_asha<sched::Asha>,
       .rungs = asha_rungs},
      {.info = {"asha", "promotion", "successive halving that pauses, and may promote later",
                halving({bracket_choice()})},
       .make = make_asha<sched::AshaPromotion>,
       .pauses = always,
       .rungs = asha_rungs},
      {.info = {"asha", "ray", "as Ray Tune decides",
                halving({flag("stop_last_trials", true, "stop at max_steps")})},
       .make = make_ray_asha,
       .rungs = asha_rungs},
      {.info = {"hyperband", "sound", "brackets of halving where all wait for each other",
                barriers({count("grace", 1, "no trial is judged before this step")})},
       .make = make_hyperband<sound_brackets>,
       .check = check_hyperband,
       .pauses = always,
       .rungs = hyperband_rungs<sound_brackets>},
      {.info = {"hyperband", "ray", "with Ray Tune's brackets", barriers()},
       .make = make_hyperband<ray_brackets>,
       .pauses = always,
       .rungs = hyperband_rungs<ray_brackets>},
      {.info = {"median",
                "sound",
                "stops what is worse than the median of the others",
                {word("axis", "steps", {"steps", "seconds"}, "what progress is measured in"),
                 real("grace", 1, 0, "no trial is judged before"),
                 real("every", 1, 1e-6, "then at grace, grace + every, …"),
                 count("min_trials", 5, "so many others are needed for a judgement"),
                 {"percentile", 50.0, 0, 100, {}, "25: stops what is not in the best quarter"},
                 count("max_steps", kForever, kLimit)}},
       .make = make_median},
      {.info = {"median",
                "ray",
                "as Ray Tune decides",
                {word("axis", "seconds", {"steps", "seconds"}, "what progress is measured in"),
                 real("grace", 60, 0, "no trial is judged before"),
                 count("min_trials", 3, "so many others are needed for a judgement"),
                 real("min_time_slice", 0, 0, "between two pauses of a trial"),
                 flag("hard_stop", true, "stop; else pause a bad trial once")},
                {},
                "variant = \"sound\", which stops by the same idea and by steps"}},
      {.info = {"pbt",
                "sound",
                "population-based training among trials of like progress",
                population(10, {synch()}),
                {.population = true, .peers = true}},
       .make = make_pbt,
       .check = check_pbt,
       .checkpoints_needed = interval,
       .pauses = if_synchronous},
      {.info = {"pbt", "ray", "as Ray Tune decides", population(60), {.population = true}},
       .make = make_ray_pbt<sched::Counter::kDonors>,
       .check = check_ray_pbt<sched::Counter::kDonors>,
       .checkpoints_needed = interval},
      {.info = {"pbt",
                "hrfs",
                "as the HRFS tuner decides, without its races",
                population(50),
                {.population = true, .own_counter = true}},
       .make = make_ray_pbt<sched::Counter::kOwn>,
       .check = check_ray_pbt<sched::Counter::kOwn>,
       .checkpoints_needed = interval},
      {.info = {"pb2",
                "",
                "population-based bandits: a model chooses the new hyperparameters",
                bandits(),
                {.population = true, .peers = true}},
       .make = make_pb2,
       .check = check_pb2,
       .checkpoints_needed = interval,
       .pauses = if_synchronous},
      {.info =
           {"pbt_replay",
            "",
            "one trial with the recorded hyperparameters of another",
            {free_text("policy", "the file: Ray's or our pbt_policy_*.txt or pbt_global.txt"),
             free_text("from", "or a study of population-based training, by name or folder"),
             {"trial",
              std::int64_t{-1},
              -1,
              kMany,
              {},
              "whose; default: from's best, policy's last"},
             {"lines", Value::List{}, 0, 0, {}, "the policy itself, filled in from where it is"},
             count("max_steps", kForever, kLimit)},
            {.to_the_end = true, .population = true, .replays = true}},
       .make = make_replay,
       .check = check_replay,
       .checkpoints_needed = boundaries,
       .space = replayed},
  };
  return all;
}

}  // namespace clavier::app::registry
