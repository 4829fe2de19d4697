#include "worker/launch_session.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/link_fake.h"

namespace clavier::worker {
namespace {

constexpr TrialId kFirst{4}, kSecond{9};

class LaunchSessionTest : public testing::Test {
 protected:
  static StartLine start(TrialId trial, Steps until = kForever) {
    return {.trial = trial, .launch = LaunchId{2}, .until = until, .members = 2};
  }
  std::vector<ExitedLine> run(Steps until, const LaunchTrainable& train) {
    return LaunchSession({start(kFirst, until), start(kSecond, until)}, link_).run(train);
  }
  static std::vector<TrialId> trials(const LaunchContext& launch) {
    std::vector<TrialId> trials;
    for (const TrialContext* each : launch.members()) trials.push_back(each->trial());
    return trials;
  }
  static std::vector<MemberReport> both() { return {{.trial = kFirst}, {.trial = kSecond}}; }

  FakeLink link_;
};

TEST_F(LaunchSessionTest, AllHaveReportedBeforeAnyoneWaitsAndEachHearsItsOwnAnswer) {
  link_.before_answer = [&] { EXPECT_EQ(link_.reported(), (std::vector<Steps>{1, 1})); };
  link_.answers = {ContinueLine{7, kSecond}, ContinueLine{5, kFirst}};
  run(1, [&](LaunchContext& launch) {
    launch.report(both());
    EXPECT_EQ(trials(launch), (std::vector{kFirst, kSecond}));
    EXPECT_EQ(launch.members()[0]->until(), 5);
    EXPECT_EQ(launch.members()[1]->until(), 7);
  });
}

TEST_F(LaunchSessionTest, WhatIsReportedTogetherIsMarkedSo) {
  run(kForever, [&](LaunchContext& launch) { launch.report(both()); });
  EXPECT_TRUE(std::get<ReportLine>(link_.told.at(0)).more);
  EXPECT_FALSE(std::get<ReportLine>(link_.told.at(1)).more);
}

TEST_F(LaunchSessionTest, OneThatIsToldToLeaveHasLeftAndTheOthersGoOn) {
  link_.arrived = {StopLine{kFirst}};
  const auto exits = run(kForever, [&](LaunchContext& launch) {
    launch.report(both());
    EXPECT_EQ(trials(launch), std::vector{kSecond});
    launch.report(both());
  });
  ASSERT_EQ(link_.told.size(), 4u);
  EXPECT_EQ(std::get<ExitedLine>(link_.told[2]),
            (ExitedLine{kFirst, LaunchId{2}, ExitKind::kStopped}));
  EXPECT_EQ(std::get<ReportLine>(link_.told[3]).trial, kSecond);
  EXPECT_EQ(exits, (std::vector{ExitedLine{kSecond, LaunchId{2}, ExitKind::kCompleted}}));
}

TEST_F(LaunchSessionTest, AMessageThatNamesNobodyIsForTheOnlyOne) {
  link_.arrived = {StopLine{}};
  run(kForever, [&](LaunchContext& launch) {
    launch.report(both());
    EXPECT_EQ(launch.members().size(), 2u) << "of two it means neither";
  });
  link_.arrived = {StopLine{}};
  LaunchSession({start(kFirst)}, link_).run([&](LaunchContext& launch) {
    launch.report({{.trial = kFirst}});
    EXPECT_TRUE(launch.members().empty());
  });
}

TEST_F(LaunchSessionTest, WhenTheTunerIsGoneAllLeave) {
  const auto exits = run(1, [&](LaunchContext& launch) {
    launch.report(both());
    EXPECT_TRUE(launch.members().empty());
  });
  EXPECT_TRUE(exits.empty());
}

TEST_F(LaunchSessionTest, WhatIsThrownIsTheFailureOfThoseWhoAreThere) {
  const auto exits = run(kForever, [&](LaunchContext& launch) {
    launch.leave(kFirst);
    throw std::runtime_error("layer 3 is broken");
  });
  EXPECT_EQ(std::get<ExitedLine>(link_.told.at(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(
      exits,
      (std::vector{ExitedLine{kSecond, LaunchId{2}, ExitKind::kFailed, "layer 3 is broken"}}));
}

TEST_F(LaunchSessionTest, OneMayFailAlone) {
  const auto exits = run(kForever, [&](LaunchContext& launch) {
    launch.fail(kFirst, "loss is NaN");
    launch.fail(kFirst, "again");
  });
  ASSERT_EQ(link_.told.size(), 1u);
  EXPECT_EQ(std::get<ExitedLine>(link_.told[0]),
            (ExitedLine{kFirst, LaunchId{2}, ExitKind::kFailed, "loss is NaN"}));
  EXPECT_EQ(exits.size(), 1u);
}

TEST_F(LaunchSessionTest, ItsPartOfTheWorkIsAsItWasStarted) {
  LaunchSession({{.launch = LaunchId{2}, .shares = 4, .rank = 3}}, link_)
      .run([](LaunchContext& launch) {
        EXPECT_EQ(launch.shares(), 4);
        EXPECT_EQ(launch.rank(), 3);
      });
}

TEST_F(LaunchSessionTest, AloneATrialIsAllThereIsToItsLaunch) {
  const auto exits = LaunchSession({start(kFirst)}, link_).run(alone([](TrialContext& trial) {
    EXPECT_EQ(trial.report({}), Verdict::kGoOn);
  }));
  EXPECT_EQ(link_.reported(), std::vector<Steps>{1});
  EXPECT_EQ(exits, (std::vector{ExitedLine{kFirst, LaunchId{2}, ExitKind::kCompleted}}));
}

}  // namespace
}  // namespace clavier::worker
