#include "worker/trial_session.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <stdexcept>

#include "tests/support/link_fake.h"
#include "tests/support/scratch_directory.h"
#include "worker/launch_session.h"

namespace clavier::worker {
namespace {

namespace fs = std::filesystem;

class TrialSessionTest : public ::testing::Test {
 protected:
  TrialSessionTest() {
    start_.trial = TrialId{7};
    start_.launch = LaunchId{12};
    start_.directory = (root_ / "trial").string();
    start_.checkpoints.at_end = false;
  }

  ExitedLine run(const Trainable& train) {
    return LaunchSession({start_}, link_, [this] { return seconds_; }).run(alone(train)).front();
  }
  /// Reports up to `last`, offering a checkpoint each time.
  ExitedLine count_to(Steps last) {
    return run([&](TrialContext& trial) {
      for (Steps step = trial.step() + 1; step <= last; ++step)
        if (trial.report({{"loss", 1}}, {}, save_) == Verdict::kLeave) return;
    });
  }
  std::vector<std::string> in_reports() const {
    std::vector<std::string> names;
    for (const FromWorker& message : link_.told)
      if (const auto* report = std::get_if<ReportLine>(&message))
        if (!report->checkpoint.empty()) names.push_back(report->checkpoint);
    return names;
  }

  using Names = std::vector<std::string>;
  using Steps_ = std::vector<Steps>;
  const ScratchDirectory scratch_;
  const fs::path root_ = scratch_.path();
  StartLine start_;
  FakeLink link_;
  double seconds_ = 100;
  int saves_ = 0;
  Save save_ = [this](const fs::path& into) {
    ++saves_;
    std::ofstream(into / "state") << "x";
  };
};

TEST_F(TrialSessionTest, CountsStepsOnFromTheCheckpoint) {
  start_.step = 4;
  EXPECT_EQ(count_to(6).kind, ExitKind::kCompleted);
  EXPECT_EQ(link_.reported(), (Steps_{5, 6}));
  EXPECT_EQ(saves_, 0);
  EXPECT_FALSE(fs::exists(root_ / "trial"));
}

TEST_F(TrialSessionTest, SavesItsBestAsItComes) {
  start_.checkpoints.best = Objective{"loss", Mode::kMin};
  start_.best = 3;
  run([&](TrialContext& trial) {
    for (const double loss : {4.0, 2.0, double(NAN), -double(INFINITY), 2.0, 2.5, 1.5})
      trial.report({{"loss", loss}}, {}, save_);
    trial.report({{"accuracy", 1}}, {}, save_);
  });
  EXPECT_EQ(in_reports(), (Names{"checkpoint_000002_12", "checkpoint_000007_12"}));
}

TEST_F(TrialSessionTest, WaitsAtUntilAndObeysTheAnswer) {
  start_.until = 2;
  link_.answers = {ContinueLine{2}, ContinueLine{3}, StopLine{}};
  EXPECT_EQ(count_to(9).kind, ExitKind::kStopped);
  EXPECT_EQ(link_.reported(), (Steps_{1, 2, 3}));
  EXPECT_TRUE(link_.answers.empty());
}

TEST_F(TrialSessionTest, DoesNotWaitForAnAnswerThatIsThere) {
  start_.until = 1;
  link_.arrived = {ContinueLine{}};
  EXPECT_EQ(count_to(3).kind, ExitKind::kCompleted);
}

TEST_F(TrialSessionTest, LeavesWhenTheTunerIsGone) {
  start_.until = 1;
  EXPECT_EQ(count_to(3).kind, ExitKind::kStopped);
  EXPECT_EQ(link_.reported(), (Steps_{1}));
}

TEST_F(TrialSessionTest, APauseWritesACheckpointOfTheStepItLeavesAt) {
  start_.until = 2;
  link_.answers = {PauseLine{}};
  EXPECT_EQ(count_to(9).kind, ExitKind::kPaused);
  EXPECT_EQ(link_.checkpoints(), (Names{"checkpoint_000002_12"}));
  EXPECT_TRUE(fs::exists(root_ / "trial" / "checkpoint_000002_12" / "state"));
}

TEST_F(TrialSessionTest, APauseWritesNoSecondCheckpointOfAStep) {
  start_.until = 2;
  start_.checkpoints.every = 2;
  link_.answers = {PauseLine{}};
  EXPECT_EQ(count_to(9).kind, ExitKind::kPaused);
  EXPECT_EQ(in_reports(), (Names{"checkpoint_000002_12"}));
  EXPECT_TRUE(link_.checkpoints().empty());
}

TEST_F(TrialSessionTest, APauseWithoutAnOfferToSaveLeavesAllTheSame) {
  start_.until = 1;
  link_.answers = {PauseLine{}};
  EXPECT_EQ(run([](TrialContext& trial) { trial.report({{"loss", 1}}); }).kind, ExitKind::kPaused);
  EXPECT_TRUE(link_.checkpoints().empty());
}

TEST_F(TrialSessionTest, AStopWritesACheckpointOnlyWhereTheEndWantsOne) {
  for (const bool at_end : {false, true}) {
    link_ = {};
    start_.until = 2;
    start_.checkpoints.at_end = at_end;
    link_.answers = {StopLine{}};
    EXPECT_EQ(count_to(9).kind, ExitKind::kStopped);
    EXPECT_EQ(link_.checkpoints().size(), at_end ? 1u : 0u);
  }
}

TEST_F(TrialSessionTest, AnIntervalCountsStepsNotReports) {
  start_.checkpoints.every = 10;
  run([&](TrialContext& trial) {
    for (const Steps step : {5, 12, 19, 20, 45, 49}) trial.report({}, step, save_);
  });
  EXPECT_EQ(in_reports(),
            (Names{"checkpoint_000012_12", "checkpoint_000020_12", "checkpoint_000045_12"}));
}

TEST_F(TrialSessionTest, AFailedSaveIsTheTrialsFailure) {
  start_.checkpoints.every = 2;
  const auto exited = run([&](TrialContext& trial) {
    const auto full = [](const fs::path&) { throw std::runtime_error("no space left on device"); };
    EXPECT_EQ(trial.report({}, {}, full), Verdict::kGoOn);
    EXPECT_EQ(trial.report({}, {}, full), Verdict::kLeave);
    EXPECT_TRUE(trial.should_stop());
    EXPECT_EQ(trial.report({}, {}, full), Verdict::kLeave);
  });
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_NE(exited.error.find("no space left on device"), std::string::npos) << exited.error;
  EXPECT_EQ(link_.reported(), (Steps_{1}));
}

TEST_F(TrialSessionTest, AFullDiskCostsACheckpointAndAPauseWaitsForRoom) {
  start_.checkpoints.every = 1;
  int tries = 0;
  const Save save = [&](const fs::path& into) {
    if (++tries < 5) throw std::runtime_error("write: No space left on device");
    save_(into);
  };
  std::vector<double> slept;
  const auto sleep = [&](double until) { slept.push_back(until); };
  LaunchSession session(
      {start_}, link_, [this] { return seconds_; }, sleep);
  const auto exits = session.run(alone([&](TrialContext& trial) {
    EXPECT_EQ(trial.report({}, {}, save), Verdict::kGoOn);
    link_.arrived = {PauseLine{}};
    EXPECT_EQ(trial.report({}, {}, save), Verdict::kLeave);
  }));
  EXPECT_EQ(exits.front().kind, ExitKind::kPaused);
  EXPECT_EQ(link_.reported(), (Steps_{1, 2}));
  EXPECT_EQ(in_reports(), Names{});
  EXPECT_EQ(link_.checkpoints(), (Names{"", "", "", "", "checkpoint_000002_12"}));
  EXPECT_EQ(slept, (std::vector<double>{101, 101}));
}

TEST_F(TrialSessionTest, TheFirstCauseOfAFailureIsTheOneTold) {
  start_.checkpoints.every = 1;
  const auto exited = run([&](TrialContext& trial) {
    trial.report({}, {}, [](const fs::path&) { throw std::runtime_error("disk full"); });
    throw std::runtime_error("told to leave");
  });
  EXPECT_NE(exited.error.find("disk full"), std::string::npos);
}

TEST_F(TrialSessionTest, AnExceptionIsAFailureOfOneLine) {
  const auto exited =
      run([](TrialContext&) { throw std::runtime_error("CUDA out of memory\nstack\n"); });
  EXPECT_EQ(exited,
            (ExitedLine{TrialId{7}, LaunchId{12}, ExitKind::kFailed, "CUDA out of memory"}));
  EXPECT_EQ(run([](TrialContext&) { throw 1; }).error, "an exception of unknown type");
  EXPECT_EQ(run([](TrialContext&) { throw std::runtime_error(""); }).error,
            "failed without a message");
}

TEST_F(TrialSessionTest, AReportThatCannotTravelIsAFailureThatSaysWhy) {
  EXPECT_NE(run([](TrialContext& trial) {
              trial.report({{"", 1}});
            }).error.find("name"),
            std::string::npos);
  EXPECT_NE(run([](TrialContext& trial) { trial.report({}, -1); }).error.find("-1"),
            std::string::npos);
  EXPECT_TRUE(link_.told.empty());
}

TEST_F(TrialSessionTest, ShouldStopLooksForMessagesWithoutWaiting) {
  const auto exited = run([&](TrialContext& trial) {
    EXPECT_FALSE(trial.should_stop());
    link_.arrived = {ContinueLine{5}, PauseLine{}};
    EXPECT_TRUE(trial.should_stop());
  });
  EXPECT_EQ(exited.kind, ExitKind::kPaused);
}

TEST_F(TrialSessionTest, AReportAfterShouldStopStillCarriesTheCheckpointOfAPause) {
  const auto exited = run([&](TrialContext& trial) {
    link_.arrived = {PauseLine{}};
    EXPECT_TRUE(trial.should_stop());
    EXPECT_EQ(trial.report({{"loss", 1}}, {}, save_), Verdict::kLeave);
    EXPECT_EQ(trial.report({{"loss", 1}}, {}, save_), Verdict::kLeave);
  });
  EXPECT_EQ(exited.kind, ExitKind::kPaused);
  EXPECT_EQ(link_.reported(), (Steps_{1}));
  EXPECT_EQ(link_.checkpoints(), (Names{"checkpoint_000001_12"}));
}

TEST_F(TrialSessionTest, TakesOverWeightsStepAndConfigurationAtAReportOnly) {
  Config config;
  config.set("lr", 0.5);
  start_.until = 3;
  run([&](TrialContext& trial) {
    EXPECT_FALSE(trial.checkpoint());
    link_.arrived = {ExploitLine{"/donor/checkpoint_000001_3", config, 1, 9}};
    EXPECT_FALSE(trial.should_stop());
    EXPECT_TRUE(trial.config().empty());
    EXPECT_EQ(trial.report({{"loss", 1}}, 3), Verdict::kGoOn);
    EXPECT_EQ(trial.checkpoint(), fs::path("/donor/checkpoint_000001_3"));
    EXPECT_EQ(trial.config(), config);
    EXPECT_EQ(trial.step(), 1);
    trial.report({{"loss", 1}});
  });
  EXPECT_EQ(link_.reported(), (Steps_{3, 2}));
}

TEST_F(TrialSessionTest, TheSameCheckpointTakenOverTwiceIsTwoTakeOvers) {
  run([&](TrialContext& trial) {
    EXPECT_EQ(trial.takeovers(), 0);
    for (int i = 1; i <= 2; ++i) {
      link_.arrived = {ExploitLine{"/donor/c", {}, 1, 9}};
      trial.report({}, 5);
      EXPECT_EQ(trial.takeovers(), i);
    }
    trial.report({}, 5);
    EXPECT_EQ(trial.takeovers(), 2);
  });
}

TEST_F(TrialSessionTest, KnowsTheStepItMayRunTo) {
  start_.until = 4;
  run([&](TrialContext& trial) {
    EXPECT_EQ(trial.until(), 4);
    link_.arrived = {ContinueLine{9}};
    trial.report({}, 1);
    EXPECT_EQ(trial.until(), 9);
    link_.arrived = {ExploitLine{"/donor/c", {}, 1, 6}};
    trial.report({}, 2);
    EXPECT_EQ(trial.until(), 6);
  });
}

TEST_F(TrialSessionTest, AStepRepeatedAfterATakeOverGetsACheckpointOfItsOwn) {
  start_.checkpoints.every = 2;
  run([&](TrialContext& trial) {
    trial.report({}, 2, save_);
    link_.arrived = {ExploitLine{"/donor/c", {}, 1, 9}};
    trial.report({}, 3, save_);
    trial.report({}, 2, save_);
  });
  EXPECT_EQ(in_reports(), (Names{"checkpoint_000002_12", "checkpoint_000002_12_2"}));
}

TEST_F(TrialSessionTest, MeasuresTheTimeOfTrainingOnly) {
  start_.checkpoints.every = 1;
  run([&](TrialContext& trial) {
    const auto slow_save = [&](const fs::path&) { seconds_ += 50; };
    seconds_ += 2;
    trial.report({}, {}, slow_save);
    seconds_ += 3;
    trial.report({}, {}, slow_save);
  });
  ASSERT_EQ(link_.told.size(), 2u);
  EXPECT_EQ(std::get<ReportLine>(link_.told[0]).seconds, 2.0);
  EXPECT_EQ(std::get<ReportLine>(link_.told[1]).seconds, 3.0);
}

/// Steps of half a second of their own on a machine that is to take two for each.
class PacedSessionTest : public TrialSessionTest {
 protected:
  PacedSessionTest() { start_.step_seconds = 2; }

  ExitedLine run(const Trainable& train) {
    const auto sleep = [this](double until) {
      EXPECT_GT(until, seconds_);
      ++sleeps_;
      seconds_ = until;
    };
    return LaunchSession(
               {start_}, link_, [this] { return seconds_; }, sleep)
        .run(alone(train))
        .front();
  }
  /// Works for so long, then reports; notes when the report was over.
  void step(TrialContext& trial, double works, std::optional<Steps> step = {}) {
    seconds_ += works;
    trial.report({{"loss", 1}}, step);
    over_.push_back(seconds_);
  }
  std::vector<double> told_seconds() const {
    std::vector<double> seconds;
    for (const FromWorker& message : link_.told)
      if (const auto* report = std::get_if<ReportLine>(&message))
        seconds.push_back(*report->seconds);
    return seconds;
  }

  using Seconds = std::vector<double>;
  Seconds over_;
  int sleeps_ = 0;
};

TEST_F(PacedSessionTest, AReportIsSentWhenItsStepIsOverOnTheEmulatedMachine) {
  run([&](TrialContext& trial) {
    for (int i = 0; i < 3; ++i) step(trial, 0.5);
  });
  EXPECT_EQ(over_, (Seconds{102, 104, 106}));
  EXPECT_EQ(told_seconds(), (Seconds{2, 2, 2}));
  EXPECT_EQ(sleeps_, 3);
}

TEST_F(PacedSessionTest, AStepThatWasLateIsMadeUpForByTheNextDeadline) {
  run([&](TrialContext& trial) {
    for (const double works : {0.5, 3.0, 0.5, 0.5}) step(trial, works);
  });
  EXPECT_EQ(over_, (Seconds{102, 105, 106, 108}));
  EXPECT_EQ(told_seconds(), (Seconds{2, 3, 1, 2}));
}

TEST_F(PacedSessionTest, AReportOfSeveralStepsTakesAsLongAsAllOfThem) {
  start_.step = 10;
  run([&](TrialContext& trial) {
    step(trial, 0.5, 15);
    step(trial, 0.5, 15);  // Of no further step: nothing to wait for.
    step(trial, 0.5, 16);
  });
  EXPECT_EQ(over_, (Seconds{110, 110.5, 112}));
}

TEST_F(PacedSessionTest, WaitingForADecisionIsNoTimeOfWork) {
  start_.until = 1;
  link_.before_answer = [this] { seconds_ += 10; };
  link_.answers = {ContinueLine{3}};
  run([&](TrialContext& trial) {
    for (int i = 0; i < 2; ++i) step(trial, 0.5);
  });
  EXPECT_EQ(over_, (Seconds{112, 114}));
  EXPECT_EQ(told_seconds(), (Seconds{2, 2}));
}

TEST_F(PacedSessionTest, ADecisionThatIsThereAlreadyCostsNothing) {
  start_.until = 1;
  link_.arrived = {ContinueLine{3}};
  run([&](TrialContext& trial) {
    for (const double works : {2.5, 0.5}) step(trial, works);
  });
  EXPECT_EQ(over_, (Seconds{102.5, 104}));
}

TEST_F(PacedSessionTest, SavingACheckpointIsPartOfItsStep) {
  start_.checkpoints.every = 1;
  run([&](TrialContext& trial) {
    const auto save = [&](const fs::path&) { seconds_ += 1; };
    trial.report({}, {}, save);
    over_.push_back(seconds_);
    trial.report({}, {}, save);
    over_.push_back(seconds_);
  });
  EXPECT_EQ(over_, (Seconds{102, 104}));
  EXPECT_EQ(told_seconds(), (Seconds{2, 2}));
}

TEST_F(PacedSessionTest, AFailureIsToldAtOnce) {
  run([&](TrialContext& trial) { trial.report({{"", 1}}); });
  EXPECT_EQ(sleeps_, 0);
}

TEST(SteadySleep, ReturnsNoEarlierThanItsDeadline) {
  const double until = steady_seconds() + 1e-3;
  steady_sleep(until);
  EXPECT_GE(steady_seconds(), until);
  steady_sleep(until - 1);  // Long past.
}

TEST_F(TrialSessionTest, ATrialsDirectoryExistsOnceAsked) {
  run([&](TrialContext& trial) {
    EXPECT_EQ(trial.directory(), root_ / "trial");
    EXPECT_TRUE(fs::is_directory(root_ / "trial"));
  });
  std::ofstream(root_ / "file") << "x";
  start_.directory = (root_ / "file" / "trial").string();
  const auto exited = run([&](TrialContext& trial) { trial.directory(); });
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_NE(exited.error.find("directory"), std::string::npos);
}

}  // namespace
}  // namespace clavier::worker
