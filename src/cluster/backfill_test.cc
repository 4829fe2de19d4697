#include "cluster/backfill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace clavier::cluster {
namespace {

/// A cluster whose launches are made by hand; one step takes a second at speed 1, a trial 100.
class BackfillTest : public testing::Test {
 protected:
  static constexpr Steps kLength = 100;

  void join(std::int64_t id, const std::vector<double>& speeds) {
    Node node{.id = {id}, .host = std::string(1, static_cast<char>('a' + id))};
    for (const double speed : speeds)
      node.slots.push_back({.id = {next_slot_++}, .node = {id}, .speed = speed});
    step(NodeJoined{node});
  }
  /// A trial that is drawn and waits for its first launch.
  TrialId drawn(Steps checkpoint = 0) {
    const TrialId id{static_cast<std::int64_t>(state_.trials().size())};
    Step made = next(Deadline{});
    made.fill.created.push_back({.id = id, .until = kLength});
    apply(made);
    if (checkpoint > 0) step(CheckpointSaved{{id, {}, checkpoint, "c"}});
    return id;
  }
  TrialId running(std::vector<SlotId> slots, Steps from = 0, Steps until = kLength) {
    const TrialId id = drawn(from);
    Step made = next(Deadline{});
    Launch launch{.id = state_.next_launch(), .members = {{.trial = id, .until = until}}};
    if (from > 0) launch.members[0].from = Checkpoint{id, {}, from, "c"};
    for (const SlotId slot : slots) launch.shares.push_back({slot});
    made.fill.launches.push_back(launch);
    apply(made);
    return id;
  }
  void wait(double seconds) { now_ += from_seconds(seconds); }

  void want(TrialId trial, std::int64_t slots) { wants_.push_back({trial, kLength, slots}); }
  Plan plan() {
    Demand demand{.state = state_, .wants = wants_};
    return Backfill({.length = kLength}).plan(demand, cluster_, now_);
  }
  static std::set<std::int64_t> slots(const Start& start) {
    std::set<std::int64_t> slots;
    for (const SlotId slot : start.slots) slots.insert(slot.value);
    return slots;
  }
  void step(Signal signal) { apply(next(std::move(signal))); }

  State state_{{"loss", Mode::kMin}, {}};
  ClusterState cluster_;
  std::vector<Want> wants_;

 private:
  Step next(Signal signal) {
    Step made;
    made.turn = {.id = StepId{next_step_++}, .time = now_, .input = std::move(signal)};
    return made;
  }
  void apply(const Step& made) {
    state_.apply(made);
    cluster_.apply(made);
  }

  StudyTime now_{};
  std::int64_t next_slot_ = 0, next_step_ = 0;
};

TEST_F(BackfillTest, AllOrNothing) {
  join(0, {1, 1, 1, 1});
  running({SlotId{1}});
  want(drawn(), 4);
  const Plan left_out = plan();
  EXPECT_TRUE(left_out.starts.empty());
  EXPECT_EQ(
      left_out.left_out[0],
      "it takes 4 slots at once: 3 of a are free and kept for it, all of them in about 100 s");
  EXPECT_FALSE(left_out.awaits_room);
  wants_[0].slots = 3;
  const Plan fits = plan();
  ASSERT_EQ(fits.starts.size(), 1u);
  EXPECT_EQ(slots(fits.starts[0]), (std::set<std::int64_t>{0, 2, 3}));
}

TEST_F(BackfillTest, SlotsAreOfOneMachineTheOneWhoseSlowestIsFastest) {
  join(0, {8, 1});
  join(1, {2, 2, 2});
  join(2, {2, 2});
  want(drawn(), 2);
  Plan two = plan();
  ASSERT_EQ(two.starts.size(), 1u);
  EXPECT_EQ(slots(two.starts[0]), (std::set<std::int64_t>{5, 6})) << "larger gaps are kept";
  wants_.clear();
  want(drawn(), 1);
  EXPECT_EQ(plan().starts[0].slots.front(), SlotId{0});
}

TEST_F(BackfillTest, TheFirstSlotOfALaunchIsItsSlowest) {
  join(0, {8, 1, 4});
  want(drawn(), 3);
  const Plan all = plan();
  ASSERT_EQ(all.starts.size(), 1u);
  EXPECT_EQ(all.starts[0].slots.front(), SlotId{1});
}

TEST_F(BackfillTest, WhatIsKeptIsLentToWhoWillHaveLeftInTime) {
  join(0, {1, 1, 1, 1});
  running({SlotId{0}}, 40);  // 60 s to go.
  want(drawn(), 4);
  want(drawn(50), 1);  // 50 s.
  want(drawn(), 1);    // 100 s.
  const Plan lent = plan();
  ASSERT_EQ(lent.starts.size(), 1u);
  EXPECT_EQ(lent.starts[0].wants.front(), 1u);
  EXPECT_EQ(lent.left_out[2], "slots of a are kept for trial 1, which takes 4 at once");
}

TEST_F(BackfillTest, WhatTheClaimantDoesNotNeedIsEverybodys) {
  join(0, {1, 1, 1, 1});
  running({SlotId{0}});
  running({SlotId{1}}, 10);
  want(drawn(), 3);
  want(drawn(), 1);
  EXPECT_TRUE(plan().starts.empty()) << "two free ones and the one that ends first are kept";
  join(1, {1});
  const Plan elsewhere = plan();
  ASSERT_EQ(elsewhere.starts.size(), 1u);
  EXPECT_EQ(elsewhere.starts[0].slots.front(), SlotId{4});
}

TEST_F(BackfillTest, NothingIsLentAnyMoreOnceItHasWaitedForAsLongAsATrialTakes) {
  join(0, {1, 1});
  running({SlotId{0}}, 40);
  want(drawn(), 2);
  want(drawn(60), 1);
  EXPECT_EQ(plan().starts.size(), 1u);
  wait(99);
  EXPECT_EQ(plan().starts.size(), 1u);
  wait(2);
  EXPECT_TRUE(plan().starts.empty());
}

TEST_F(BackfillTest, WhoWaitsLongerComesFirstWhateverTheOrder) {
  join(0, {1, 1});
  const TrialId first = drawn(50);
  wait(1);
  const TrialId large = drawn();
  wait(1);
  const TrialId small = drawn();
  want(small, 1);
  want(large, 2);
  want(first, 1);
  const Plan order = plan();
  ASSERT_EQ(order.starts.size(), 1u);
  EXPECT_EQ(order.starts[0].wants.front(), 2u) << "it has waited longer than the claimant";
  wants_.pop_back();
  const Plan then = plan();
  ASSERT_EQ(then.starts.size(), 1u);
  EXPECT_EQ(then.starts[0].wants.front(), 1u) << "the claimant would have been overtaken";
}

TEST_F(BackfillTest, OfThoseDrawnTogetherTheFirstComesFirst) {
  join(0, {1, 1, 1, 1});
  const TrialId two = drawn(), four = drawn();
  want(two, 2);
  want(four, 4);
  const Plan both = plan();
  ASSERT_EQ(both.starts.size(), 1u);
  EXPECT_EQ(both.starts[0].wants.front(), 0u);
}

TEST_F(BackfillTest, WhatNeverFitsHoldsUpNobody) {
  join(0, {1, 1});
  want(drawn(), 3);
  want(drawn(), 0);
  want(drawn(), 1);
  const Plan others = plan();
  ASSERT_EQ(others.starts.size(), 1u);
  EXPECT_EQ(others.starts[0].wants.front(), 2u);
  EXPECT_EQ(others.left_out[0],
            "trial 0 takes 3 slots of one machine at once, and none has more than 2");
  EXPECT_EQ(others.left_out[1],
            "trial 1 asks for a number of slots that is no whole number from 1 on");
  EXPECT_FALSE(others.awaits_room);
}

TEST_F(BackfillTest, ALargerMachineMayComeBack) {
  join(0, {1, 1});
  join(1, {1});
  step(NodeLost{{0}});
  want(drawn(), 2);
  const Plan away = plan();
  EXPECT_TRUE(away.starts.empty());
  EXPECT_TRUE(away.awaits_room);
  EXPECT_EQ(away.left_out[0],
            "trial 0 takes 2 slots of one machine at once, and those that have them are away");
}

TEST_F(BackfillTest, LooksFurtherThanTheFreeSlotsGo) {
  join(0, {1, 1});
  const Backfill planner({});
  EXPECT_EQ(planner.appetite(cluster_, {}), 2 + Backfill::kLookAhead);
  running({SlotId{0}, SlotId{1}});
  EXPECT_EQ(planner.appetite(cluster_, {}), 0u);
}

}  // namespace
}  // namespace clavier::cluster
