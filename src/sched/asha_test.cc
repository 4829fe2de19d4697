#include "sched/asha.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const Objective kLoss{"loss", Mode::kMin};

class AshaTest : public testing::Test {
 protected:
  Asha asha_{kLoss, {.max_steps = 20, .reduction = 2}, 1};  // rungs 1, 2, 4, 8, 16
  Desk desk_{asha_, kLoss};
};

TEST_F(AshaTest, TheFirstArrivalGoesOnToTheNextRung) {
  const auto decision = desk_.report(desk_.start(1), 1, 100);
  EXPECT_EQ(until(decision), 2);
  EXPECT_EQ(decision->reason, "rung 1: 0 of 1 are better, the best 1 go on");
}

TEST_F(AshaTest, ASecondWorseArrivalIsStoppedAndABetterOneSurvives) {
  desk_.report(desk_.start(1), 1, 5);
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(1), 1, 6)));
  EXPECT_TRUE(is<Continue>(desk_.report(desk_.start(1), 1, 4)));
}

TEST_F(AshaTest, OwnValueCounts) {
  for (const double value : {1.0, 2.0, 3.0}) desk_.report(desk_.start(1), 1, value);
  // The fourth makes two survivors of four; without it there would be one of three.
  EXPECT_TRUE(is<Continue>(desk_.report(desk_.start(1), 1, 1.5)));
}

TEST_F(AshaTest, TiesSurvive) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is<Continue>(desk_.report(desk_.start(1), 1, 1)));
}

TEST_F(AshaTest, NotANumberRanksLast) {
  EXPECT_TRUE(is<Continue>(desk_.report(desk_.start(1), 1, kNaN))) << "nothing is better yet";
  EXPECT_TRUE(is<Continue>(desk_.report(desk_.start(1), 1, 1e300)));
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(1), 1, kNaN)));
}

TEST_F(AshaTest, IsCompleteAtMaxStepsWhateverItsValue) {
  const TrialId trial = desk_.start(20);
  EXPECT_TRUE(is<Complete>(desk_.report(trial, 23, kNaN)));
}

TEST_F(AshaTest, AStrideThatSkipsRungsIsJudgedOnceAtTheHighest) {
  desk_.report(desk_.start(1), 1, 1);
  const TrialId strider = desk_.start(1);
  EXPECT_EQ(until(desk_.report(strider, 5, 3)), 8) << "alone at rung 4, not compared at rung 1";
  // Rung 1 still holds one value: the second one is judged against it alone.
  const auto second = desk_.report(desk_.start(1), 1, 2);
  ASSERT_TRUE(is<Stop>(second));
  EXPECT_EQ(second->reason, "rung 1: 1 of 2 are better, the best 1 go on");
}

TEST_F(AshaTest, BetweenRungsNothingIsDecided) {
  const TrialId trial = desk_.start(1);
  desk_.report(trial, 4, 1);
  EXPECT_FALSE(desk_.report(trial, 5, 9));
}

TEST_F(AshaTest, AShortenedUntilIsAnsweredWithTheNextRung) {
  const TrialId trial = desk_.start(1);
  desk_.report(trial, 4, 1);
  desk_.exit(trial, ExitKind::kLost);
  desk_.launch(trial, 6);
  EXPECT_EQ(until(desk_.report(trial, 6, 1)), 8);
}

TEST_F(AshaTest, AReportWithoutTheObjectiveIsJudgedAtTheNextThatHasIt) {
  desk_.report(desk_.start(1), 1, 1);
  const TrialId trial = desk_.start(1);
  EXPECT_EQ(until(desk_.report(trial, 1, std::nullopt)), 2);
  EXPECT_EQ(until(desk_.report(trial, 2, std::nullopt)), 3);
  const auto judged = desk_.report(trial, 3, 7);
  EXPECT_EQ(until(judged), 4);
  EXPECT_EQ(judged->reason, "rung 2: 0 of 1 are better, the best 1 go on");
}

TEST_F(AshaTest, ARetriedTrialIsNotJudgedTwiceAtARung) {
  const TrialId trial = desk_.start(1);
  desk_.report(trial, 1, 5);
  desk_.exit(trial, ExitKind::kFailed);
  ASSERT_EQ(desk_.state().trial(trial).status, TrialStatus::kPending);
  desk_.report(desk_.start(1), 1, 1);
  desk_.launch(trial, 2);
  EXPECT_FALSE(desk_.report(trial, 1, 9));
  EXPECT_EQ(asha_.visits() > 0, true);
}

TEST_F(AshaTest, ReportsOfOneTurnAreJudgedTogether) {
  const TrialId good = desk_.start(1), bad = desk_.start(1);
  const auto decisions =
      desk_.report({{.trial = bad, .step = 1, .value = 2}, {.trial = good, .step = 1, .value = 1}});
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_EQ(decisions[0].action, Action(Stop{bad}));
  EXPECT_EQ(decisions[1].action, Action(Continue{good, 2}));
}

TEST_F(AshaTest, BracketsAreJudgedApart) {
  Asha asha(kLoss, {.max_steps = 20, .reduction = 2, .brackets = 2}, 1);
  Desk desk(asha, kLoss);
  desk.report(desk.start(1, 0), 2, 1);
  EXPECT_EQ(until(desk.report(desk.start(2, 1), 2, 9)), 4);
}

TEST_F(AshaTest, InTheLongRunOneInReductionSurvives) {
  Asha asha(kLoss, {.max_steps = 4, .grace = 2, .reduction = 4}, 1);
  Desk desk(asha, kLoss);
  int survived = 0;
  for (int i = 0; i < 2000; ++i)  // a permutation of 0 … 1999, since 2000 and 701 are coprime
    survived += is<Continue>(desk.report(desk.start(2), 2, i * 701 % 2000)) ? 1 : 0;
  EXPECT_NEAR(survived, 500, 30);
}

TEST_F(AshaTest, AnUnheldPausedTrialComesBackFirst) {
  const TrialId trial = desk_.start(1);
  desk_.report(trial, 1, 1);
  desk_.take(Signal{Deadline{}}, {{Pause{trial}, "elsewhere"}});
  desk_.exit(trial, ExitKind::kPaused);
  EXPECT_FALSE(asha_.finished(desk_.state()));
  const auto next = asha_.next(desk_.state(), 2);
  ASSERT_EQ(next.size(), 2u);
  ASSERT_TRUE(std::holds_alternative<Resume>(next[0]));
  EXPECT_EQ(std::get<Resume>(next[0]).until, 2);
  EXPECT_EQ(std::get<New>(next[1]).until, 1);
}

/// Of two objectives, of which the second is reported as `gain`, more is better.
class AshaOfTwoTest : public testing::Test {
 protected:
  std::optional<Decision> report(double loss, std::vector<Metric> gain) {
    Report report{.trial = desk_.start(1), .step = 1, .value = loss};
    report.metrics = std::move(gain);
    const auto decisions = desk_.report({report});
    return decisions.empty() ? std::nullopt : std::optional(decisions.front());
  }
  std::optional<Decision> report(double loss, double gain) {
    return report(loss, std::vector<Metric>{{"gain", gain}});
  }

  const Objectives two_{kLoss, {{"gain", Mode::kMax}}};
  Asha asha_{two_, {.max_steps = 20, .reduction = 2}, 1};
  Desk desk_{asha_, two_};
};

TEST_F(AshaOfTwoTest, WhoIsDominatedByEnoughIsStopped) {
  EXPECT_TRUE(is<Continue>(report(5, 5)));
  const auto worse = report(6, 4);
  EXPECT_TRUE(is<Stop>(worse));
  EXPECT_EQ(worse->reason, "rung 1: 1 of 2 are better, the best 1 go on");
  EXPECT_TRUE(is<Continue>(report(6, 9))) << "worse in one, better in the other: an end";
  EXPECT_TRUE(is<Continue>(report(4, 10)));
  EXPECT_TRUE(is<Stop>(report(5.5, 5))) << "of five two go on";
}

TEST_F(AshaOfTwoTest, OfOneFrontTheCrowdedAreStopped) {
  for (const double x : {0.0, 10.0}) EXPECT_TRUE(is<Continue>(report(x, x)));
  EXPECT_TRUE(is<Stop>(report(5, 5))) << "of three one goes on, and two ends are better";
  EXPECT_TRUE(is<Continue>(report(20, 20))) << "a new end";
}

TEST_F(AshaOfTwoTest, WhatIsNotFiniteRanksLastAndWithoutAnObjectiveNothingIsJudged) {
  EXPECT_TRUE(is<Continue>(report(kNaN, 1))) << "nothing is better yet";
  EXPECT_TRUE(is<Continue>(report(1e300, -1e300)));
  EXPECT_TRUE(is<Stop>(report(0, kNaN)));
  const auto lacking = report(0, std::vector<Metric>{});
  EXPECT_EQ(until(lacking), 2) << "it is asked again at its next report";
  EXPECT_EQ(lacking->reason, "");
}

}  // namespace
}  // namespace clavier::sched
