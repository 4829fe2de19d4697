#include "exec/sim/sim_executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/support/sim_fixtures.h"

namespace clavier::exec {
namespace {

TEST_F(SimTest, SlotsWorkAtTheirSpeedsAndTiesGoToTheLowerLaunch) {
  build(on_slots({1, 2}), steady(2));
  start(0, 0);
  start(1, 1);
  EXPECT_EQ(story(10), (Story{"0.500 report 1 @1", "1.000 report 0 @1", "1.000 report 1 @2 saved",
                              "1.000 completed 1", "1.000 ended 1", "2.000 report 0 @2 saved",
                              "2.000 completed 0", "2.000 ended 0"}));
  EXPECT_EQ(seconds(sim_->now()), 10);
}

TEST_F(SimTest, DelaysOfStartReportAndCommandAddUp) {
  SimOptions options = on_slots({1});
  options.start_seconds = 0.5;
  options.report_seconds = 0.125;
  options.command_seconds = 0.25;
  build(options);
  start(0, 0, 1);
  EXPECT_EQ(story(2), Story{"1.625 report 0 @1 saved"});
  tell(0, ContinueTo{2});  // at 2, arrives at 2.25, done at 3.25
  EXPECT_EQ(story(4), Story{"3.375 report 0 @2 saved"});
  tell(0, StopNow{});
  EXPECT_EQ(story(5), (Story{"4.375 stopped 0", "4.375 ended 0"}));
}

TEST_F(SimTest, CostsMultiplyDurations) {
  Curve curve = steady(3);
  curve.cost = [](const Config&, Steps step) { return static_cast<double>(step); };
  build(on_slots({2}), curve);
  start(0);
  EXPECT_EQ(story(9), (Story{"0.500 report 0 @1", "1.500 report 0 @2", "3.000 report 0 @3 saved",
                             "3.000 completed 0", "3.000 ended 0"}));
}

TEST_F(SimTest, ReportsCarryTheObjectiveAndTheTimeSinceTheOneBefore) {
  build(on_slots({4}));
  start(0, 0, 2);
  std::vector<Report> reports;
  for (int i = 0; i < 2; ++i)
    reports.push_back(std::get<Reported>(sim_->wait(kNever).front()).reports.front());
  EXPECT_EQ(reports[1].value, 0.5);
  EXPECT_EQ(reports[1].metrics, (std::vector<Metric>{{"loss", 0.5}}));
  EXPECT_DOUBLE_EQ(reports[1].seconds, 0.25);
  EXPECT_EQ(reports[1].checkpoint->path, "t0/" + worker::checkpoint_name(2, LaunchId{0}));
  tell(0, ContinueTo{3});
  const auto third = std::get<Reported>(sim_->wait(kNever).front()).reports.front();
  EXPECT_DOUBLE_EQ(third.seconds, 0.25) << "waiting for a decision is no work";
}

TEST_F(SimTest, TheLastStepWaitsForItsDecisionToo) {
  build(on_slots({1}), steady(2));
  start(0, 0, 2);
  EXPECT_EQ(story(5), (Story{"1.000 report 0 @1", "2.000 report 0 @2 saved"}));
  tell(0, ContinueTo{});
  EXPECT_EQ(story(6), (Story{"5.000 completed 0", "5.000 ended 0"}));
}

TEST_F(SimTest, PausingInTheMiddleOfAStepLosesThatStepOnly) {
  build(on_slots({1}));
  start(0);
  EXPECT_EQ(story(2.5), (Story{"1.000 report 0 @1", "2.000 report 0 @2"}));
  tell(0, PauseNow{});
  EXPECT_EQ(story(3), (Story{"2.500 saved 0", "2.500 paused 0", "2.500 ended 0"}));
  start(0, 0, kForever, 2, Checkpoint{TrialId{0}, LaunchId{0}, 2, "c"});
  EXPECT_EQ(story(4), Story{"4.000 report 0 @3"});
}

TEST_F(SimTest, PausingBeforeTheFirstStepSavesNothing) {
  build(on_slots({1}));
  start(0);
  tell(0, PauseNow{});
  EXPECT_EQ(story(2), (Story{"0.000 paused 0", "0.000 ended 0"}));
}

TEST_F(SimTest, AnExploitVoidsTheStepUnderWay) {
  build(on_slots({1}));
  start(0);
  EXPECT_EQ(story(1.5), Story{"1.000 report 0 @1"});
  tell(0, ExploitFrom{{TrialId{1}, LaunchId{9}, 7, "d"}, {}, 8});
  EXPECT_EQ(story(9), Story{"2.500 report 0 @8 saved"});
}

TEST_F(SimTest, WhatATrialLearnedGoesWithItsCheckpoints) {
  Curve curve;  // Trial 0 learns 1 a step, trial 1 learns 100.
  curve.learn = [](Weights& weights, const Config&, TrialId trial, Steps, std::uint64_t) {
    if (weights.empty()) weights = {0};
    weights[0] += trial.value == 0 ? 1 : 100;
  };
  curve.evaluate = [](const Weights& weights, TrialId, Steps, std::uint64_t) {
    return std::vector<Metric>{{"loss", weights[0]}};
  };
  build(on_slots({1, 1}), curve);
  const auto report = [&] {
    const auto signals = sim_->wait(kNever);
    return std::get<Reported>(signals.at(0)).reports.at(0);
  };
  start(0, 0, 1);
  const Report donor = report();
  EXPECT_EQ(donor.value, 1);
  start(1, 1, 2);
  EXPECT_EQ(report().value, 100);
  EXPECT_EQ(report().value, 200);
  tell(1, ExploitFrom{*donor.checkpoint, {}, 2});
  const Report taken = report();
  EXPECT_EQ(taken.value, 101);
  EXPECT_EQ(taken.step, 2);
  tell(0, ContinueTo{2});
  EXPECT_EQ(report().value, 2);
  tell(0, StopNow{});
  EXPECT_EQ(story(6).size(), 2u);
  start(0, 0, 3, 2, taken.checkpoint);
  EXPECT_EQ(report().value, 102);
  tell(0, StopNow{});
  EXPECT_EQ(story(9).size(), 2u);
  sim_->discard(taken.checkpoint->path);
  start(0, 0, 3, 3, taken.checkpoint);
  EXPECT_EQ(report().value, 1);
}

TEST_F(SimTest, CheckpointRulesHoldAndWaitingCanBeLeftOut) {
  SimOptions options = on_slots({1});
  options.checkpoints = {.every = 2, .at_end = false};
  options.checkpoint_at_until = false;
  build(options, steady(5));
  start(0, 0, 3);
  EXPECT_EQ(story(3), (Story{"1.000 report 0 @1", "2.000 report 0 @2 saved", "3.000 report 0 @3"}));
}

TEST_F(SimTest, NoiseAndFailuresAreKeyed) {
  SimOptions options = on_slots({1, 1});
  options.noise = 0.2;
  options.failure_probability = 0.2;
  options.seed = 3;
  build(options, steady(20));
  start(0);
  const Story first = story(60);
  build(options, steady(20));
  start(5, 1);
  start(0);
  Story again = story(60);
  std::erase_if(again, [](const std::string& line) { return line.find(" 5") != line.npos; });
  ASSERT_GE(first.size(), 2U);
  EXPECT_EQ(first.size(), again.size() - 1) << "the other's launch has number 1 here";
  for (std::size_t i = 0; i + 1 < first.size(); ++i)
    EXPECT_NE(std::ranges::find(again, first[i]), again.end()) << first[i];
  build(options, steady(20));
  start(0, 0, kForever, 2);
  EXPECT_NE(first, story(60)) << "another attempt has other luck";
}

TEST_F(SimTest, FailuresAreAsOftenAsTheirProbabilitySays) {
  SimOptions options = on_slots({1});
  options.failure_probability = 0.1;
  build(options, steady(1));
  int failed = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    start(trial);
    for (bool ended = false; !ended;) {
      const Signal signal = sim_->wait(kNever).front();
      ended = std::holds_alternative<LaunchEnded>(signal);
      if (const auto* exited = std::get_if<Exited>(&signal))
        failed += exited->kind == ExitKind::kFailed;
    }
  }
  EXPECT_NEAR(failed, 100, 30);
}

TEST_F(SimTest, SavesTakeTimeWhateverTheSpeed) {
  SimOptions options = on_slots({2});
  options.checkpoints = {.every = 2, .at_end = true};
  options.save_seconds = 0.25;
  build(options, steady(3));
  start(0);
  EXPECT_EQ(story(9), (Story{"0.500 report 0 @1", "1.250 report 0 @2 saved",
                             "2.000 report 0 @3 saved", "2.000 completed 0", "2.000 ended 0"}));
}

TEST_F(SimTest, ASpeedMayChangeInTheMiddleOfAStep) {
  SimOptions options = on_slots({2});
  options.nodes[0].slots[0].drift = {{StudyTime(from_seconds(0.75)), 0.5},
                                     {StudyTime(from_seconds(2.25)), 2}};
  build(options);
  start(0, 0);
  // Half a step is left at 0.75, for twice the time; from 2.25 on four a second.
  EXPECT_EQ(story(2.9), (Story{"0.500 report 0 @1", "1.250 report 0 @2", "2.250 report 0 @3",
                               "2.500 report 0 @4", "2.750 report 0 @5"}));
}

TEST_F(SimTest, OnlyWhatAnotherSlotSavedIsFetched) {
  SimOptions options = on_slots({1, 1});
  options.move_seconds = 0.25;
  build(options);
  start(0, 0, 1);
  EXPECT_EQ(story(1), Story{"1.000 report 0 @1 saved"});
  tell(0, PauseNow{});
  story(1);
  const auto saved = [](std::int64_t launch) {
    return Checkpoint{TrialId{0}, LaunchId{launch}, 1, "t0/checkpoint"};
  };
  start(1, 0, 9, 0, saved(0));
  EXPECT_EQ(story(2), Story{"2.000 report 1 @2"});
  EXPECT_EQ(sim_->moves(), 0);
  start(2, 1, 9, 2, saved(0));
  EXPECT_EQ(story(3.5).front(), "3.000 report 1 @3");
  EXPECT_EQ(sim_->moves(), 1);
  tell(2, ExploitFrom{saved(1), {}, 9});
  const Story after = story(5);
  EXPECT_EQ(after[1], "4.750 report 2 @2") << after[0];
  EXPECT_EQ(sim_->moves(), 2);
}

TEST_F(SimTest, ReportsMayBeRareAndCostTime) {
  SimOptions options = on_slots({2});
  options.report_every = 4;
  options.evaluation_seconds = 1;
  build(options, steady(6));
  start(0, 0);
  EXPECT_EQ(story(9), (Story{"2.500 report 0 @4", "4.000 report 0 @6 saved", "4.000 completed 0",
                             "4.000 ended 0"}));
}

TEST_F(SimTest, WithoutAWakerItAnswersWithNothingWhenNothingCanHappen) {
  build(on_slots({1}));
  EXPECT_TRUE(sim_->wait(kNever).empty());
}

TEST_F(SimTest, AStepWithoutMetricsPassesInSilence) {
  Curve curve = steady(4);
  curve.metrics = [](const Config&, TrialId, Steps step, std::uint64_t) -> std::vector<Metric> {
    if (step % 2 == 1) return {};
    return {{"loss", 1}};
  };
  build(on_slots({1}), curve);
  start(0, 0, 1);
  EXPECT_EQ(story(2), Story{"2.000 report 0 @2 saved"}) << "waits where it reports";
}

TEST(SimExecutor, SenselessOptionsAreRefused) {
  const auto refused = [](auto change) {
    SimOptions options;
    change(options);
    return !SimExecutor::create(options, steady()).ok();
  };
  EXPECT_FALSE(refused([](SimOptions&) {}));
  EXPECT_TRUE(refused([](SimOptions& o) { o.nodes.clear(); }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.nodes[0].slots[0].speed = 0; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.nodes[0].slots[0].speed = NAN; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.seconds_per_step = -1; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.report_seconds = INFINITY; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.noise = -1; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.move_seconds = -1; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.report_every = 0; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.nodes[0].slots[0].drift = {{StudyTime{}, 0}}; }));
  EXPECT_TRUE(refused([](SimOptions& o) { o.failure_probability = 1.5; }));
  EXPECT_FALSE(SimExecutor::create({}, Curve{}).ok());
}

TEST_F(SimTest, EnormousDurationsDoNotOverflow) {
  SimOptions options = on_slots({1e-300});
  options.seconds_per_step = 1e300;
  build(options, steady(3));
  start(0);
  EXPECT_EQ(std::get<Reported>(sim_->wait(kNever).front()).reports.front().step, 1);
  EXPECT_GT(sim_->now(), StudyTime{});
}

SimOptions sharing(std::size_t slots, std::vector<double> curve) {
  SimOptions options = on_slots(std::vector<double>(slots, 1));
  for (SimSlot& slot : options.nodes.front().slots) {
    slot.gpu_ids = {0};
    slot.sharing = curve;
  }
  return options;
}

TEST_F(SimTest, WhoSharesADeviceIsSlowerFromTheMomentThatTheOtherComesUntilItLeaves) {
  build(sharing(2, {1, 1.6}), steady(4));
  start(0, 0);
  story(1.2);
  start(1, 1);
  EXPECT_EQ(story(3.4), (std::vector<std::string>{"2.199 report 0 @2", "2.450 report 1 @1"}))
      << "0.8 s at 0.8, and a second at 0.8";
  tell(1, StopNow{});
  EXPECT_EQ(story(3.5),
            (std::vector<std::string>{"3.400 stopped 1", "3.400 ended 1", "3.439 report 0 @3"}));
}

TEST_F(SimTest, SlotsOfOtherDevicesOrNodesShareNothing) {
  SimOptions options = sharing(3, {1, 1.6});
  options.nodes.front().slots[2].gpu_ids = {1};
  options.nodes.push_back(options.nodes.front());
  options.nodes.back().slots.resize(1);
  build(std::move(options));
  for (const std::int64_t slot : {0, 1, 2, 3}) start(slot, slot);
  EXPECT_EQ(story(1.5), (std::vector<std::string>{"1.000 report 2 @1", "1.000 report 3 @1",
                                                  "1.250 report 0 @1", "1.250 report 1 @1"}));
}

TEST(SimExecutor, RefusesACurveOfSharingThatMakesNoSense) {
  EXPECT_FALSE(SimExecutor::create(sharing(3, {1, 1.6}), steady()).ok());
  EXPECT_FALSE(SimExecutor::create(sharing(2, {1, 0}), steady()).ok());
  EXPECT_TRUE(SimExecutor::create(sharing(2, {1, 0.5, 0.1}), steady()).ok());
}

}  // namespace
}  // namespace clavier::exec
