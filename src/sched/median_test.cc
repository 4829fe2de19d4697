#include "sched/median.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const Objective kLoss{"loss", Mode::kMin};

class MedianTest : public testing::Test {
 protected:
  Median median_{kLoss, {.grace = 2, .every = 2, .min_trials = 3, .max_steps = 10}};
  Desk desk_{median_, kLoss};

  /// Three trials that had means 1, 2 and 3 when they came to step 2.
  void three() {
    for (const double value : {3.0, 1.0, 2.0}) desk_.report(desk_.start(2), 2, value);
  }
};

TEST_F(MedianTest, ANewTrialRunsToGrace) {
  EXPECT_EQ(std::get<New>(median_.next(desk_.state(), 1)[0]).until, 2);
}

TEST_F(MedianTest, JudgesNobodyWithFewerOthersThanItNeeds) {
  for (const double value : {3.0, 1.0, 9.0})
    EXPECT_EQ(until(desk_.report(desk_.start(2), 2, value)), 4);
}

TEST_F(MedianTest, StopsWhatIsStrictlyWorseThanTheMedian) {
  three();
  EXPECT_EQ(until(desk_.report(desk_.start(2), 2, 2.0)), 4);  // makes 1 2 2 3
  const auto decision = desk_.report(desk_.start(2), 2, 2.1);
  ASSERT_TRUE(is<Stop>(decision));
  EXPECT_EQ(decision->reason, "its best 2.1 is worse than the median 2 of 4 others");
}

TEST_F(MedianTest, ComparesItsBestWithTheirMeans) {
  for (int i = 0; i < 3; ++i) {
    const TrialId trial = desk_.start(2);
    desk_.report(trial, 2, 1);
    desk_.report(trial, 3, 5);
    desk_.report(trial, 4, 6);  // mean 4
  }
  const TrialId good = desk_.start(2);
  desk_.report(good, 2, 1);
  EXPECT_TRUE(is<Continue>(desk_.report(good, 4, 100))) << "its best is 1";
  const TrialId bad = desk_.start(2);
  desk_.report(bad, 1, 4.5);
  const auto decision = desk_.report(bad, 4, 4.2);
  ASSERT_TRUE(is<Stop>(decision));
  EXPECT_EQ(decision->reason, "its best 4.2 is worse than the median 4 of 4 others");
}

TEST_F(MedianTest, ValuesBeforeGraceDoNotCountInMeans) {
  for (int i = 0; i < 3; ++i) {
    const TrialId trial = desk_.start(2);
    desk_.report(trial, 1, 1000);
    desk_.report(trial, 2, 1);
  }
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(2), 2, 1.5)));
}

TEST_F(MedianTest, NotANumberIsLeftOutOfMeansAndStoppedItself) {
  three();
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(2), 2, kNaN)));
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(2), 2, 2.6))) << "the median of 1 2 3 NaN is 2.5";
}

TEST_F(MedianTest, AMedianThatIsNoNumberStopsNobody) {
  for (int i = 0; i < 3; ++i) desk_.report(desk_.start(2), 2, kNaN);
  EXPECT_TRUE(is<Continue>(desk_.report(desk_.start(2), 2, 1e9)));
}

TEST_F(MedianTest, BetweenMilestonesNothingIsDecided) {
  three();
  const TrialId trial = desk_.start(2);
  desk_.report(trial, 2, 1);
  EXPECT_FALSE(desk_.report(trial, 3, 50));
}

TEST_F(MedianTest, IsJudgedOncePerMilestone) {
  three();
  const TrialId trial = desk_.start(2);
  EXPECT_TRUE(is<Continue>(desk_.report(trial, 2, 2)));
  for (int i = 0; i < 4; ++i) desk_.report(desk_.start(2), 2, 0);
  EXPECT_FALSE(desk_.report(trial, 3, 2)) << "now 2 would be worse than the median";
}

TEST_F(MedianTest, IsCompleteAtMaxSteps) {
  const TrialId trial = desk_.start(2);
  EXPECT_EQ(until(desk_.report(trial, 9, 1)), 10);
  EXPECT_TRUE(is<Complete>(desk_.report(trial, 10, 1)));
}

TEST_F(MedianTest, ReportsOfOneTurnSeeEachOther) {
  std::vector<Report> reports;
  for (const double value : {1.0, 2.0, 3.0, 9.0})
    reports.push_back({.trial = desk_.start(2), .step = 2, .value = value});
  const auto decisions = desk_.report(reports);
  ASSERT_EQ(decisions.size(), 4u);
  EXPECT_TRUE(is<Continue>(decisions[1])) << "2 against the median of 1 3 9";
  EXPECT_TRUE(is<Stop>(decisions[2])) << "3 against the median of 1 2 9";
  EXPECT_TRUE(is<Stop>(decisions[3]));
}

TEST_F(MedianTest, ARetriedTrialReplacesWhatItRepeats) {
  const TrialId trial = desk_.start(2);
  desk_.report(trial, 2, 100);
  desk_.report(trial, 3, 100);
  desk_.exit(trial, ExitKind::kFailed);
  desk_.launch(trial, 4);
  desk_.report(trial, 2, 1);
  desk_.report(trial, 3, 1);
  desk_.report(trial, 4, 4);  // mean 2, not 41.2
  for (const double value : {1.5, 1.5}) desk_.report(desk_.start(2), 4, value);
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(2), 4, 1.6)));
  EXPECT_TRUE(is<Stop>(desk_.report(desk_.start(2), 4, 1.8))) << "of 1.5 1.5 1.6 2: 1.55";
}

/// Five trials that had 1 to 5 at step 2, and what is decided about a sixth.
std::optional<Decision> sixth(Mode mode, double percentile, double value) {
  const Objective objective{"score", mode};
  Median median(objective, {.min_trials = 5, .percentile = percentile, .max_steps = 10});
  Desk desk(median, objective);
  for (const double each : {4.0, 1.0, 5.0, 2.0, 3.0}) desk.report(desk.start(2), 2, each);
  return desk.report(desk.start(2), 2, value);
}

TEST(Percentile, StopsWhatIsStrictlyWorseThanThatPartOfTheOthers) {
  EXPECT_TRUE(is<Continue>(sixth(Mode::kMin, 25, 2.0)));
  const auto decision = sixth(Mode::kMin, 25, 2.1);
  ASSERT_TRUE(is<Stop>(decision));
  EXPECT_EQ(decision->reason, "its best 2.1 is worse than 2, percentile 25 of 5 others");
}

TEST(Percentile, CountsFromTheBestWhereMoreIsBetter) {
  EXPECT_TRUE(is<Continue>(sixth(Mode::kMax, 25, 4.0)));
  const auto decision = sixth(Mode::kMax, 25, 3.9);
  ASSERT_TRUE(is<Stop>(decision));
  EXPECT_EQ(decision->reason, "its best 3.9 is worse than 4, percentile 25 of 5 others");
}

TEST(Percentile, LiesBetweenNeighboursInProportion) {
  EXPECT_TRUE(is<Continue>(sixth(Mode::kMin, 40, 2.6)));
  EXPECT_TRUE(is<Stop>(sixth(Mode::kMin, 40, 2.61)));
}

TEST(Percentile, AtItsEndsIsTheBestOrTheWorstOfTheOthers) {
  EXPECT_TRUE(is<Continue>(sixth(Mode::kMin, 0, 1.0)));
  EXPECT_TRUE(is<Stop>(sixth(Mode::kMin, 0, 1.1)));
  EXPECT_TRUE(is<Continue>(sixth(Mode::kMin, 100, 5.0)));
  EXPECT_TRUE(is<Stop>(sixth(Mode::kMin, 100, 5.1)));
}

TEST(MedianBySeconds, JudgesByTheTimeThatWasTrained) {
  Median median(kLoss, {.axis = Axis::kSeconds, .grace = 10, .every = 5, .min_trials = 2});
  Desk desk(median, kLoss);
  for (int i = 0; i < 2; ++i) desk.report(desk.start(kForever), 1, 1, 10);
  const TrialId slow = desk.start(kForever);
  EXPECT_FALSE(desk.report(slow, 1, 9, 9)) << "not yet 10 seconds";
  EXPECT_TRUE(is<Stop>(desk.report(slow, 2, 9, 2)));
}

}  // namespace
}  // namespace clavier::sched
