// bench gangs: trials that take several slots at once, in virtual time: what claims and backfill do
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/measure.h"
#include "cluster/backfill.h"
#include "cluster/bound.h"
#include "exec/sim/power_law.h"
#include "exec/sim/sim_executor.h"
#include "sched/asha.h"
#include "sched/fifo.h"
#include "search/random.h"
#include "tests/support/greedy_gangs.h"
#include "tuner/tuner.h"

namespace {

using namespace clavier;

constexpr Steps kSteps = 81;
constexpr std::int64_t kTrials = 200;
constexpr std::uint64_t kSeeds = 20;
constexpr std::size_t kMachines = 4, kSlots = 8;

Space space() {
  constexpr std::int64_t kOne = 1, kTwo = 2, kFour = 4, kEight = 8;
  Space space;
  space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}},
                      {"cost", Real{0.3, 3, Scale::kLog}},
                      {"slots", Choice{{kOne, kTwo, kFour, kEight}}}};
  return space;
}

/// A step of one trial takes up to ten times as long as of another.
exec::Curve curve() {
  exec::Curve curve = exec::power_law(space(), {.steps = kSteps});
  curve.cost = [](const Config& config, Steps) { return *config.find("cost")->number(); };
  return curve;
}

exec::SimOptions machines(std::uint64_t seed) {
  exec::SimOptions options;
  options.nodes.assign(kMachines, {.slots = std::vector<exec::SimSlot>(kSlots)});
  options.noise = 0.1;
  options.start_seconds = 0.5;
  options.seed = seed;
  options.metric = "loss";
  return options;
}

/// First-fit as it is offered.
struct AsOffered final : cluster::Backfill {
  AsOffered() : Backfill({.length = kSteps}) {}
};

struct Outcome {
  double makespan_to_bound = 0;
  double mean_wait = 0;  ///< Of trials that take all slots of a machine, until their first launch.
  double longest_wait = 0;  ///< Of any trial.
  double decision_us = 0;   ///< Processor time per step.
};

struct Waits final : Observer {
  Result<StepId> resume() override { return StepId{0}; }
  Status on_step(const Step& step, const State& state) override {
    for (const Launch& launch : step.fill.launches) {
      const Trial& trial = state.trial(launch.members.front().trial);
      if (trial.attempts > 1) continue;
      const double waited = seconds(step.turn.time - trial.created);
      longest = std::max(longest, waited);
      if (launch.shares.size() == kSlots) large.push_back(waited);
    }
    ++steps;
    return {};
  }
  Status on_idle(StudyTime, const State&) override { return {}; }
  Status finish(const State&) override { return {}; }

  std::vector<double> large;
  double longest = 0;
  std::int64_t steps = 0;
};

template <typename Planner>
Outcome run(bool halving, std::uint64_t seed) {
  search::RandomSearch searcher(space(), seed);
  tuner::StudyOptions study{.name = "gangs", .objective = {"loss", Mode::kMin}};
  study.trials = kTrials;
  study.seed = seed;
  study.gang.parameter = "slots";
  std::unique_ptr<sched::Scheduler> scheduler;
  if (halving)
    scheduler = std::make_unique<sched::Asha>(
        study.objective, sched::AshaOptions{.max_steps = kSteps, .grace = 1, .reduction = 3}, 1);
  else
    scheduler = std::make_unique<sched::Fifo>(sched::FifoOptions{.max_steps = kSteps});
  Planner planner;
  const auto executor = exec::SimExecutor::create(machines(seed), curve()).value();
  Waker waker = Waker::create().value();
  tuner::Mailbox mailbox(waker);
  store::StepLog log = store::StepLog::none();
  Waits waits;
  tuner::Tuner tuner(study, {searcher, *scheduler, planner},
                     {.executor = *executor,
                      .log = log,
                      .waker = waker,
                      .mailbox = mailbox,
                      .observers = {&waits},
                      .tick = StudyDuration::zero()});
  const double before = bench::cpu_seconds();
  CHECK(tuner.recover().ok());
  CHECK(tuner.run({}).ok());
  const double took = bench::cpu_seconds() - before;
  const State& state = tuner.state();
  CHECK(state.finished() && state.finished()->kind == FinishKind::kDone);
  std::vector<double> works;
  for (const Trial& trial : state.trials())
    works.insert(works.end(), static_cast<std::size_t>(study.gang.of(trial.config)),
                 static_cast<double>(trial.step) * *trial.config.find("cost")->number());
  const double bound = cluster::preemptive_bound(
      works, std::vector<cluster::Rate>(kMachines * kSlots, cluster::Rate(1)));
  double sum = 0;
  for (const double each : waits.large) sum += each;
  return {.makespan_to_bound = seconds(state.now()) / bound,
          .mean_wait = sum / static_cast<double>(waits.large.size()),
          .longest_wait = waits.longest,
          .decision_us = 1e6 * took / static_cast<double>(waits.steps)};
}

/// Medians over the seeds.
template <typename Planner>
Outcome all(const std::string& what, bool halving) {
  std::vector<double> makespans, means, longest, decisions;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome one = run<Planner>(halving, seed);
    makespans.push_back(one.makespan_to_bound);
    means.push_back(one.mean_wait);
    longest.push_back(one.longest_wait);
    decisions.push_back(one.decision_us);
  }
  const Outcome median{bench::median(makespans), bench::median(means), bench::median(longest),
                       bench::median(decisions)};
  fmt::print("  {:34} {:6.3f} {:12.1f} {:12.1f} {:10.1f}\n", what, median.makespan_to_bound,
             median.mean_wait, median.longest_wait, median.decision_us);
  return median;
}

}  // namespace

int main() {
  fmt::print(
      "{} trials of 1, 2, 4 or 8 slots at once on {} machines of {} slots, up to {} steps of 0.3 "
      "to "
      "3 s, 10 % noise, medians of {} seeds\n"
      "  {:34} {:>6} {:>12} {:>12} {:>10}\n",
      kTrials, kMachines, kSlots, kSteps, kSeeds, "", "/bound", "mean wait 8", "longest wait",
      "us/step");
  const Outcome fifo = all<AsOffered>("fifo, claims and backfill", false);
  const Outcome fifo_greedy = all<cluster::GreedyGangs>("fifo, whoever fits", false);
  const Outcome asha = all<AsOffered>("asha, claims and backfill", true);
  const Outcome asha_greedy = all<cluster::GreedyGangs>("asha, whoever fits", true);
  fmt::print(
      "{{\"gangs_to_bound\": {:.3f}, \"gangs_greedy_to_bound\": {:.3f}, "
      "\"gangs_wait_to_greedy\": {:.3f}, \"gangs_longest_to_greedy\": {:.3f}, "
      "\"gangs_asha_to_bound\": {:.3f}, \"gangs_asha_greedy_to_bound\": {:.3f}, "
      "\"gangs_asha_wait_to_greedy\": {:.3f}, \"gangs_step_us\": {:.1f}}}\n",
      fifo.makespan_to_bound, fifo_greedy.makespan_to_bound, fifo.mean_wait / fifo_greedy.mean_wait,
      fifo.longest_wait / fifo_greedy.longest_wait, asha.makespan_to_bound,
      asha_greedy.makespan_to_bound, asha.mean_wait / asha_greedy.mean_wait, fifo.decision_us);
}
