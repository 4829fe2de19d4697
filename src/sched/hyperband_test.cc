#include "sched/hyperband.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

const Objective kLoss{"loss", Mode::kMin};

using Row = std::vector<std::pair<Steps, std::size_t>>;

std::vector<Row> rows(const std::vector<BracketShape>& shapes) {
  std::vector<Row> rows;
  for (const BracketShape& shape : shapes) {
    rows.emplace_back();
    for (std::size_t i = 0; i < shape.rungs.size(); ++i)
      rows.back().emplace_back(shape.rungs[i], shape.trials[i]);
  }
  return rows;
}

TEST(HyperBandBrackets, AreThoseOfTheFirstTableOfTheArticle) {
  EXPECT_EQ(rows(hyperband_brackets({.max_steps = 81, .reduction = 3})),
            (std::vector<Row>{{{1, 81}, {3, 27}, {9, 9}, {27, 3}, {81, 1}},
                              {{3, 34}, {9, 11}, {27, 3}, {81, 1}},
                              {{9, 15}, {27, 5}, {81, 1}},
                              {{27, 8}, {81, 2}},
                              {{81, 5}}}));
}

TEST(HyperBandBrackets, HaveRungsCountedFromTheEndAndNoneBelowGrace) {
  EXPECT_EQ(rows(hyperband_brackets({.max_steps = 100, .grace = 5, .reduction = 4})),
            (std::vector<Row>{{{6, 16}, {25, 4}, {100, 1}}, {{25, 6}, {100, 1}}, {{100, 3}}}));
  EXPECT_EQ(rows(hyperband_brackets({.max_steps = 1, .reduction = 3})),
            (std::vector<Row>{{{1, 1}}}));
  const auto fine = hyperband_brackets({.max_steps = 10, .reduction = 1.2});
  for (const BracketShape& shape : fine)
    EXPECT_EQ(std::ranges::adjacent_find(shape.rungs, std::greater_equal()), shape.rungs.end());
}

/// Rungs and trials as its Bracket class goes through them.
TEST(HyperBandBrackets, OfRayEndBelowTheLongestTrial) {
  EXPECT_EQ(rows(ray_hyperband_brackets({.max_steps = 81, .reduction = 3})),
            (std::vector<Row>{{{81, 5}},
                              {{27, 8}, {54, 3}},
                              {{9, 15}, {27, 5}, {54, 2}},
                              {{3, 34}, {9, 12}, {27, 4}, {54, 2}},
                              {{1, 81}, {3, 27}, {9, 9}, {27, 3}, {54, 1}}}));
  EXPECT_EQ(rows(ray_hyperband_brackets({.max_steps = 100, .reduction = 3})).back(),
            (Row{{1, 81}, {3, 27}, {9, 9}, {27, 3}, {73, 1}}));
}

TEST(HyperBandBrackets, ThatNeverFillGoOnInTheSameParts) {
  const BracketShape shape{{1, 3, 9}, {9, 3, 1}};
  EXPECT_EQ(shape.goes_on(9, 1), 3u);
  EXPECT_EQ(shape.goes_on(6, 1), 2u);
  EXPECT_EQ(shape.goes_on(5, 1), 1u);
  EXPECT_EQ(shape.goes_on(2, 2), 1u) << "at least one";
}

/// Brackets of 4 trials at step 1, of which 2 go to step 2 and one to step 4; then of 2 at step 4.
class HyperBandTest : public testing::Test {
 protected:
  void arrive(TrialId trial, Steps step, double value) {
    if (is<Pause>(desk_.report(trial, step, value))) desk_.exit(trial, ExitKind::kPaused);
  }
  /// Four trials of the first bracket, and that all but the last have come to the first rung.
  void fill() {
    for (int i = 0; i < 4; ++i) desk_.start(1);
    arrive(TrialId{0}, 1, 3);
    arrive(TrialId{1}, 1, 2);
    arrive(TrialId{2}, 1, 4);
  }
  std::string next(std::size_t appetite) {
    std::string out;
    for (const Runnable& runnable : band_.next(desk_.state(), appetite)) {
      const auto* resume = std::get_if<Resume>(&runnable);
      const auto* fresh = std::get_if<New>(&runnable);
      out += resume ? "resume " + std::to_string(resume->trial.value) + " to " +
                          std::to_string(resume->until) + "; "
                    : "new in " + std::to_string(fresh->bracket) + " to " +
                          std::to_string(fresh->until) + "; ";
    }
    return out;
  }
  TrialStatus status(int trial) const { return desk_.state().trial(TrialId{trial}).status; }

  HyperBand band_{kLoss, {{{1, 2, 4}, {4, 2, 1}}, {{4}, {2}}}};
  Desk desk_{band_, kLoss};
};

TEST_F(HyperBandTest, BracketsFillOneAfterTheOtherAndBeginAnew) {
  EXPECT_EQ(next(7),
            "new in 0 to 1; new in 0 to 1; new in 0 to 1; new in 0 to 1; "
            "new in 1 to 4; new in 1 to 4; new in 2 to 1; ");
  desk_.start(1);
  EXPECT_EQ(next(4), "new in 0 to 1; new in 0 to 1; new in 0 to 1; new in 1 to 4; ");
}

TEST_F(HyperBandTest, AllWaitForTheLastOneAndThenTheBestGoOn) {
  fill();
  EXPECT_EQ(next(1), "new in 1 to 4; ") << "the next bracket takes the free slots";
  const auto decisions = desk_.report({{.trial = TrialId{3}, .step = 1, .value = 1}});
  ASSERT_EQ(decisions.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<Stop>(decisions[0].action));
  EXPECT_EQ(decisions[0].reason, "rung 1: 2 of 4 are ahead, the best 2 go on");
  EXPECT_EQ(subject(decisions[1].action), TrialId{2});
  EXPECT_EQ(decisions[2].action, Action(Continue{TrialId{3}, 2}));
  EXPECT_EQ(status(0), TrialStatus::kStopped);
  EXPECT_EQ(next(1), "resume 1 to 2; ");
}

TEST_F(HyperBandTest, WhoFailsIsNotWaitedForAndTakesNoPlace) {
  fill();
  desk_.exit(TrialId{3}, ExitKind::kFailed);  // It is retried once.
  EXPECT_EQ(next(1), "new in 1 to 4; ");
  desk_.launch(TrialId{3}, 1);
  desk_.exit(TrialId{3}, ExitKind::kFailed);
  EXPECT_EQ(status(2), TrialStatus::kStopped) << "judged as the last one failed";
  EXPECT_EQ(next(3), "resume 0 to 2; resume 1 to 2; new in 1 to 4; ");
}

TEST_F(HyperBandTest, NorIsWhoEndsByItselfOrIsStoppedOrHeldByTheUser) {
  fill();
  desk_.take(UserCommand{PauseTrial{TrialId{3}}}, {{Pause{TrialId{3}, true}, "paused"}});
  EXPECT_EQ(next(1), "resume 0 to 2; ");
  desk_.exit(TrialId{3}, ExitKind::kPaused);
  desk_.take(UserCommand{ResumeTrial{TrialId{3}}});
  desk_.launch(TrialId{3}, 1);
  const auto late = desk_.report(TrialId{3}, 1, 2.5);
  EXPECT_EQ(until(late), 2) << "one of the best two of all that came there";
}

TEST_F(HyperBandTest, AShortBracketIsJudgedWhenNoMoreTrialsCome) {
  desk_.start(1);
  desk_.start(1);
  arrive(TrialId{0}, 1, 3);
  arrive(TrialId{1}, 1, 2);
  EXPECT_EQ(next(1), "new in 0 to 1; ");
  EXPECT_TRUE(band_.finished(desk_.state()));
  desk_.exhaust();
  EXPECT_FALSE(band_.finished(desk_.state()));
  EXPECT_EQ(next(1), "resume 1 to 2; ") << "one of two, without any turn in between";
  desk_.launch(TrialId{1}, 2);
  const auto decisions = desk_.report({{.trial = TrialId{1}, .step = 2, .value = 1}});
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_EQ(decisions[1].action, Action(Continue{TrialId{1}, 4}));
  EXPECT_EQ(status(0), TrialStatus::kStopped);
  EXPECT_TRUE(is<Complete>(desk_.report(TrialId{1}, 4, 1)));
}

TEST_F(HyperBandTest, NaNComesLastAndAReportWithoutTheObjectiveDoesNotCount) {
  for (int i = 0; i < 4; ++i) desk_.start(1);
  arrive(TrialId{0}, 1, std::nan(""));
  arrive(TrialId{1}, 1, 9);
  EXPECT_EQ(until(desk_.report(TrialId{2}, 1, std::nullopt)), 2) << "to its next report";
  arrive(TrialId{3}, 1, std::nan(""));
  EXPECT_EQ(status(0), TrialStatus::kPaused) << "one has yet to come";
  arrive(TrialId{2}, 2, 8);
  EXPECT_EQ(status(0), TrialStatus::kStopped);
  EXPECT_EQ(status(3), TrialStatus::kStopped);
  EXPECT_EQ(next(1), "resume 1 to 2; ");
}

TEST_F(HyperBandTest, ALongStrideCountsAtTheRungsThatItSkips) {
  for (int i = 0; i < 4; ++i) desk_.start(1);
  for (int i = 0; i < 3; ++i) arrive(TrialId{i}, 3, 3 - i);
  const auto last = desk_.report({{.trial = TrialId{3}, .step = 3, .value = 9}});
  ASSERT_EQ(last.size(), 3u) << "both rungs are judged at once";
  EXPECT_EQ(next(1), "resume 2 to 4; ");
}

TEST_F(HyperBandTest, ALoserThatWasNotStoppedAsItLostIsStoppedLaterAndDoesNotGoOn) {
  fill();
  desk_.take(Signal{Reported{{{.trial = TrialId{3}, .step = 1, .value = 1}}}},
             {{Stop{TrialId{3}}, "a rule, and nobody asked the scheduler"}});
  EXPECT_EQ(next(3), "resume 0 to 2; resume 1 to 2; new in 1 to 4; ");
  desk_.take(Signal{Deadline{}});
  EXPECT_EQ(status(2), TrialStatus::kStopped);
}

TEST_F(HyperBandTest, RulesThatEndATrialInTheSameTurnTakeItOut) {
  fill();
  const Report report{
      .trial = TrialId{3}, .launch = desk_.state().trial(TrialId{3}).launch, .step = 1, .value = 1};
  Turn turn{.id = StepId{0},
            .input = Signal{Reported{{report}}},
            .decisions = {{Stop{TrialId{3}}, "patience"}}};
  State state = desk_.state();
  state.apply_input(turn);
  const auto decisions = band_.decide(turn, state);
  ASSERT_EQ(decisions.size(), 2u) << "its own report is answered as well";
  EXPECT_EQ(decisions[0].action, Action(Stop{TrialId{2}}));
  EXPECT_EQ(decisions[0].reason, "rung 1: 2 of 3 are ahead, the best 2 go on");
}

}  // namespace
}  // namespace clavier::sched
