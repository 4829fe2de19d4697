#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "cluster/first_fit.h"
#include "tests/support/scheduler_fake.h"
#include "tests/support/searcher_fake.h"
#include "tuner/director.h"

/// Launches of several trials on one slot, where a planner asks for them.
namespace clavier::tuner {
namespace {

constexpr std::size_t kMembers = 3;

class ArrayTest : public testing::Test {
 protected:
  void build(std::int64_t configurations, bool careful = false) {
    options_.trials = 2 * kMembers;
    options_.careful_start = careful;
    options_.fusion.members = kMembers;
    scheduler_.until = 2;
    scheduler_.first_until = 1;
    scheduler_.resumes = false;
    searcher_ = search::FakeSearcher::counting(configurations);
    director_ = std::make_unique<Director>(options_, Policies{searcher_, scheduler_, planner_});
    feed(Opened{.trials = options_.trials});
    feed(Signal{NodeJoined{{.id = NodeId{0}, .host = "here", .slots = {{SlotId{0}, NodeId{0}}}}}});
  }
  const Step& feed(Input input) {
    Step step;
    const StepId id{next_++};
    step.turn = director_->decide(id, study_time(id.value * 1000), std::move(input));
    step.fill = director_->fill(step.turn, Capacity::kUse);
    steps_.push_back(std::move(step));
    return steps_.back();
  }
  const Step& exits(std::int64_t trial, ExitKind kind) {
    return feed(Signal{Exited{TrialId{trial}, LaunchId{0}, kind, {}}});
  }
  static Report report(std::int64_t trial, Steps step) {
    Report report{.trial = TrialId{trial}, .launch = LaunchId{0}, .step = step, .value = 0.5};
    report.metrics = {{"loss", 0.5}};
    return report;
  }
  static std::vector<std::int64_t> members(const Launch& launch) {
    std::vector<std::int64_t> trials;
    for (const Member& member : launch.members) trials.push_back(member.trial.value);
    return trials;
  }
  const Trial& trial(std::int64_t id) const { return director_->state().trial(TrialId{id}); }

  StudyOptions options_{.objective = {"loss", Mode::kMin}};
  search::FakeSearcher searcher_{{}};
  sched::ScriptedScheduler scheduler_;
  cluster::FirstFit planner_;
  std::deque<Step> steps_;
  std::int64_t next_ = 0;
  std::unique_ptr<Director> director_;
};

TEST_F(ArrayTest, APlannerMakesOneLaunchOfSeveralTrials) {
  build(6);
  const Fill& fill = steps_.back().fill;
  EXPECT_EQ(fill.created.size(), kMembers);
  ASSERT_EQ(fill.launches.size(), 1u);
  EXPECT_EQ(members(fill.launches[0]), (std::vector<std::int64_t>{0, 1, 2}));
  ASSERT_EQ(fill.launches[0].shares.size(), 1u);
  EXPECT_EQ(fill.launches[0].shares[0], (Share{SlotId{0}, 1}));
  for (const std::int64_t id : {0, 1, 2}) {
    EXPECT_TRUE(trial(id).live());
    EXPECT_EQ(trial(id).launch, LaunchId{0});
    EXPECT_EQ(trial(id).slot, SlotId{0});
  }
  EXPECT_EQ(director_->cluster().free_count(), 0u);
}

TEST_F(ArrayTest, ItsTrialsAreDecidedOnOneByOneAndTogetherIfTheyReportTogether) {
  build(6);
  scheduler_.answers[{TrialId{1}, 1}] = {Stop{TrialId{1}}, "worst of three"};
  for (const std::int64_t id : {0, 2})
    scheduler_.answers[{TrialId{id}, 1}] = {Continue{TrialId{id}, 2}, {}};
  const Step& rung = feed(Signal{Reported{{report(0, 1), report(1, 1), report(2, 1)}}});
  ASSERT_EQ(rung.turn.decisions.size(), 3u);
  EXPECT_EQ(rung.turn.decisions[1].action, Action(Stop{TrialId{1}}));
  EXPECT_TRUE(exits(1, ExitKind::kStopped).fill.launches.empty()) << "the slot is not free";
  EXPECT_TRUE(trial(0).live() && trial(2).live());
  feed(Signal{Reported{{report(0, 2), report(2, 2)}}});
  exits(0, ExitKind::kStopped);
  EXPECT_TRUE(exits(2, ExitKind::kStopped).fill.launches.empty());
  const Fill& next = feed(Signal{LaunchEnded{LaunchId{0}}}).fill;
  ASSERT_EQ(next.launches.size(), 1u);
  EXPECT_EQ(members(next.launches[0]), (std::vector<std::int64_t>{3, 4, 5}));
}

TEST_F(ArrayTest, WhatAStoppedTrialReportsBesideTheOthersIsLateForItAlone) {
  build(6);
  feed(UserCommand(StopTrial{TrialId{0}}));
  ASSERT_EQ(trial(0).decided, Decided::kStop);
  const Step& step = feed(Signal{Reported{{report(0, 2), report(1, 2), report(2, 2)}}});
  EXPECT_FALSE(step.turn.late);
  EXPECT_TRUE(std::ranges::none_of(step.turn.decisions, [](const Decision& each) {
    return subject(each.action) == TrialId{0};
  }));
  EXPECT_EQ(trial(0).decided, Decided::kStop);
  EXPECT_EQ(trial(0).step, 0);
  EXPECT_EQ(trial(1).step, 2);
  exits(0, ExitKind::kStopped);
  EXPECT_EQ(trial(0).status, TrialStatus::kStopped);
}

TEST_F(ArrayTest, WhatIsLostOfALaunchRunsAgainInTheNext) {
  build(6);
  exits(0, ExitKind::kCompleted);
  exits(1, ExitKind::kLost);
  exits(2, ExitKind::kLost);
  const Fill& next = feed(Signal{LaunchEnded{LaunchId{0}}}).fill;
  ASSERT_EQ(next.launches.size(), 1u);
  EXPECT_EQ(members(next.launches[0]), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(next.launches[0].members[0].attempt, 2);
}

TEST_F(ArrayTest, WhatIsTooLargeForTheMemoryStartsAgainInHalves) {
  build(6);
  for (const std::int64_t id : {0, 1, 2})
    feed(Signal{Exited{TrialId{id}, LaunchId{0}, ExitKind::kFailed, "out of memory: 3 GB"}});
  EXPECT_EQ(trial(0).failures, 0);
  EXPECT_EQ(trial(0).losses, 1);
  const Fill& next = feed(Signal{LaunchEnded{LaunchId{0}}}).fill;
  ASSERT_EQ(next.launches.size(), 1u);
  EXPECT_EQ(members(next.launches[0]), std::vector<std::int64_t>{0});
  feed(Signal{Exited{TrialId{0}, LaunchId{1}, ExitKind::kFailed, "out of memory: 1 GB"}});
  EXPECT_EQ(trial(0).failures, 1) << "alone it is the trial's own affair";
}

TEST_F(ArrayTest, WhoIsAlikeOnlyWithOthersWaitsForThem) {
  options_.fusion.shared = {"x"};
  build(6);
  const Fill& fill = steps_.back().fill;
  ASSERT_EQ(fill.launches.size(), 1u);
  EXPECT_EQ(fill.created.size(), kMembers) << "they are drawn to be compared";
  EXPECT_EQ(members(fill.launches[0]), std::vector<std::int64_t>{0}) << "each has another x";
  EXPECT_EQ(trial(1).status, TrialStatus::kPending);
  exits(0, ExitKind::kCompleted);
  const Fill& next = feed(Signal{LaunchEnded{LaunchId{0}}}).fill;
  EXPECT_EQ(members(next.launches.at(0)), std::vector<std::int64_t>{1});
}

TEST_F(ArrayTest, WhereTheSearcherHasNoMoreTheLaunchIsShorter) {
  build(2);
  const Fill& fill = steps_.back().fill;
  EXPECT_TRUE(fill.exhausted);
  ASSERT_EQ(fill.launches.size(), 1u);
  EXPECT_EQ(members(fill.launches[0]), (std::vector<std::int64_t>{0, 1}));
}

TEST_F(ArrayTest, WhileNothingHasWorkedOneTrialIsAloneInItsLaunch) {
  build(6, true);
  ASSERT_EQ(steps_.back().fill.launches.size(), 1u);
  EXPECT_EQ(members(steps_.back().fill.launches[0]), (std::vector<std::int64_t>{0}));
}

TEST_F(ArrayTest, AReplayComesToTheSameStateAndCluster) {
  build(6);
  feed(Signal{Reported{{report(0, 1), report(1, 1)}}});
  exits(1, ExitKind::kLost);
  search::FakeSearcher searcher = search::FakeSearcher::counting(6);
  sched::ScriptedScheduler scheduler;
  cluster::FirstFit planner;
  Director again(options_, Policies{searcher, scheduler, planner});
  for (const Step& step : steps_) ASSERT_TRUE(again.replay(step).ok());
  EXPECT_EQ(again.state().count(TrialStatus::kRunning),
            director_->state().count(TrialStatus::kRunning));
  EXPECT_EQ(again.cluster().free_slots(), director_->cluster().free_slots());
  EXPECT_EQ(again.cluster().slots().at(SlotId{0}).steps,
            director_->cluster().slots().at(SlotId{0}).steps);
}

}  // namespace
}  // namespace clavier::tuner
