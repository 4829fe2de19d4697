#include "sched/asha_promotion.h"

#include <gtest/gtest.h>

#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

const Objective kLoss{"loss", Mode::kMin};

class AshaPromotionTest : public testing::Test {
 protected:
  /// A trial that reaches rung 1 with this value and is paused there if it is told to.
  TrialId arrive(double value) {
    const TrialId trial = desk_.start(1);
    if (is<Pause>(desk_.report(trial, 1, value))) desk_.exit(trial, ExitKind::kPaused);
    return trial;
  }
  /// The trial that a free slot would take; invalid: a new one.
  TrialId next() {
    const auto next = asha_.next(desk_.state(), 1);
    const auto* resume = std::get_if<Resume>(&next.front());
    return resume ? resume->trial : TrialId{};
  }

  AshaPromotion asha_{kLoss, {.max_steps = 9, .reduction = 2}, 1};  // rungs 1, 2, 4, 8
  Desk desk_{asha_, kLoss};
};

TEST_F(AshaPromotionTest, TheFirstArrivalIsPausedAndANewTrialTakesItsSlot) {
  const TrialId first = desk_.start(1);
  const auto decision = desk_.report(first, 1, 3);
  ASSERT_TRUE(is<Pause>(decision));
  EXPECT_EQ(decision->reason, "rung 1: 0 of 1 are ahead, the best 0 go on");
  EXPECT_FALSE(next().valid()) << "it has not left its slot yet";
  desk_.exit(first, ExitKind::kPaused);
  EXPECT_FALSE(next().valid());
}

TEST_F(AshaPromotionTest, AnArrivalAmongTheBestGoesOnWithoutAPause) {
  arrive(3);
  EXPECT_EQ(until(desk_.report(desk_.start(1), 1, 2)), 2);
}

TEST_F(AshaPromotionTest, PromotesLaterWhatLookedBadAtFirst) {
  const TrialId early = arrive(3);
  arrive(5);
  EXPECT_EQ(next(), early) << "one of two";
  desk_.launch(early, 2);
  EXPECT_FALSE(next().valid()) << "it is not resumed twice";
  const TrialId middle = arrive(4);
  EXPECT_FALSE(next().valid());
  arrive(6);
  EXPECT_EQ(next(), middle) << "second of four";
}

TEST_F(AshaPromotionTest, TheHighestRungComesFirst) {
  const TrialId a = arrive(1);
  arrive(9);
  desk_.launch(a, 2);
  desk_.report(a, 2, 1);
  desk_.exit(a, ExitKind::kPaused);  // a waits at rung 2
  const TrialId b = arrive(2);
  arrive(8);
  ASSERT_EQ(next(), b);
  desk_.launch(b, 2);
  ASSERT_TRUE(is<Pause>(desk_.report(b, 2, 3)));
  desk_.exit(b, ExitKind::kPaused);
  const TrialId c = arrive(3);
  arrive(7);
  ASSERT_EQ(asha_.next(desk_.state(), 3).size(), 3u);
  EXPECT_EQ(next(), a) << "rung 2 before rung 1";
  EXPECT_EQ(std::get<Resume>(asha_.next(desk_.state(), 3)[1]).trial, c);
}

TEST_F(AshaPromotionTest, HeldAndEndedTrialsAreNotPromoted) {
  const TrialId best = arrive(1), second = arrive(2);
  arrive(3), arrive(4), arrive(5);
  desk_.take(UserCommand{PauseTrial{best}}, {{Pause{best, true}, "by the user"}});
  EXPECT_EQ(next(), second);
  desk_.take(UserCommand{StopTrial{second}}, {{Stop{second}, "by the user"}});
  EXPECT_FALSE(next().valid());
}

TEST_F(AshaPromotionTest, ATrialThatTheUserBringsBackWaitsAtItsRungAsBefore) {
  const TrialId held = arrive(9);
  desk_.take(UserCommand{PauseTrial{held}}, {{Pause{held, true}, "by the user"}});
  desk_.take(UserCommand{ResumeTrial{held}});
  EXPECT_EQ(desk_.state().trial(held).status, TrialStatus::kPaused);
  EXPECT_FALSE(next().valid());
  arrive(10), arrive(11);
  EXPECT_EQ(next(), held) << "now it belongs to the best";
}

TEST_F(AshaPromotionTest, ALostTrialIsNotCountedAsWaiting) {
  const TrialId best = arrive(1);
  arrive(2);
  desk_.launch(best, 2);
  desk_.exit(best, ExitKind::kLost);
  EXPECT_EQ(desk_.state().trial(best).status, TrialStatus::kPending);
  EXPECT_FALSE(next().valid()) << "its retry is the tuner's";
}

TEST_F(AshaPromotionTest, TheLastHopeRunsToTheEndOnceNothingElseCan) {
  const TrialId only = arrive(1);
  EXPECT_TRUE(asha_.finished(desk_.state()));
  desk_.exhaust();
  for (const Steps rung : {2, 4, 8, 9}) {
    EXPECT_FALSE(asha_.finished(desk_.state()));
    ASSERT_EQ(next(), only);
    desk_.launch(only, rung);
    EXPECT_TRUE(asha_.finished(desk_.state())) << "nothing more beside a running trial";
    desk_.report(only, rung, 1);
    desk_.exit(only, rung < 9 ? ExitKind::kPaused : ExitKind::kStopped);
  }
  EXPECT_EQ(desk_.state().trial(only).status, TrialStatus::kCompleted);
  EXPECT_TRUE(asha_.finished(desk_.state()));
}

TEST_F(AshaPromotionTest, TheNextBestIsTheHopeWhenTheBestFails) {
  const TrialId best = arrive(1), other = arrive(2);
  arrive(3);
  desk_.exhaust();
  ASSERT_EQ(next(), best);
  for (int attempt = 0; attempt < 2; ++attempt) {
    desk_.launch(best, 2);
    desk_.exit(best, ExitKind::kFailed);
  }
  ASSERT_EQ(desk_.state().trial(best).status, TrialStatus::kFailed);
  EXPECT_EQ(next(), other);
}

TEST_F(AshaPromotionTest, ATrialPausedBetweenRungsComesBack) {
  arrive(9);
  const TrialId stray = arrive(1);
  ASSERT_EQ(desk_.state().trial(stray).until, 2);
  desk_.take(Signal{Deadline{}}, {{Pause{stray}, "elsewhere"}});
  desk_.exit(stray, ExitKind::kPaused);
  EXPECT_EQ(next(), stray);
  desk_.launch(stray, 2);
  EXPECT_FALSE(next().valid());
}

}  // namespace
}  // namespace clavier::sched
