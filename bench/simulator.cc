// bench simulator: events per second of the simulator, alone and under the whole tuner
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "bench/measure.h"
#include "cluster/bound.h"
#include "cluster/checkpoint_period.h"
#include "cluster/first_fit.h"
#include "cluster/rule_planner.h"
#include "cluster/rules/catalogue.h"
#include "exec/sim/sim_executor.h"
#include "sched/fifo.h"
#include "search/random.h"
#include "tests/support/reference_scenarios.h"
#include "tuner/tuner.h"

namespace {

using namespace clavier;

/// `slots` on one node, of 17 different speeds between 1 and 5.
exec::SimOptions cluster_of(std::size_t slots) {
  exec::SimOptions options;
  options.metric = "loss";
  options.nodes.front().slots.clear();
  for (std::size_t slot = 0; slot < slots; ++slot)
    options.nodes.front().slots.push_back({.speed = 1 + static_cast<double>(slot % 17) / 4});
  return options;
}

exec::Curve cheap_curve() {
  exec::Curve curve;
  curve.metrics = [](const Config&, TrialId, Steps step, std::uint64_t) {
    return std::vector<Metric>{{"loss", 1.0 / static_cast<double>(step)}};
  };
  return curve;
}

/// The executor alone: 1,000 slots, trials of 100 steps, each replaced as soon as it ends.
double alone() {
  constexpr std::int64_t kSlots = 1000, kEvents = 3'000'000;
  exec::Curve curve = cheap_curve();
  curve.steps = [](const Config&) { return Steps{100}; };
  auto sim = exec::SimExecutor::create(cluster_of(kSlots), std::move(curve)).value();
  std::int64_t next = 0;
  std::vector<SlotId> slot_of;
  const auto start = [&](SlotId slot) {
    exec::Order order;
    order.launch = {LaunchId{next}, {{TrialId{next}}}, {{slot, 1.0}}};
    order.members = {{.directory = "t"}};
    slot_of.push_back(slot);
    ++next;
    sim->start(std::move(order));
  };
  sim->wait(kNever);
  const double begin = bench::cpu_seconds();
  for (std::int64_t slot = 0; slot < kSlots; ++slot) start(SlotId{slot});
  while (sim->events() < kEvents)
    for (const Signal& signal : sim->wait(kNever))
      if (const auto* ended = std::get_if<LaunchEnded>(&signal))
        start(slot_of[static_cast<std::size_t>(ended->launch.value)]);
  return static_cast<double>(sim->events()) / (bench::cpu_seconds() - begin);
}

/// Passes everything on and notes how long every plan took.
class Timed final : public cluster::Planner {
 public:
  explicit Timed(cluster::Planner& planner)
      : cluster::Planner(planner.traits()), planner_(planner) {}
  cluster::Plan plan(const cluster::Demand& demand, const cluster::ClusterState& cluster,
                     StudyTime now) override {
    const bench::Watch watch;
    cluster::Plan plan = planner_.plan(demand, cluster, now);
    milliseconds.push_back(watch.seconds() * 1e3);
    return plan;
  }
  std::size_t appetite(const cluster::ClusterState& cluster,
                       const cluster::Supply& supply) const override {
    return planner_.appetite(cluster, supply);
  }

  std::vector<double> milliseconds;

 private:
  cluster::Planner& planner_;
};

struct Run {
  double events_per_second = 0;
  double seconds = 0;  ///< Of the processor.
  double busy = 0;     ///< Simulated seconds that trials were in slots.
  double makespan = 0;
  std::int64_t events = 0;
  std::size_t trials = 0;
};

/// A whole study under the tuner: FIFO, `trials` of `steps` steps.
Run whole(exec::SimOptions options, std::int64_t trials, Steps steps, cluster::Planner& planner,
          store::StepLog log, std::optional<StudyDuration> until = {}) {
  Space space;
  space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}}};
  search::RandomSearch searcher(space, 1);
  sched::Fifo scheduler({.max_steps = steps});
  tuner::StudyOptions study{.name = "sim", .objective = {"loss", Mode::kMin}, .trials = trials};
  study.careful_start = false;
  study.study_rules.time = until;
  study.retries.max_losses = 1'000'000;
  auto executor = exec::SimExecutor::create(std::move(options), cheap_curve()).value();
  Waker waker = Waker::create().value();
  tuner::Mailbox mailbox(waker);
  tuner::World world{.executor = *executor,
                     .log = log,
                     .waker = waker,
                     .mailbox = mailbox,
                     .tick = StudyDuration::zero()};
  tuner::Tuner tuner(study, {searcher, scheduler, planner}, std::move(world));
  CHECK(tuner.recover().ok());
  const double begin = bench::cpu_seconds();
  CHECK(tuner.run({}).ok());
  CHECK(tuner.state().finished() && tuner.state().count(TrialStatus::kRunning) == 0);
  const double took = bench::cpu_seconds() - begin;
  double busy = 0;
  for (const Trial& trial : tuner.state().trials()) busy += seconds(trial.busy);
  return {.events_per_second = static_cast<double>(executor->events()) / took,
          .seconds = took,
          .busy = busy,
          .makespan = seconds(tuner.state().now()),
          .events = executor->events(),
          .trials = tuner.state().trials().size()};
}

/// What is lost to saves of a minute and to failures of 300 machines that fail every so many days
/// in the mean, with checkpoints as far apart as Young and Daly say; and the least that can be
/// lost.
std::string young_daly(double days) {
  constexpr std::int64_t kNodes = 300;
  const cluster::Failures failures{.save = 60, .mtbf = days * 86'400};
  const Steps every = cluster::checkpoint_steps(failures, 60);
  // Whole periods: trials end where they report.
  const auto steps = static_cast<Steps>(std::max(60.0, 10 * days) * 1'440) / every * every;
  exec::SimOptions options;
  options.metric = "loss";
  options.nodes.assign(kNodes, {});
  options.seconds_per_step = 60;
  options.save_seconds = failures.save;
  options.mtbf_seconds = failures.mtbf;
  options.report_every = options.checkpoints.every = every;
  cluster::FirstFit planner;
  const Run run = whole(std::move(options), kNodes, steps, planner, store::StepLog::none());
  const double loss = 1 - static_cast<double>(kNodes * steps) * 60 / run.busy;
  double least = 1;
  for (double period = 60; period < failures.mtbf; period *= 1.001)
    least = std::min(least, cluster::checkpoint_loss(failures, period));
  fmt::print(
      "a failure every {:g} days: saving every {} minutes loses {:.3f} %, at least {:.3f} %\n",
      days, every, 100 * loss, 100 * least);
  return fmt::format(
      "\"{:g}\": {{\"every\": {}, \"loss\": {:.5f}, \"least\": {:.5f}, \"ratio\": {:.3f}}}", days,
      every, loss, least, loss / least);
}

/// Makespan over the bound of trials of 1,000 steps on cluster A under `auto`, where they report,
/// and can be told anything, only every so many steps.
double rare_reports(std::int64_t trials, Steps every) {
  constexpr Steps kSteps = 1000;
  exec::SimOptions options;
  options.metric = "loss";
  options.report_every = every;
  options.nodes.front().slots.clear();
  std::vector<double> works(static_cast<std::size_t>(trials), kSteps), rates;
  for (const cluster::RolloutSlot& slot : cluster::reference_slots("A")) {
    rates.push_back(slot.rate.at(0));
    options.nodes.front().slots.push_back({.speed = rates.back()});
  }
  cluster::RulePlanner planner(
      [] { return cluster::rules::make("auto"); },
      {.target = kSteps, .interval = 50, .speeds_known = true, .report_every = kSteps / 5});
  const Run run = whole(std::move(options), trials, kSteps, planner, store::StepLog::none());
  return run.makespan / cluster::preemptive_bound(works, rates);
}

/// Hours of very many slots: steps of a minute at speed 1, a report every ten, trials of 200 steps,
/// each slot taken again as soon as it is free; noise, and nodes of eight slots lost twice a day.
Run fleet(std::size_t count, int hours, cluster::Planner& planner) {
  exec::SimOptions options = cluster_of(count);
  const auto slots = options.nodes.front().slots;
  options.nodes.clear();
  for (std::size_t first = 0; first < slots.size(); first += 8)
    options.nodes.push_back({.slots = {slots.begin() + static_cast<std::ptrdiff_t>(first),
                                       slots.begin() + static_cast<std::ptrdiff_t>(first + 8)}});
  options.seconds_per_step = 60;
  options.report_every = 10;
  options.noise = 0.1;
  options.mtbf_seconds = 43'200;
  options.repair_seconds = 600;
  options.checkpoints.every = 10;
  return whole(std::move(options), 1'000'000, 200, planner, store::StepLog::none(),
               std::chrono::hours(hours));
}

}  // namespace

int main() {
  const double executor = alone();
  fmt::print("executor alone: {:.0f} events/s\n", executor);
  cluster::FirstFit first_fit;
  const Run off = whole(cluster_of(100), 5000, 100, first_fit, store::StepLog::none());
  fmt::print("whole tuner, log off: {:.0f} events/s\n", off.events_per_second);
  const Run memory = whole(cluster_of(100), 5000, 100, first_fit,
                           store::StepLog::in_memory({.metric = "loss"}).value());
  fmt::print("whole tuner, log in memory: {:.0f} events/s\n", memory.events_per_second);

  const Run whole_day = fleet(10'000, 24, first_fit);
  fmt::print("10,000 slots for 24 hours: {:.1f} s, {} events, {} trials\n", whole_day.seconds,
             whole_day.events, whole_day.trials);

  constexpr std::size_t kFewer = 2000;
  cluster::RulePlanner many([] { return cluster::rules::make("auto"); }, {.target = 200,
                                                                          .interval = 10,
                                                                          .speeds_known = true,
                                                                          .report_every = 40,
                                                                          .seconds_per_step = 60});
  const Run shared_out = fleet(kFewer, 24, many);
  fmt::print("{} slots for 24 hours under auto: {:.1f} s, {} events, {} trials\n", kFewer,
             shared_out.seconds, shared_out.events, shared_out.trials);

  std::string rare;
  for (const std::int64_t trials : {5, 20, 50})
    for (const Steps every : {1, 10, 50, 100, 200}) {
      const double ratio = rare_reports(trials, every);
      fmt::print("{} trials that report every {} steps: {:.3f} of the bound\n", trials, every,
                 ratio);
      rare +=
          fmt::format("{}\"{} every {}\": {:.4f}", rare.empty() ? "" : ", ", trials, every, ratio);
    }

  std::string losses;
  for (const double days : {1, 3, 10, 30})
    losses += (losses.empty() ? "" : ", ") + young_daly(days);

  exec::SimOptions large = cluster_of(2000);
  large.noise = 0.1;
  cluster::RulePlanner planner([] { return cluster::rules::make("auto"); },
                               {.target = 100, .interval = 5, .speeds_known = true});
  Timed timed(planner);
  whole(std::move(large), 1000, 100, timed, store::StepLog::none());
  std::ranges::sort(timed.milliseconds);
  const auto& times = timed.milliseconds;
  const double p99 = times[times.size() * 99 / 100];
  fmt::print("2,000 slots, 1,000 trials, auto: {} decisions, p99 {:.2f} ms, longest {:.1f} ms\n",
             times.size(), p99, times.back());
  fmt::print(
      "{{\"events_per_second\": {:.0f}, \"events_per_second_tuner\": {:.0f}, "
      "\"events_per_second_logged\": {:.0f}, \"planner_p99_ms\": {:.3f}, "
      "\"planner_longest_ms\": {:.1f}, \"planner_decisions\": {}, "
      "\"day_10000_slots_seconds\": {:.1f}, \"day_10000_slots_events\": {}, "
      "\"day_10000_slots_trials\": {}, \"day_2000_slots_auto_seconds\": {:.1f}, \"rare_reports\": "
      "{{{}}}, \"young_daly\": {{{}}}, "
      "\"rss_mb\": {:.1f}}}\n",
      executor, off.events_per_second, memory.events_per_second, p99, times.back(), times.size(),
      whole_day.seconds, whole_day.events, whole_day.trials, shared_out.seconds, rare, losses,
      bench::resident_mb());
}
