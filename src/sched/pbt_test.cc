#include "sched/pbt.h"

#include <gtest/gtest.h>

#include <limits>

#include "sched/population.h"
#include "study/domain.h"
#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

const Space kSpace = {{{"lr", Real{1e-3, 1, Scale::kLog}}}};

/// A population of which each member runs on a slot of its own; more is better.
class PbtTest : public testing::Test {
 protected:
  void populate(int members, PbtOptions options = {.interval = 10, .max_steps = 100}) {
    trials_.clear();
    pbt_.emplace(Objective{"accuracy", Mode::kMax}, kSpace, options, 3);
    desk_.emplace(*pbt_, Objective{"accuracy", Mode::kMax}, members);
    for (int i = 0; i < members; ++i) {
      Config config;
      config.set("lr", 0.01 * (i + 1));
      trials_.push_back(desk_->create(0, config));
    }
    for (const TrialId trial : trials_) desk_->launch(trial, 10);
  }

  static Checkpoint checkpoint(TrialId trial, LaunchId launch, Steps step) {
    return {trial, launch, step, std::to_string(trial.value) + "/" + std::to_string(step)};
  }
  std::optional<Decision> report(int i, Steps step, std::optional<double> value,
                                 bool saved = true) {
    const Trial& trial = desk_->state().trial(trials_[i]);
    Report report{.trial = trial.id, .launch = trial.launch, .step = step, .value = value};
    if (saved) report.checkpoint = checkpoint(trial.id, trial.launch, step);
    const auto decisions = desk_->report({report});
    return decisions.empty() ? std::nullopt : std::optional(decisions.front());
  }
  const Trial& trial(int i) const { return desk_->state().trial(trials_[i]); }

  std::optional<Pbt> pbt_;
  std::optional<Desk> desk_;
  std::vector<TrialId> trials_;
};

TEST_F(PbtTest, TheWorstTakesOverTheBestsWeightsAndANeighbourOfItsConfiguration) {
  populate(4);
  report(0, 10, 0.9);
  report(1, 10, 0.8);
  report(2, 10, 0.85);
  const auto decision = report(3, 10, 0.1);
  ASSERT_TRUE(is<Exploit>(decision));
  const auto& exploit = std::get<Exploit>(decision->action);
  EXPECT_EQ(exploit.donor, checkpoint(trials_[0], trial(0).launch, 10));
  EXPECT_EQ(exploit.donor_value, 0.9);
  EXPECT_EQ(exploit.until, 20);
  EXPECT_NE(exploit.config, trial(0).config);
  EXPECT_TRUE(contains(kSpace.parameters[0].domain, *exploit.config.find("lr")));
  EXPECT_EQ(trial(3).origin, trials_[0]);
  EXPECT_NE(decision->reason.find("step 10: 4 of 4; takes over trial 0 at step 10"),
            std::string::npos)
      << decision->reason;
}

TEST_F(PbtTest, TheRestGoesOnToTheNextBoundary) {
  populate(4);
  EXPECT_FALSE(report(0, 5, 0.5));
  for (int i = 0; i < 4; ++i) report(i, 10, 1.0 - 0.1 * i);
  EXPECT_EQ(until(report(1, 20, 0.95)), 30);
  EXPECT_EQ(until(report(0, 23, 0.95)), 30);
}

TEST_F(PbtTest, TrialsFurtherThanAnIntervalAwayAreNoYardstick) {
  populate(4);
  for (Steps step = 10; step <= 40; step += 10)
    for (int i = 0; i < 3; ++i) report(i, step, 0.9);
  EXPECT_EQ(until(report(3, 10, 0.1)), 20);  // the others are at 40
  EXPECT_EQ(until(report(3, 20, 0.1)), 30);
  EXPECT_TRUE(is<Exploit>(report(3, 30, 0.1)));
}

TEST_F(PbtTest, WithoutACheckpointOfTheDonorThereIsNoExploitAndTheReasonSaysSo) {
  populate(2, {.interval = 10, .quantile = 0.5});
  report(0, 10, 0.9, false);
  const auto decision = report(1, 10, 0.1);
  EXPECT_EQ(until(decision), 20);
  EXPECT_NE(decision->reason.find("no checkpoint of step 10"), std::string::npos);
  // It may come later than the report.
  desk_->take(Signal{CheckpointSaved{checkpoint(trials_[0], trial(0).launch, 10)}});
  EXPECT_TRUE(is<Exploit>(report(1, 20, 0.1)));
}

TEST_F(PbtTest, BetweenBoundariesAPlannerAsksButNobodyIsJudgedAndNoDonorIsLost) {
  populate(2, {.interval = 10, .quantile = 0.5});
  report(0, 10, 0.4);
  const auto stretch_ends = [&](Steps step, double value, Action action) {
    Report report{.trial = trials_[0], .launch = trial(0).launch, .step = step, .value = value};
    desk_->take(Signal{Reported{{report}}}, {{std::move(action)}});
  };
  stretch_ends(13, 0.6, Continue{trials_[0], 20, 16});
  stretch_ends(16, 0.7, Pause{trials_[0]});
  const auto decision = report(1, 10, 0.3);
  ASSERT_TRUE(is<Exploit>(decision));  // Of the weights at the boundary, which are saved.
  EXPECT_EQ(std::get<Exploit>(decision->action).donor.step, 10);
  EXPECT_TRUE(desk_->take(Signal{Exited{trials_[0], trial(0).launch, ExitKind::kPaused}}).empty());
}

TEST_F(PbtTest, TheRankIsByWhatIsKnownLast) {
  populate(2, {.interval = 10, .quantile = 0.5});
  report(0, 10, 0.4);
  EXPECT_FALSE(report(0, 15, 0.1, false));
  EXPECT_EQ(until(report(1, 10, 0.3)), 20) << "the other has fallen behind since";
}

TEST_F(PbtTest, ADonorThatTookOverOthersIsNoneUntilItsNextBoundary) {
  populate(2, {.interval = 10, .quantile = 0.5});
  report(0, 10, 0.5);
  report(1, 10, 0.9);
  ASSERT_TRUE(is<Exploit>(report(0, 20, 0.2)));  // its mark stays 0.2 at step 20
  const auto decision = report(1, 20, 0.1);
  EXPECT_EQ(until(decision), 30);
  EXPECT_NE(decision->reason.find("has just taken over other weights"), std::string::npos);
}

TEST_F(PbtTest, AValueThatIsNotFiniteRanksLastAndIsNoDonor) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    populate(2, {.interval = 10, .quantile = 0.5});
    report(0, 10, value);
    EXPECT_EQ(until(report(1, 10, 0.1)), 20) << value;
    EXPECT_TRUE(is<Exploit>(report(0, 20, value))) << value;
  }
}

TEST_F(PbtTest, WhoTookOverADonorBehindItIsNotJudgedAgainBeforeItHasGotOn) {
  populate(2, {.interval = 10, .quantile = 0.5});
  report(1, 10, 0.9);
  report(0, 10, 0.95);
  const auto back = report(0, 20, 0.1);
  ASSERT_TRUE(is<Exploit>(back));
  EXPECT_EQ(std::get<Exploit>(back->action).until, 20);
  EXPECT_EQ(trial(0).step, 10);
  EXPECT_EQ(until(report(0, 20, 0.1)), 30);
  EXPECT_EQ(until(report(1, 20, 0.9)), 30);
  EXPECT_TRUE(is<Exploit>(report(0, 30, 0.1)));
}

TEST_F(PbtTest, EqualValuesAreNoReasonToTakeOver) {
  populate(2, {.interval = 10, .quantile = 0.5});
  report(0, 10, 0.5);
  EXPECT_EQ(until(report(1, 10, 0.5)), 20);
}

TEST_F(PbtTest, NobodyIsJudgedBeforeBurnInOrWithoutAValue) {
  populate(2, {.interval = 10, .burn_in = 20, .quantile = 0.5});
  report(0, 10, 0.9);
  EXPECT_EQ(until(report(1, 10, 0.1)), 20);
  report(0, 20, 0.9);
  EXPECT_EQ(until(report(1, 20, std::nullopt)), 30);
  EXPECT_TRUE(is<Exploit>(report(1, 30, 0.1)));
}

TEST_F(PbtTest, EndedTrialsTakeNoPart) {
  populate(3);
  report(0, 10, 0.9);
  desk_->exit(trials_[0], ExitKind::kCompleted);
  report(1, 10, 0.5);
  const auto decision = report(2, 10, 0.1);
  ASSERT_TRUE(is<Exploit>(decision));
  EXPECT_EQ(std::get<Exploit>(decision->action).donor.trial, trials_[1]);
}

TEST_F(PbtTest, ReportsOfOneTurnAreJudgedTogether) {
  populate(4);
  std::vector<Report> reports;
  for (int i = 0; i < 4; ++i)
    reports.push_back({.trial = trials_[i],
                       .launch = trial(i).launch,
                       .step = 10,
                       .value = 0.1 * (i + 1),
                       .checkpoint = checkpoint(trials_[i], trial(i).launch, 10)});
  const auto decisions = desk_->report(reports);
  ASSERT_EQ(decisions.size(), 4u);
  EXPECT_TRUE(is<Exploit>(decisions[0]));
  for (int i = 1; i < 4; ++i) EXPECT_TRUE(is<Continue>(decisions[i]));
}

TEST_F(PbtTest, WhoWaitsForASlotGetsItAndTheLeaverIsJudgedAsItLeaves) {
  populate(4);
  report(0, 10, 0.9);
  report(1, 10, 0.8);
  report(2, 10, 0.85);
  desk_->exit(trials_[1], ExitKind::kLost);  // now it waits
  ASSERT_TRUE(is<Pause>(report(3, 10, 0.1)));
  const Decision left =
      desk_
          ->take(Signal{
              Exited{.trial = trials_[3], .launch = trial(3).launch, .kind = ExitKind::kPaused}})
          .at(0);
  ASSERT_TRUE(std::holds_alternative<Exploit>(left.action));
  EXPECT_EQ(trial(3).status, TrialStatus::kPaused);
  EXPECT_EQ(trial(3).latest_checkpoint()->trial, trials_[0]);
  EXPECT_EQ(trial(3).config, std::get<Exploit>(left.action).config);
  const auto next = pbt_->next(desk_->state(), 2);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(std::get<Resume>(next[0]).trial, trials_[3]);
  EXPECT_EQ(std::get<Resume>(next[0]).until, 20);
}

TEST_F(PbtTest, TheLeastAdvancedGoesOnFirstAfterThePopulationIsWhole) {
  PbtOptions options{.interval = 10, .max_steps = 100};
  Pbt pbt({"accuracy", Mode::kMax}, kSpace, options, 3);
  Desk desk(pbt, {"accuracy", Mode::kMax}, 4);
  for (int i = 0; i < 3; ++i) desk.start(10);
  for (const Steps step : {30, 10, 20}) {
    const TrialId trial{step == 30 ? 0 : step == 10 ? 1 : 2};
    EXPECT_TRUE(is<Pause>(desk.report(trial, step, 0.5)));  // the fourth is still to be made
    desk.exit(trial, ExitKind::kPaused);
  }
  const auto next = pbt.next(desk.state(), 9);
  ASSERT_EQ(next.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<New>(next[0]));
  EXPECT_EQ(std::get<Resume>(next[1]).trial, TrialId{1});
  EXPECT_EQ(std::get<Resume>(next[1]).until, 20);
  EXPECT_EQ(std::get<Resume>(next[2]).trial, TrialId{2});
  EXPECT_EQ(std::get<Resume>(next[3]).trial, TrialId{0});
  EXPECT_EQ(std::get<Resume>(next[3]).until, 40);
}

TEST_F(PbtTest, ATrialBroughtBackWhereItWasToWaitGoesPastIt) {
  populate(1);
  report(0, 7, 0.5);
  desk_->take(UserCommand{PauseStudy{}}, {{Requeue{trials_[0]}, "closing"}});
  // It saves at step 10 as it leaves; that report came too late to be shown.
  desk_->take(Signal{CheckpointSaved{checkpoint(trials_[0], trial(0).launch, 10)}});
  desk_->exit(trials_[0], ExitKind::kPaused);
  EXPECT_EQ(trial(0).status, TrialStatus::kPending);
  EXPECT_EQ(trial(0).until, 20);
}

TEST_F(PbtTest, SynchronousAllMeetAndAreJudgedTogether) {
  populate(4, {.interval = 10, .max_steps = 30, .exchange = Exchange::kSynchronous});
  for (const int i : {3, 0, 2, 1}) {
    ASSERT_TRUE(is<Pause>(report(i, 10, 0.1 * (i + 1))));
    EXPECT_TRUE(pbt_->next(desk_->state(), 4).empty());
    if (i != 1) desk_->exit(trials_[i], ExitKind::kPaused);
  }
  const auto decisions = desk_->take(
      Signal{Exited{.trial = trials_[1], .launch = trial(1).launch, .kind = ExitKind::kPaused}});
  ASSERT_EQ(decisions.size(), 1u);
  const auto& exploit = std::get<Exploit>(decisions[0].action);
  EXPECT_EQ(exploit.trial, trials_[0]);
  EXPECT_EQ(exploit.donor.trial, trials_[3]);
  const auto next = pbt_->next(desk_->state(), 4);
  ASSERT_EQ(next.size(), 4u);
  for (const Runnable& each : next) EXPECT_EQ(std::get<Resume>(each).until, 20);
}

TEST_F(PbtTest, SynchronousDoesNotWaitForTheDeadOrTheHeld) {
  populate(3, {.interval = 10, .max_steps = 30, .exchange = Exchange::kSynchronous});
  report(0, 10, 0.5);
  desk_->exit(trials_[0], ExitKind::kPaused);
  desk_->take(UserCommand{PauseTrial{trials_[1]}}, {{Pause{trials_[1], true}, "user"}});
  desk_->exit(trials_[1], ExitKind::kPaused);
  EXPECT_TRUE(pbt_->next(desk_->state(), 3).empty());
  desk_->exit(trials_[2], ExitKind::kFailed);  // retried once
  desk_->launch(trials_[2], 10);
  EXPECT_TRUE(pbt_->next(desk_->state(), 3).empty());
  desk_->exit(trials_[2], ExitKind::kFailed);
  const auto next = pbt_->next(desk_->state(), 3);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(std::get<Resume>(next[0]).trial, trials_[0]);
}

TEST(PbtOptionsTest, AreChecked) {
  const auto fine = [](PbtOptions options, const Space& space = kSpace) {
    return check(space, options).ok();
  };
  EXPECT_TRUE(fine({.interval = 10, .max_steps = 100}));
  EXPECT_TRUE(fine({.quantile = 0.5}));
  EXPECT_FALSE(fine({.quantile = 0.51}));
  EXPECT_FALSE(fine({.quantile = -0.1}));
  EXPECT_FALSE(fine({.interval = 0}));
  EXPECT_FALSE(fine({.interval = 100, .max_steps = 100}));
  EXPECT_FALSE(fine({.burn_in = 100, .max_steps = 100}));
  EXPECT_FALSE(fine({}, {{{"depth", Constant{3}}}}));
}

TEST(PopulationTest, QuantileSizesAreAsDocumented) {
  EXPECT_EQ(quantile_size(0, 0.25), 0u);
  EXPECT_EQ(quantile_size(1, 0.5), 0u);
  EXPECT_EQ(quantile_size(2, 0.25), 1u);
  EXPECT_EQ(quantile_size(3, 0.5), 1u);
  EXPECT_EQ(quantile_size(20, 0.25), 5u);
  EXPECT_EQ(quantile_size(21, 0.25), 6u);
  EXPECT_EQ(quantile_size(20, 0), 0u);
}

}  // namespace
}  // namespace clavier::sched
