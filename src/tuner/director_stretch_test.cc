#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "tests/support/scheduler_fake.h"
#include "tests/support/searcher_fake.h"
#include "tuner/director.h"

namespace clavier::tuner {
namespace {

/// Gives every want the lowest free slot for two steps, and answers for trials at the end of a
/// stretch as it was told to.
class ScriptedPlanner final : public cluster::Planner {
 public:
  ScriptedPlanner() : Planner({.multiplexes = true}) {}
  cluster::Plan plan(const cluster::Demand& demand, const cluster::ClusterState& cluster,
                     StudyTime) override {
    cluster::Plan plan;
    for (std::size_t i = 0; i < demand.at_end.size(); ++i) {
      asked.push_back(demand.at_end[i].trial);
      cluster::Ruling ruling = answers.empty() ? cluster::Ruling{} : answers.front();
      if (!answers.empty()) answers.pop_front();
      ruling.trial = i;
      plan.rulings.push_back(std::move(ruling));
    }
    plan.left_out.assign(demand.wants.size(), "no room");
    const auto free = cluster.free_slots();
    for (std::size_t i = 0; i < std::min(free.size(), demand.wants.size()); ++i) {
      plan.starts.push_back({{i}, {free[i]}, 2});
      plan.left_out[i].clear();
    }
    return plan;
  }
  std::size_t appetite(const cluster::ClusterState& cluster,
                       const cluster::Supply&) const override {
    return cluster.free_slots().size();
  }

  std::deque<cluster::Ruling> answers;
  std::vector<TrialId> asked;
};

/// One trial on one slot; its scheduler is asked at step 10.
class DirectorStretches : public testing::Test {
 protected:
  DirectorStretches() {
    options_.trials = 1;
    scheduler_.until = 10;
    searcher_ = search::FakeSearcher::counting(1);
    director_ = make();
    feed(Opened{.trials = 1});
    Node node{.id = NodeId{0}, .host = "here"};
    for (int i = 0; i < 2; ++i) node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}});
    feed(Signal{NodeJoined{node}});
  }
  std::unique_ptr<Director> make() {
    return std::make_unique<Director>(options_, Policies{searcher_, scheduler_, planner_});
  }

  const Step& feed(Input input) {
    Step step;
    const StepId id{next_++};
    step.turn = director_->decide(id, study_time(id.value * 1000), std::move(input));
    step.fill = director_->fill(step.turn, Capacity::kUse);
    steps_.push_back(std::move(step));
    return steps_.back();
  }
  const Step& report(Steps at) {
    Report report{.trial = kTrial, .launch = trial().launch, .step = at, .value = 0.5};
    report.metrics = {{"loss", 0.5}};
    report.checkpoint = Checkpoint{kTrial, report.launch, at, "c" + std::to_string(at)};
    return feed(Signal{Reported{{report}}});
  }
  void leave(ExitKind kind) {
    const LaunchId launch = trial().launch;
    feed(Signal{Exited{kTrial, launch, kind, {}}});
    feed(Signal{LaunchEnded{launch}});
  }
  const Trial& trial() const { return director_->state().trial(kTrial); }

  static constexpr TrialId kTrial{0};
  StudyOptions options_{.objective = {"loss", Mode::kMin}};
  search::FakeSearcher searcher_{{}};
  sched::ScriptedScheduler scheduler_;
  ScriptedPlanner planner_;
  std::unique_ptr<Director> director_;
  std::deque<Step> steps_;
  std::int64_t next_ = 0;
};

TEST_F(DirectorStretches, TheLaunchSaysWhereThePlannerIsAsked) {
  EXPECT_EQ(trial().until, 10);
  EXPECT_EQ(trial().stretch, 2);
  EXPECT_EQ(trial().waits_at(), 2);
}

TEST_F(DirectorStretches, WithinAStretchNobodyIsAsked) {
  EXPECT_TRUE(report(1).turn.decisions.empty());
  EXPECT_TRUE(planner_.asked.empty());
}

TEST_F(DirectorStretches, AtItsEndTheTrialGoesOnInItsSlot) {
  planner_.answers = {{.stays = true, .stretch = 7}};
  EXPECT_EQ(report(2).turn.decisions, (std::vector<Decision>{{Continue{kTrial, 10, 7}}}));
  EXPECT_EQ(trial().waits_at(), 7);
}

TEST_F(DirectorStretches, ATrialThatLeavesIsRunnableAgainFromItsCheckpoint) {
  planner_.answers = {{.stays = false, .reason = "another takes its slot"}};
  EXPECT_EQ(report(2).turn.decisions,
            (std::vector<Decision>{{Requeue{kTrial}, "another takes its slot"}}));
  EXPECT_EQ(trial().decided, Decided::kRequeue);
  leave(ExitKind::kPaused);
  EXPECT_TRUE(trial().live());
  EXPECT_EQ(trial().step, 2);
  EXPECT_EQ(trial().until, 10);
  EXPECT_EQ(trial().attempts, 2);
}

TEST_F(DirectorStretches, ATrialThatWaitsInItsSlotIsAskedAboutAgain) {
  planner_.answers = {{.stays = true, .stretch = 2}, {.stays = true, .stretch = 5}};
  EXPECT_TRUE(report(2).turn.decisions.empty());
  EXPECT_EQ(feed(UserCommand{RaiseTrials{1}}).turn.decisions,
            (std::vector<Decision>{{Continue{kTrial, 10, 5}}}));
  EXPECT_EQ(planner_.asked.size(), 2u);
}

TEST_F(DirectorStretches, WhatItsSchedulerDecidesAtABoundaryIsCutToo) {
  scheduler_.answers[{kTrial, 10}] = {Continue{kTrial, 20}, "on"};
  planner_.answers = {{.stays = true}, {.stays = true, .stretch = 13}};
  report(2);
  EXPECT_EQ(report(10).turn.decisions, (std::vector<Decision>{{Continue{kTrial, 20, 13}, "on"}}));
}

TEST_F(DirectorStretches, ATakeoverMayComeWithLeavingTheSlot) {
  Config other;
  other.set("lr", 0.5);
  const Checkpoint donor{TrialId{0}, LaunchId{0}, 9, "c9"};
  scheduler_.answers[{kTrial, 10}] = {Exploit{kTrial, donor, 1, other, 20}, "worse"};
  planner_.answers = {{.stays = true}, {.stays = false, .reason = "moves"}};
  report(2);
  const Step& step = report(10);
  ASSERT_EQ(step.turn.decisions.size(), 2u);
  EXPECT_EQ(step.turn.decisions[1], (Decision{Requeue{kTrial}, "moves"}));
  leave(ExitKind::kStopped);
  ASSERT_TRUE(trial().live());
  EXPECT_EQ(trial().config, other);
  EXPECT_EQ(trial().step, 9);
  EXPECT_EQ(trial().until, 20);
  EXPECT_EQ(*trial().latest_checkpoint(), donor);
}

TEST_F(DirectorStretches, RecoveryAsksTheSameAgain) {
  planner_.answers = {{.stays = true, .stretch = 2}, {.stays = false, .reason = "leaves"}};
  report(2);
  feed(UserCommand{RaiseTrials{1}});
  leave(ExitKind::kPaused);
  const std::vector<TrialId> asked = std::exchange(planner_.asked, {});
  const auto again = make();
  for (const Step& step : steps_) ASSERT_TRUE(again->replay(step).ok());
  EXPECT_EQ(planner_.asked, asked);
}

}  // namespace
}  // namespace clavier::tuner
