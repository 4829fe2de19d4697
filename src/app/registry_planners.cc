#include <algorithm>

#include "app/registry_entry.h"
#include "cluster/backfill.h"
#include "cluster/first_fit.h"
#include "cluster/rule_planner.h"
#include "cluster/rules/catalogue.h"

/// The planners that a study file may choose: first-fit, and every rule of the catalogue.
namespace clavier::app::registry {
namespace {

/// Members of a population learn from each other: who is far ahead, or behind, has no peers
/// (docs/decisions/0004-populations-stay-together.md). The rules of the sources stay as they are.
constexpr Steps kWindow = 2;

bool keeps_together(const StudySpec& spec) {
  return traits_of(Family::kScheduler, spec.scheduler).peers &&
         traits_of(Family::kPlanner, spec.planner).measures;
}

/// How often trials report, as a planner that measures it believes until one does. A slow slot that
/// begins a trial ends it no sooner than there: too few is the costlier error.
Steps steps_between_reports(const StudySpec& spec, Steps interval) {
  const Steps fifth = std::max<Steps>(1, spec.trial_length() / 5);
  if (!traits_of(Family::kPlanner, spec.planner).measures) return 1;
  return keeps_together(spec) ? std::min(interval, fifth) : fifth;
}

std::unique_ptr<cluster::Planner> make_rule_planner(const StudySpec& spec, const Options& options) {
  const Steps target = spec.trial_length();
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
      .seconds_per_step = spec.cluster.seconds_per_step, .length = spec.trial_length()});
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

Table<cluster::Planner> all_planners() {
  Table<cluster::Planner> all = {
      {.info = {"first-fit", "", "the best trial to the fastest free slot"},
       .make = make_first_fit}};
  for (const cluster::rules::Rule& rule : cluster::rules::all())
    if (rule.plans)
      all.push_back({.info = {rule.name,
                              "",
                              rule.help,
                              sharing(),
                              {.multiplexes = true, .measures = rule.measures}},
                     .make = make_rule_planner});
  return all;
}

}  // namespace

const Table<cluster::Planner>& planners() {
  static const Table<cluster::Planner> all = all_planners();
  return all;
}

}  // namespace clavier::app::registry
