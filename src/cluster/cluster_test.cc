#include <gtest/gtest.h>

#include "cluster/first_fit.h"

namespace clavier::cluster {
namespace {

Node two_slots() {
  Node node{.id = NodeId{0}, .host = "a"};
  node.slots.push_back({.id = SlotId{0}, .node = NodeId{0}, .speed = 1});
  node.slots.push_back({.id = SlotId{1}, .node = NodeId{0}, .speed = 4});
  return node;
}

Step signal(std::int64_t id, Signal content) {
  Step step;
  step.turn.id = StepId{id};
  step.turn.time = study_time(id * 1000);
  step.turn.input = std::move(content);
  return step;
}

Step launching(std::int64_t id, SlotId slot) {
  Step step = signal(id, Deadline{});
  step.fill.launches.push_back(
      {.id = LaunchId{id}, .members = {{.trial = TrialId{0}}}, .shares = {{slot}}});
  return step;
}

TEST(ClusterState, ALaunchHoldsItsSlotUntilItEnds) {
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{two_slots()}));
  cluster.apply(launching(1, SlotId{1}));
  EXPECT_EQ(cluster.free_slots(), std::vector{SlotId{0}});
  cluster.apply(signal(2, LaunchEnded{LaunchId{1}}));
  EXPECT_EQ(cluster.free_slots().size(), 2u);
  EXPECT_EQ(cluster.slots().at(SlotId{1}).worked.count(), 1000);
}

/// Trials 0 and 1 as members of launch 1; the second comes with a checkpoint of step 6.
ClusterState with_an_array() {
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{two_slots()}));
  Step step = signal(1, Deadline{});
  step.fill.launches.push_back({.id = LaunchId{1},
                                .members = {{.trial = TrialId{0}}, {.trial = TrialId{1}}},
                                .shares = {{SlotId{1}}}});
  step.fill.launches.back().members[1].from = Checkpoint{TrialId{1}, LaunchId{0}, 6, "c"};
  cluster.apply(step);
  return cluster;
}

Step reported(std::int64_t id, std::int64_t trial, Steps step, double seconds) {
  return signal(id, Reported{{{.trial = TrialId{trial},
                               .launch = LaunchId{1},
                               .step = step,
                               .value = {},
                               .seconds = seconds}}});
}

TEST(ClusterState, ALaunchOfSeveralTrialsHoldsItsSlotUntilItEndsWhoeverExits) {
  ClusterState cluster = with_an_array();
  for (const std::int64_t trial : {0, 1}) {
    cluster.apply(signal(2 + trial, Exited{.trial = TrialId{trial}, .launch = LaunchId{1}}));
    EXPECT_EQ(cluster.free_slots(), std::vector{SlotId{0}});
  }
  cluster.apply(signal(4, LaunchEnded{LaunchId{1}}));
  EXPECT_EQ(cluster.free_slots().size(), 2u);
}

TEST(ClusterState, TheStepsOfALaunchAreThoseOfItsFirstTrialThatIsStillThere) {
  ClusterState cluster = with_an_array();
  const auto steps = [&] { return cluster.slots().at(SlotId{1}).steps; };
  cluster.apply(reported(2, 0, 1, 2));
  cluster.apply(reported(3, 1, 7, 2));
  EXPECT_EQ(steps(), 1) << "both have done the same step";
  cluster.apply(reported(4, 0, 2, 2));
  cluster.apply(reported(5, 1, 8, 2));
  EXPECT_EQ(steps(), 2);
  cluster.apply(signal(6, Exited{.trial = TrialId{0}, .launch = LaunchId{1}}));
  cluster.apply(reported(7, 1, 9, 2));
  EXPECT_EQ(steps(), 3);
  EXPECT_DOUBLE_EQ(cluster.slots().at(SlotId{1}).usual_seconds, 2);
}

TEST(ClusterState, ALostNodeHasNoFreeSlotsAndReturnsOnJoining) {
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{two_slots()}));
  cluster.apply(signal(1, NodeLost{NodeId{0}}));
  EXPECT_TRUE(cluster.free_slots().empty());
  cluster.apply(signal(2, NodeJoined{two_slots()}));
  EXPECT_EQ(cluster.alive_slots(), 2u);
}

TEST(ClusterState, ASlotThatIsLostAtWorkIsFreeOnceItsLaunchHasEndedAndItIsBack) {
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{two_slots()}));
  cluster.apply(launching(1, SlotId{1}));
  cluster.apply(signal(2, NodeLost{NodeId{0}}));
  cluster.apply(signal(3, LaunchEnded{LaunchId{1}}));
  EXPECT_EQ(cluster.free_count(), 0u) << "it is away";
  cluster.apply(signal(4, NodeJoined{two_slots()}));
  EXPECT_EQ(cluster.free_count(), 2u);
  cluster.apply(launching(5, SlotId{0}));
  cluster.apply(signal(6, NodeLost{NodeId{0}}));
  cluster.apply(signal(7, NodeJoined{two_slots()}));
  EXPECT_EQ(cluster.free_slots(), std::vector{SlotId{1}}) << "its launch has not ended";
  EXPECT_EQ(cluster.alive_slots(), 2u);
}

TEST(ClusterState, ANewRunForgetsWhatTheLastOneHeld) {
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{two_slots()}));
  cluster.apply(launching(1, SlotId{1}));
  Step opened;
  opened.turn.input = Opened{};
  cluster.apply(opened);
  EXPECT_EQ(cluster.alive_slots(), 0u);
  cluster.apply(signal(3, NodeJoined{two_slots()}));
  EXPECT_EQ(cluster.free_slots().size(), 2u);
}

TEST(FirstFit, GivesTheBestRunnableTheFastestSlotAndNeverOverCommits) {
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{two_slots()}));
  const State state({"loss", Mode::kMin}, {});
  Demand demand{.state = state};
  demand.wants.resize(3);
  const Plan plan = FirstFit{}.plan(demand, cluster, study_time(0));
  ASSERT_EQ(plan.starts.size(), 2u);
  EXPECT_EQ(plan.starts[0].slots.front(), SlotId{1});
  EXPECT_EQ(plan.starts[1].slots.front(), SlotId{0});
  EXPECT_EQ(plan.left_out[2], "every slot is busy");
}

TEST(ClusterState, CostsArePaidAtThePriceOfTheTimeAndForWhatAKilledRunHadBegun) {
  Node node = two_slots();
  node.slots[1].price_per_hour = 3600;
  ClusterState cluster;
  cluster.apply(signal(0, NodeJoined{node}));
  cluster.apply(launching(1, SlotId{1}));
  EXPECT_DOUBLE_EQ(cluster.price_per_hour(), 3600);
  EXPECT_DOUBLE_EQ(cluster.cost(study_time(3000)), 0.002);
  Step opened;
  opened.turn = {.id = StepId{2}, .time = study_time(5000), .input = Opened{}};
  cluster.apply(opened);
  EXPECT_DOUBLE_EQ(cluster.cost(study_time(9000)), 0.004);
  node.slots[1].price_per_hour = 7200;
  cluster.apply(signal(6, NodeJoined{node}));
  EXPECT_DOUBLE_EQ(cluster.cost(study_time(9000)), 0.004);
}

}  // namespace
}  // namespace clavier::cluster
