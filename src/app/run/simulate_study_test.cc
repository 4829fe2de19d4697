#include "app/run/simulate_study.h"

#include <gtest/gtest.h>

#include <fstream>

#include "app/file/study_folder.h"
#include "app/registry/registry.h"
#include "cluster/checkpoint_period.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/study_fixtures.h"

namespace clavier::app {
namespace {

void resize(StudySpec& spec, std::int64_t trials, Steps steps) {
  spec.trials = trials;
  spec.trial.stop.steps = steps;
  spec.scheduler.options.set("max_steps", Value(steps));
}

/// Speeds 4, 2 and 1.
constexpr std::string_view kSlots = R"([[cluster.slots]]
speed = 4
price_per_hour = 3600
[[cluster.slots]]
node = "b"
speed = 2
[[cluster.slots]]
node = "b"
)";

std::string with(std::string_view more) { return std::string(kSlots) + std::string(more); }

Simulated simulated(const StudySpec& spec) {
  auto done = simulate_study(spec, {});
  EXPECT_TRUE(done.ok()) << (done ? "" : done.error().message);
  return *std::move(done);
}

TEST(Simulate, AutoEndsNearTheBoundAndFirstFitDoesNot) {
  const Simulated planned = simulated(study(kSlots));
  EXPECT_EQ(planned.state.count(TrialStatus::kCompleted), 6u);
  EXPECT_NEAR(planned.bound, 360 / 7.0, 1e-6);
  EXPECT_LT(planned.ratio(), 1.05);
  EXPECT_GE(planned.ratio(), 1);
  EXPECT_GT(planned.timeline.utilisation(), 0.95);
  EXPECT_NEAR(planned.timeline.cost(), planned.makespan(), 1) << "the priced slot never rests";
  StudySpec longer = study(kSlots, "first-fit");
  resize(longer, 5, 100);
  const Simulated placed = simulated(longer);
  EXPECT_GT(placed.ratio(), 1.3);
  EXPECT_EQ(placed.timeline.moves(), 0);
}

TEST(Simulate, TheSameSeedGivesTheSameHashAndAnotherSeedAnother) {
  const std::string noisy = with("[simulate]\nnoise = 0.1\nmtbf = \"40s\"\nrepair = \"3s\"\n");
  StudySpec spec = study(noisy);
  const Simulated once = simulated(spec);
  const Simulated again = simulated(spec);
  EXPECT_EQ(once.hash, again.hash);
  EXPECT_EQ(once.timeline.csv(), again.timeline.csv());
  spec.seed = 1;
  EXPECT_NE(simulated(spec).hash, once.hash);
  spec = study(noisy + "seed = 9\n");
  EXPECT_NE(simulated(spec).hash, once.hash);
}

TEST(Simulate, MovesCostTime) {
  const Simulated free = simulated(study(kSlots));
  ASSERT_GT(free.timeline.moves(), 0);
  StudySpec spec = study(kSlots, "hrfs");
  const double before = simulated(spec).makespan();
  spec.cluster.move_seconds = 5;
  EXPECT_GT(simulated(spec).makespan(), before);
}

TEST(Simulate, EventsSlowSlotsAndTakeNodesAwayAndBringThemBack) {
  constexpr std::string_view kEvents = R"([[simulate.events]]
at = 20
slot = 0
speed = 0.25
[[simulate.events]]
at = 30
node = "b"
here = false
[[simulate.events]]
at = 60
node = "b"
here = true
)";
  const Simulated done = simulated(study(with(kEvents)));
  EXPECT_EQ(done.state.count(TrialStatus::kCompleted), 6u);
  const report::Lane& lane = done.timeline.lanes().at(SlotId{1});
  ASSERT_EQ(lane.gone.size(), 1u);
  EXPECT_EQ(seconds(lane.gone[0].first), 30);
  EXPECT_EQ(seconds(lane.gone[0].second), 60);
  // 20 s at 7, 10 s at 4, 30 s at 1, then 4 a second.
  EXPECT_NEAR(done.bound, 60 + (360 - 140 - 40 - 30) / 4.0, 1e-6);
  EXPECT_GT(done.ratio(), 1);
  EXPECT_LT(done.ratio(), 1.6);
}

TEST(Simulate, ASlotLeavesItsNodeAndComesBack) {
  constexpr std::string_view kEvents = R"([[simulate.events]]
at = 20
slot = 1
here = false
[[simulate.events]]
at = 40
slot = 1
here = true
)";
  const Simulated done = simulated(study(with(kEvents)));
  EXPECT_EQ(done.state.count(TrialStatus::kCompleted), 6u);
  const report::Lane& lane = done.timeline.lanes().at(SlotId{1});
  ASSERT_EQ(lane.gone.size(), 1u);
  EXPECT_EQ(seconds(lane.gone[0].first), 20);
  EXPECT_EQ(seconds(lane.gone[0].second), 40);
  EXPECT_TRUE(done.timeline.lanes().at(SlotId{2}).gone.empty()) << "the other one of its node";
  // 20 s at 7, 20 s at 5, then 7 a second.
  EXPECT_NEAR(done.bound, 40 + (360 - 140 - 100) / 7.0, 1e-6);
  EXPECT_LT(done.ratio(), 1.3);
}

TEST(Simulate, WhateverSlotsComeAndGoEveryTrialEnds) {
  for (const char* planner : {"first-fit", "auto", "agnostic", "max-min", "goodput"})
    for (int seed = 0; seed < 5; ++seed) {
      StudySpec spec = study(with("[simulate]\nslot_mtbf = 40\nrepair = 5\n[trial]\nmax_losses = "
                                  "1000\n[checkpoint]\nevery = 10\n"),
                             planner);
      spec.seed = static_cast<std::uint64_t>(seed);
      const Simulated done = simulated(spec);
      EXPECT_EQ(done.state.count(TrialStatus::kCompleted), 6u) << planner << seed;
      std::size_t gone = 0;
      for (const auto& [id, lane] : done.timeline.lanes()) gone += lane.gone.size();
      EXPECT_GT(gone, 0u) << planner << seed;
    }
}

TEST(Simulate, TheWorldMayDifferFromWhatPlannersBelieve) {
  StudySpec spec = study(with("[cluster]\nseconds_per_step = 1\nmove_seconds = 0\n"), "agnostic");
  const Simulated believed = simulated(spec);
  spec.simulate.emplace();
  spec.simulate->seconds_per_step = 3;
  EXPECT_NEAR(simulated(spec).bound, 3 * believed.bound, 1e-6);
  spec.simulate->seconds_per_step = 1;
  spec.simulate->move_seconds = 2;
  EXPECT_GT(simulated(spec).makespan(), believed.makespan() + 2);
}

/// Slots of a published cluster: rates from 20 to 1/4.
std::string cluster_a() {
  std::string slots;
  for (const double rate : {20.0, 1.25, 1.0, 0.75, 0.75, 0.6875, 0.25, 0.25, 0.25})
    slots += "[[cluster.slots]]\nspeed = " + std::to_string(rate) + "\n";
  return slots;
}

TEST(Simulate, TrialsThatReportRarelyEndNearTheBoundToo) {
  struct Case {
    int trials, every;
    double margin;
  };
  for (const int steps : {1000, 1025})
    for (const Case& each : {Case{20, 50, 1.05}, {20, 100, 1.08}, {5, 100, 1.12}, {5, 200, 1.17}}) {
      StudySpec spec =
          study(cluster_a() + "[simulate]\nreport_every = " + std::to_string(each.every) + "\n");
      resize(spec, each.trials, steps);
      EXPECT_LT(simulated(spec).ratio(), each.margin)
          << steps << ' ' << each.trials << ' ' << each.every;
    }
}

TEST(Simulate, WhileTheEndIsFarTrialsFinishOneAfterTheOther) {
  StudySpec spec = study(with("[stop]\ntime = \"300s\"\n[simulate]\nnoise = 0.1\n"));
  resize(spec, 5000, 20);
  const State state = std::move(simulated(spec).state);
  const std::size_t completed = state.count(TrialStatus::kCompleted);
  EXPECT_GT(completed, 80u) << "seven steps a second";
  EXPECT_LE(state.trials().size(), completed + 3) << "one is at work in each slot";
}

TEST(Simulate, AutoLearnsWhatTrialsCost) {
  const auto makespan = [](const char* planner) {
    StudySpec spec = study(
        std::string(kSlots) +
            "[search]\nalgorithm = \"random\"\n[simulate]\ncost_spread = 100\nreport_every = 4\n",
        planner);
    resize(spec, 16, 200);
    const Simulated done = simulated(spec);
    EXPECT_TRUE(planner != std::string_view("auto") || done.ratio() < 1.05) << done.ratio();
    return done.makespan();
  };
  const double ours = makespan("auto");
  EXPECT_GT(makespan("first-fit"), 1.5 * ours);
  EXPECT_GT(makespan("agnostic"), 1.2 * ours);
}

TEST(Simulate, EveryPlannerBringsAPopulationToItsEnd) {
  for (const char* variant : {"sound", "ray", "hrfs"})
    for (const std::string& planner : algorithm_names(Family::kPlanner))
      for (const int trials : {2, 6}) {
        StudySpec spec = study(with(std::string("[simulate]\nnoise = 0.1\n[checkpoint]\nevery = 5\n"
                                                "[scheduler]\nalgorithm = \"pbt\"\ninterval = 5\n"
                                                "variant = \"") +
                                    variant + "\"\n"),
                               planner);
        resize(spec, trials, 30);
        const Simulated done = simulated(spec);
        EXPECT_EQ(done.state.count(TrialStatus::kCompleted), static_cast<std::size_t>(trials))
            << variant << ' ' << planner;
      }
}

/// The part of the slots' time at work that did not last, where a node fails every so many days
/// and a save takes ten minutes.
double lost(double mtbf_days, Steps every) {
  constexpr int kNodes = 40;
  const double days = std::max(30.0, 5 * mtbf_days);
  std::string slots;
  for (int i = 0; i < kNodes; ++i)
    slots += "[[cluster.slots]]\nnode = \"n" + std::to_string(i) + "\"\n";
  StudySpec spec = study("[cluster]\nseconds_per_step = 60\n" + slots, "first-fit");
  resize(spec, kNodes, static_cast<Steps>(days * 1440));
  spec.trial.retries.max_losses = 1'000'000;
  spec.checkpoint.every = every;
  spec.simulate.emplace().save_seconds = 600;
  spec.simulate->report_every = every;
  spec.simulate->mtbf = from_seconds(mtbf_days * 86400);
  const Simulated done = simulated(spec);
  double busy = 0;
  for (const report::Leg& leg : done.timeline.legs()) busy += seconds(leg.end - leg.start);
  return 1 - kNodes * days * 86400 / busy;
}

TEST(Simulate, SavingAsOftenAsYoungAndDalySayLosesHardlyMoreThanMust) {
  for (const double days : {1, 3, 10, 30}) {
    const cluster::Failures failures{.save = 600, .mtbf = days * 86400};
    const Steps every = cluster::checkpoint_steps(failures, 60);
    double best = 1;
    for (double period = 60; period < failures.mtbf; period *= 1.02)
      best = std::min(best, cluster::checkpoint_loss(failures, period));
    const double ours = lost(days, every);
    EXPECT_NEAR(ours / best, 1, 0.1) << days << " days: " << ours << " and " << best;
    EXPECT_GT(lost(days, every * 4), 1.3 * ours) << "saving four times as rarely";
  }
}

TEST(Simulate, AStudyThatCannotEndSaysSo) {
  const auto done = simulate_study(study(R"([[cluster.slots]]
[[simulate.events]]
at = 10
node = "local"
here = false
)"),
                                   {});
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().message.find("after 10 simulated seconds nothing can happen any more"),
            std::string::npos)
      << done.error().message;
}

TEST(Simulate, ACostEndsItInTheMiddleOfAStep) {
  const Simulated done =
      simulated(study(with("[cluster]\nseconds_per_step = 7\n[stop]\ncost = 10.5\n"), "first-fit"));
  EXPECT_EQ(done.state.finished()->reason, "it has cost 10.5");
  EXPECT_NEAR(done.makespan(), 10.5, 1e-5);
}

TEST(Simulate, WithoutALengthItFails) {
  StudySpec spec = study(kSlots, "first-fit");
  spec.trial.stop.steps = kForever;
  spec.scheduler = {"fifo"};
  const auto done = simulate_study(spec, {});
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().message.find("set [trial.stop] steps"), std::string::npos);
}

TEST(Simulate, CurvesComeFromATableOrAnEarlierStudy) {
  const ScratchDirectory scratch;
  const auto file = scratch.path() / "curves.csv";
  std::ofstream(file) << "lr,step,seconds,loss\n0.1,1,2,0.5\n0.1,2,3,0.25\n";
  StudySpec spec = study(with("[simulate]\ncurve = \"table\"\nfrom = \"curves.csv\"\n"));
  spec.working_directory = scratch.path();
  spec.trials = 1;
  Config known;
  known.set("lr", 0.1);
  spec.space.points = {known};
  SimulateOptions options{.home = scratch.path() / "home"};
  const auto folder = make_study_folder(options.home, "early");
  ASSERT_TRUE(folder.ok());
  options.folder = folder->root;
  const auto from_table = simulate_study(spec, options);
  ASSERT_TRUE(from_table.ok()) << from_table.error().message;
  EXPECT_EQ(from_table->state.trials()[0].best->value, 0.25);
  EXPECT_NEAR(from_table->makespan(), 5 / 4.0, 1e-3) << "at speed 4";
  EXPECT_FALSE(simulate_study(spec, options).ok()) << "the folder is taken";
  spec.simulate->curve = "study";
  spec.simulate->from = "early";
  const auto from_study = simulate_study(spec, {.home = options.home});
  ASSERT_TRUE(from_study.ok()) << from_study.error().message;
  EXPECT_EQ(from_study->state.trials()[0].best->value, 0.25);
}

TEST(Simulate, WhoDivergesIsStoppedThereToo) {
  const ScratchDirectory scratch;
  std::ofstream(scratch.path() / "curves.csv") << "lr,step,loss\n0.1,1,0.5\n0.1,2,nan\n0.1,3,0.1\n";
  StudySpec spec =
      study(with("[simulate]\ncurve = \"table\"\nfrom = \"curves.csv\"\n"), "first-fit");
  spec.working_directory = scratch.path();
  spec.trials = 1;
  Config known;
  known.set("lr", 0.1);
  spec.space.points = {known};
  spec.trial.stop.non_finite = true;
  const auto done = simulate_study(spec, {.home = scratch.path() / "home"});
  ASSERT_TRUE(done.ok()) << done.error().message;
  const Trial& trial = done->state.trials()[0];
  EXPECT_EQ(trial.status, TrialStatus::kStopped);
  EXPECT_EQ(trial.step, 2);
  EXPECT_EQ(trial.reason, "loss is nan at step 2");
  EXPECT_EQ(trial.best->value, 0.5);
}

}  // namespace
}  // namespace clavier::app
