#include "tuner/faults.h"

#include <gtest/gtest.h>

namespace clavier::tuner {
namespace {

/// A state with its faults, told of launches, reports and ends by hand. Each launch takes a slot of
/// its own.
class FaultsTest : public testing::Test {
 protected:
  void start(std::int64_t trial) {
    Fill fill;
    if (!state_.known(TrialId{trial})) fill.created.push_back({.id = TrialId{trial}});
    Launch launch{.id = state_.next_launch(), .members = {{.trial = TrialId{trial}}}};
    launch.shares = {{.slot = SlotId{launch.id.value}}};
    fill.launches = {launch};
    state_.apply(fill, state_.now());
  }
  void report(std::int64_t trial, Steps step, std::vector<Metric> metrics = {{"loss", 1}}) {
    Report report{.trial = TrialId{trial}, .launch = launch(trial), .step = step};
    for (const Metric& metric : metrics)
      if (metric.name == "loss") report.value = metric.value;
    report.metrics = std::move(metrics);
    take(Reported{{report}});
    faults_.reported(report, state_);
    keep_notes();
  }
  void end(std::int64_t trial, ExitKind kind, std::string error = {}, std::string tail = {}) {
    const Exited exited{TrialId{trial}, launch(trial), kind, std::move(error), std::move(tail)};
    take(exited);
    if (kind == ExitKind::kFailed)
      faults_.failed(exited, retries_, state_);
    else
      faults_.ended(exited, state_);
    keep_notes();
  }
  void fail(std::int64_t trial, std::string error) {
    start(trial);
    end(trial, ExitKind::kFailed, std::move(error));
  }
  void complete(std::int64_t trial) {
    start(trial);
    report(trial, 1);
    end(trial, ExitKind::kCompleted);
  }
  std::string verdict() const { return faults_.verdict().value_or(""); }

  State state_{Objective{"loss", Mode::kMin}, RetryLimits{}};
  Faults faults_;
  Faults::Retries retries_ = Faults::Retries::kLimited;
  std::vector<std::string> notes_;

 private:
  LaunchId launch(std::int64_t trial) const { return state_.trial(TrialId{trial}).launch; }
  void take(Signal signal) {
    faults_.begin();
    state_.apply_input({.id = StepId{next_++}, .input = std::move(signal)});
  }
  void keep_notes() {
    for (std::string& note : faults_.take_notes()) notes_.push_back(std::move(note));
  }
  std::int64_t next_ = 0;
};

TEST_F(FaultsTest, UntilAnythingHasWorkedThreeFailuresOfAnyCauseAreTheStudys) {
  fail(0, "out of memory");
  fail(1, "no such file: a");
  EXPECT_EQ(verdict(), "");
  fail(2, "lima zulu");
  EXPECT_EQ(verdict(), "3 failures, and nothing has worked yet; the last: lima zulu");
  EXPECT_FALSE(faults_.proven());
}

TEST_F(FaultsTest, ANewRunIsGivenThreeFailuresOfItsOwn) {
  fail(0, "a");
  fail(1, "b");
  faults_.opened();
  fail(2, "c");
  fail(3, "d");
  EXPECT_EQ(verdict(), "");
}

TEST_F(FaultsTest, OnceSomethingHasWorkedFailuresOfSingleConfigurationsEndNothing) {
  complete(0);
  for (std::int64_t trial = 1; trial < 40; ++trial) {
    fail(trial, trial % 2 ? "out of memory" : "loss is NaN");
    EXPECT_EQ(verdict(), "") << trial;
  }
}

TEST_F(FaultsTest, TenTrialsThatFailAlikeAreTheStudys) {
  complete(0);
  for (std::int64_t trial = 1; trial <= 10; ++trial) {
    EXPECT_EQ(verdict(), "");
    fail(trial, "no such file: /data/trial_" + std::to_string(trial));
  }
  EXPECT_EQ(verdict(), "the same failure 10 times in a row: no such file: /data/trial_10");
}

TEST_F(FaultsTest, ALongTrialThatIsWellSaysNothingAboutThoseThatBeganLater) {
  start(0);
  report(0, 1);
  for (std::int64_t trial = 1; trial <= 10; ++trial) {
    fail(trial, "unreadable");
    if (trial < 10) report(0, 1 + trial);
  }
  EXPECT_NE(verdict(), "");
}

TEST_F(FaultsTest, AFailureAtOnePlaceIsTheStudysThoughAllReportBeforeIt) {
  for (std::int64_t trial = 0; trial < 10; ++trial) {
    EXPECT_EQ(verdict(), "");
    start(trial);
    report(trial, 1);
    end(trial, ExitKind::kFailed, "cannot save");
  }
  EXPECT_NE(verdict(), "");
}

TEST_F(FaultsTest, WhoeverGetsFurtherShowsThatItIsNotTheStudy) {
  for (std::int64_t trial = 0; trial < 30; ++trial) {
    if (trial % 9 == 0)
      complete(trial);
    else
      fail(trial, "out of memory");
    EXPECT_EQ(verdict(), "") << trial;
  }
}

TEST_F(FaultsTest, ATrialThatIsRetriedCountsOnceUnlessThatHasNoEnd) {
  complete(0);
  for (int attempt = 0; attempt < 30; ++attempt) fail(1, "flaky");
  EXPECT_EQ(verdict(), "");
  retries_ = Faults::Retries::kEndless;
  fail(1, "flaky");
  EXPECT_NE(verdict(), "");
}

TEST_F(FaultsTest, TheFirstReportWithoutTheMetricIsToldOnceWithTheNearestName) {
  start(0);
  report(0, 1, {{"lss", 1}, {"accuracy", 0.5}});
  report(0, 2, {{"lss", 1}, {"accuracy", 0.5}});
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_EQ(notes_[0],
            "trial 0 reports no \"loss\", the study's metric; it reported lss, accuracy; did you "
            "mean \"lss\"?");
  faults_.opened();
  start(0);
  report(0, 1, {{"lss", 1}});
  EXPECT_EQ(notes_.size(), 2u) << "and once again in the next run";
}

TEST_F(FaultsTest, ANameThatHoldsTheOtherIsPerhapsMeant) {
  start(0);
  report(0, 1, {{"val_loss", 1}, {"accuracy", 0.5}});
  EXPECT_TRUE(notes_.at(0).ends_with("did you mean \"val_loss\"?")) << notes_[0];
  faults_.opened();
  start(1);
  report(1, 1, {{"val_loss", 1}, {"train_loss", 0.5}});
  EXPECT_TRUE(notes_.at(1).ends_with("it reported val_loss, train_loss")) << notes_[1];
}

TEST_F(FaultsTest, AMetricThatComesAtEverySoManyStepsEndsNothing) {
  start(0);
  for (Steps step = 1; step < Faults::kWithoutMetric; ++step) report(0, step, {{"train", 1}});
  EXPECT_EQ(verdict(), "");
  report(0, Faults::kWithoutMetric);
  for (Steps step = 1; step < 300; ++step) report(0, Faults::kWithoutMetric + step, {{"train", 1}});
  EXPECT_EQ(verdict(), "");
}

TEST_F(FaultsTest, AMetricThatNeverComesEndsTheStudyAfterAHundredReports) {
  start(0);
  for (Steps step = 1; step <= Faults::kWithoutMetric; ++step) report(0, step, {{"train", 1}});
  EXPECT_EQ(verdict(),
            "trial 0 has reported 100 times and never \"loss\", the study's metric; it reported "
            "train. Correct the program and run the study again, or correct [study] metric and "
            "start over (clavier run --fresh)");
}

TEST_F(FaultsTest, ATrialThatEndsWithoutTheMetricEndsTheStudyUnlessAnyHasReportedIt) {
  start(0);
  report(0, 1, {{"train", 1}});
  end(0, ExitKind::kCompleted);
  EXPECT_NE(verdict().find("trial 0 never reported \"loss\""), std::string::npos) << verdict();
  complete(1);
  start(2);
  report(2, 1, {{"train", 1}});
  end(2, ExitKind::kCompleted);
  EXPECT_EQ(verdict(), "");
}

TEST_F(FaultsTest, OneSilentTrialEndsNothingThreeDo) {
  state_.apply_input({.id = {0}, .input = Opened{.trials = 100}});
  for (std::int64_t trial = 0; trial < 3; ++trial) {
    EXPECT_EQ(verdict(), "");
    start(trial);
    end(trial, ExitKind::kCompleted, {}, trial == 2 ? "1 line was ignored, the first: x" : "");
    EXPECT_FALSE(faults_.proven());
  }
  EXPECT_EQ(verdict(),
            "3 trials ended without a single report; print a line such as {\"loss\": 0.5} or use "
            "the client. Of trial 2, 1 line was ignored, the first: x");
}

TEST_F(FaultsTest, WhereFewTrialsAreWantedAllOfThemAreEnough) {
  state_.apply_input({.id = {0}, .input = Opened{.trials = 1}});
  start(0);
  end(0, ExitKind::kCompleted);
  EXPECT_NE(verdict(), "");
}

TEST_F(FaultsTest, SilentTrialsBesideOthersThatReportEndNothing) {
  complete(0);
  for (std::int64_t trial = 1; trial < 9; ++trial) {
    start(trial);
    end(trial, ExitKind::kCompleted);
    EXPECT_EQ(verdict(), "");
  }
}

TEST_F(FaultsTest, MetricsOfRulesThatNeverCameAreToldWhenTheFirstTrialHasEnded) {
  faults_.expect({{"trial.stop.acuracy", "acuracy"}, {"checkpoint.best_by", "f1"}});
  start(0);
  report(0, 1, {{"loss", 1}, {"accuracy", 0.5}});
  report(0, 2, {{"loss", 1}, {"f1", 0.5}});
  EXPECT_TRUE(notes_.empty());
  end(0, ExitKind::kCompleted);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_EQ(notes_[0],
            "trial.stop.acuracy: trial 0 has ended and reported no \"acuracy\"; did you mean "
            "\"accuracy\"?");
  complete(1);
  EXPECT_EQ(notes_.size(), 1u);
}

TEST_F(FaultsTest, StepsThatGoBackwardsWithinALaunchAreToldOnce) {
  start(0);
  report(0, 1);
  report(0, 5);
  report(0, 5);
  EXPECT_TRUE(notes_.empty());
  report(0, 2);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_TRUE(notes_[0].starts_with("trial 0 reported step 2 after step 5: ")) << notes_[0];
  report(0, 1);
  EXPECT_EQ(notes_.size(), 1u);
}

TEST_F(FaultsTest, ATrialThatIsStartedAgainMayRepeatSteps) {
  start(0);
  report(0, 5);
  end(0, ExitKind::kLost);
  start(0);
  report(0, 3);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(FaultsTest, OfSeveralMetricsTheOneThatNoReportHasTogetherWithTheOthersIsNamed) {
  state_ = State({{"loss", Mode::kMin}, {{"latency", Mode::kMin}}}, {});
  start(0);
  report(0, 1, {{"loss", 1}, {"latncy", 2}});
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_EQ(notes_[0],
            "trial 0 reports no \"latency\" together with the study's other metrics (loss, "
            "latency), and only a report that has all of them counts; it reported loss, latncy; "
            "did you mean \"latncy\"?");
  end(0, ExitKind::kCompleted);
  EXPECT_TRUE(verdict().starts_with("trial 0 never reported \"latency\" ")) << verdict();
}

TEST_F(FaultsTest, AReportWithAllMetricsIsEnough) {
  state_ = State({{"loss", Mode::kMin}, {{"latency", Mode::kMin}}}, {});
  start(0);
  report(0, 1, {{"loss", 1}, {"latency", 2}});
  report(0, 2, {{"loss", 1}});
  end(0, ExitKind::kCompleted);
  EXPECT_TRUE(notes_.empty());
  EXPECT_EQ(verdict(), "");
}

}  // namespace
}  // namespace clavier::tuner
