#include "app/tuning.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <set>

#include "app/file/recorded_study.h"
#include "app/run/study_check.h"
#include "store/sqlite.h"
#include "tests/support/scratch_directory.h"

namespace clavier {
namespace {

Tuning square(std::int64_t trials) {
  Tuning tuning;
  tuning.objective = {"loss", Mode::kMin};
  tuning.space.parameters = {{"x", uniform(-2, 2)}};
  tuning.trials = trials;
  tuning.seed = 3;
  tuning.workers = 2;
  return tuning;
}

double loss(const Config& config) {
  const double x = *config.find("x")->number();
  return (x - 1) * (x - 1);
}

const Trainable kReportLoss = [](TrialContext& trial) {
  trial.report({{"loss", loss(trial.config())}});
};

TEST(Tune, FindsTheBestOfItsTrialsOnThreads) {
  const auto tuned = tune(square(50), kReportLoss);
  ASSERT_TRUE(tuned.ok()) << tuned.error().message;
  ASSERT_EQ(tuned->trials.size(), 50u);
  ASSERT_TRUE(tuned->best);
  for (const Trial& trial : tuned->trials)
    EXPECT_LE(tuned->best_trial().best->value, trial.best->value);
  EXPECT_LT(tuned->best_trial().best->value, 0.05);
}

TEST(Tune, ALogThatCannotBeWrittenIsWaitedForWhereSomebodyIsTold) {
  const ScratchDirectory folder;
  Tuning tuning = square(1);
  tuning.directory = folder.path();
  std::promise<void> told;
  bool is_told = false;
  tuning.output = [&](std::string_view line) {
    if (is_told || line.find("The study waits") == line.npos) return;
    is_told = true;
    told.set_value();
  };
  // Another program has the log from the trial's report until the study says that it waits.
  const auto tuned = tune(tuning, [&](TrialContext& trial) {
    auto other = store::Database::open(folder / "study.db", store::Database::Access::kWrite);
    ASSERT_TRUE(other.ok() && other->run("BEGIN IMMEDIATE").ok());
    kReportLoss(trial);
    told.get_future().wait();
    ASSERT_TRUE(other->run("ROLLBACK").ok());
  });
  ASSERT_TRUE(tuned.ok()) << tuned.error().message;
  EXPECT_TRUE(is_told);
  EXPECT_EQ(tuned->trials.at(0).status, TrialStatus::kCompleted);
  EXPECT_EQ(tuned->trials.at(0).reports, 1);
}

TEST(Tune, TheSameSeedGivesTheSameConfigurationsWhateverTheOrderOfEvents) {
  Tuning tuning = square(30);
  tuning.search = {"sobol"};
  const auto one = tune(tuning, kReportLoss);
  tuning.workers = 7;
  const auto other = tune(tuning, kReportLoss);
  ASSERT_TRUE(one.ok() && other.ok());
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(one->trials[i].config, other->trials[i].config);
}

TEST(Tune, PopulationBasedTrainingSavesWhereItsTrialsAreJudged) {
  const ScratchDirectory folder;
  for (const char* algorithm : {"pbt", "pb2"}) {
    Tuning tuning = square(6);
    tuning.directory = folder / algorithm;
    tuning.scheduler = {algorithm};
    tuning.scheduler.options.set("interval", 2);
    tuning.trial_stop.steps = 12;
    const auto tuned = tune(tuning, [](TrialContext& trial) {
      for (Steps step = trial.step(); !trial.should_stop() && step < 12;) {
        const int before = trial.takeovers();
        trial.report({{"loss", loss(trial.config()) / static_cast<double>(++step)}}, step,
                     [](const std::filesystem::path&) {});
        if (trial.takeovers() != before) step = trial.step();
      }
    });
    ASSERT_TRUE(tuned.ok()) << tuned.error().message;
    std::size_t takeovers = 0;
    for (const Trial& trial : tuned->trials) takeovers += trial.takeovers.size();
    EXPECT_GT(takeovers, 0u) << algorithm;
    EXPECT_TRUE(std::filesystem::exists(tuning.directory / "pbt_global.txt"));
  }
}

TEST(Tune, AshaGivesOnlyTheBetterTrialsMoreSteps) {
  Tuning tuning = square(16);
  tuning.scheduler = {"asha"};
  tuning.scheduler.options.set("max_steps", 8);
  tuning.scheduler.options.set("reduction", 2.0);
  std::atomic<int> steps = 0;
  const auto tuned = tune(tuning, [&](TrialContext& trial) {
    for (int step = 0; step < 8; ++step) {
      ++steps;
      if (trial.report({{"loss", loss(trial.config())}}) == worker::Verdict::kLeave) return;
    }
  });
  ASSERT_TRUE(tuned.ok()) << tuned.error().message;
  EXPECT_EQ(tuned->trials.size(), 16u);
  EXPECT_LT(steps, 16 * 8);
  EXPECT_EQ(tuned->best_trial().step, 8);
}

TEST(Tune, ATrialThatEndsByItselfLeavesItsBestStepAndTheLastIfItsLengthIsKnown) {
  for (const bool length_known : {false, true}) {
    const ScratchDirectory folder;
    Tuning tuning = square(2);
    tuning.directory = folder.path();
    if (length_known) tuning.trial_stop.steps = 3;
    const auto tuned = tune(tuning, [](TrialContext& trial) {
      const double losses[] = {3, 1, 2};
      for (Steps step = 1; step <= 3; ++step) {
        const auto save = [&](const std::filesystem::path& into) {
          std::ofstream(into / "step") << step;
        };
        if (trial.report({{"loss", losses[step - 1]}}, step, save) == TrialContext::Verdict::kLeave)
          return;
      }
    });
    ASSERT_TRUE(tuned.ok()) << tuned.error().message;
    for (const Trial& trial : tuned->trials) {
      std::vector<Steps> kept;
      for (const Checkpoint& checkpoint : trial.checkpoints) kept.push_back(checkpoint.step);
      EXPECT_EQ(kept, length_known ? (std::vector<Steps>{2, 3}) : std::vector<Steps>{2});
      ASSERT_TRUE(trial.best_model().of_best_step);
      EXPECT_TRUE(std::filesystem::exists(folder / trial.best_model().checkpoint->path));
    }
  }
}

TEST(Tune, ASchedulerKnowsHowLongTrialsAreFromTheirStopRule) {
  const ScratchDirectory folder;
  Tuning tuning = square(1);
  tuning.directory = folder.path();
  tuning.scheduler = {"asha"};
  tuning.trial_stop.steps = 8;
  ASSERT_TRUE(tune(tuning, kReportLoss).ok());
  const auto read = app::read_recorded({folder.path()}, store::Metrics::kSkip);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read->spec.scheduler.options.find("max_steps"), Value(std::int64_t{8}));
}

TEST(Tune, AFunctionThatThrowsFailsItsTrialAndSaysWhy) {
  const auto tuned = tune(square(5), [](TrialContext&) { throw std::runtime_error("no data"); });
  ASSERT_TRUE(tuned.ok());
  EXPECT_FALSE(tuned->best);
  EXPECT_NE(tuned->reason.find("no data"), std::string::npos);
  EXPECT_EQ(tuned->trials.size(), 3u);
}

TEST(Tune, AStudyOnDiskGoesOnWhereItEnded) {
  const ScratchDirectory folder;
  Tuning tuning = square(5);
  tuning.directory = folder.path();
  ASSERT_TRUE(tune(tuning, kReportLoss).ok());
  tuning.trials = 8;
  const auto more = tune(tuning, kReportLoss);
  ASSERT_TRUE(more.ok()) << more.error().message;
  EXPECT_EQ(more->trials.size(), 8u);
  const auto whole = tune(square(8), kReportLoss);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(more->trials[i].config, whole->trials[i].config);
}

TEST(Tune, TheReadingCommandsUnderstandAStudyOnDisk) {
  const ScratchDirectory folder;
  Tuning tuning = square(5);
  tuning.directory = folder.path();
  ASSERT_TRUE(tune(tuning, kReportLoss).ok());
  const auto read = app::read_recorded({folder.path()}, store::Metrics::kParse);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->spec.space, tuning.space);
  EXPECT_EQ(read->state.trials().size(), 5u);
  EXPECT_GT(read->run_utc_us, 0);
  const auto verified = app::verify_study(folder.path());
  EXPECT_TRUE(verified.ok()) << verified.error().message;
  const auto params = folder / read->state.trials()[0].directory / "params.json";
  EXPECT_TRUE(std::filesystem::exists(params)) << params;
}

TEST(Tune, WhatAFunctionComputesIsReadableButOnlyTheProgramCanDrawIt) {
  const ScratchDirectory folder;
  Tuning tuning = square(4);
  tuning.directory = folder.path();
  tuning.space.parameters.push_back({"twice", computed([](const Config& config) -> Value {
                                       return 2 * *config.find("x")->number();
                                     })});
  tuning.space.parameters.push_back({"more", expression("twice + 1")});
  tuning.space.parameters.push_back({"y", uniform(0, 1), {{"more", {Value(std::int64_t{3})}}}});
  tuning.space.constraints = {"more > -100", "x < 100"};
  ASSERT_TRUE(tune(tuning, kReportLoss).ok());
  const auto read = app::read_recorded({folder.path()}, store::Metrics::kParse);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->spec.space.parameters.size(), 4u);
  EXPECT_EQ(read->spec.space.constraints, std::vector<std::string>{"x < 100"});
  EXPECT_TRUE(read->state.trials()[0].config.find("twice")->number());
  const auto verified = app::verify_study(folder.path());
  ASSERT_FALSE(verified.ok());
  EXPECT_NE(verified.error().message.find("'twice' is computed by"), std::string::npos);
  // The program itself goes on with it.
  tuning.trials = 6;
  const auto more = tune(tuning, kReportLoss);
  ASSERT_TRUE(more.ok()) << more.error().message;
  EXPECT_EQ(more->trials.size(), 6u);
}

TEST(Tune, AnotherSpaceInTheSameFolderIsRefusedWithTheDifference) {
  const ScratchDirectory folder;
  Tuning tuning = square(3);
  tuning.directory = folder.path();
  ASSERT_TRUE(tune(tuning, kReportLoss).ok());
  tuning.space.parameters = {{"x", uniform(-3, 3)}};
  const auto refused = tune(tuning, kReportLoss);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("space.x was"), std::string::npos);
}

TEST(Tune, ProgressGoesWhereItIsWanted) {
  Tuning tuning = square(3);
  std::string shown;
  tuning.output = [&](std::string_view text) { shown += text; };
  ASSERT_TRUE(tune(tuning, kReportLoss).ok());
  EXPECT_NE(shown.find("trial 2 completed"), std::string::npos) << shown;
  EXPECT_NE(shown.find("best: trial"), std::string::npos) << shown;
}

TEST(Tune, WrongDescriptionsAreRefusedWithTheReason) {
  Tuning tuning = square(5);
  tuning.space.parameters = {{"x", uniform(2, -2)}};
  const auto refused = tune(tuning, [](TrialContext&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("x"), std::string::npos);
  tuning = square(5);
  tuning.search = {"randon"};
  EXPECT_NE(tune(tuning, [](TrialContext&) {}).error().message.find("random"), std::string::npos);
}

TEST(AskTell, SeveralMayBeOutAtOnceAndComeBackInAnyOrder) {
  auto study = AskTell::create(square(6));
  ASSERT_TRUE(study.ok()) << study.error().message;
  std::vector<Asked> out;
  for (int i = 0; i < 6; ++i) {
    auto asked = study->ask();
    ASSERT_TRUE(asked.ok()) << asked.error().message;
    out.push_back(*asked);
  }
  EXPECT_FALSE(study->ask().ok());
  std::reverse(out.begin(), out.end());
  for (const Asked& each : out)
    ASSERT_TRUE(study->tell(each.trial, {{"loss", loss(each.config)}}).ok());
  ASSERT_TRUE(study->best());
  for (const Asked& each : out)
    EXPECT_LE(study->state().trial(*study->best()).best->value, loss(each.config));
}

TEST(AskTell, NothingIsDrawnBeforeItIsAskedFor) {
  auto study = AskTell::create(square(100));
  ASSERT_TRUE(study.ok());
  for (int i = 0; i < 10; ++i) {
    const auto asked = study->ask();
    ASSERT_TRUE(asked.ok());
    EXPECT_EQ(study->state().trials().size(), static_cast<std::size_t>(i + 1));
    ASSERT_TRUE(study->tell(asked->trial, {{"loss", loss(asked->config)}}).ok());
  }
}

TEST(AskTell, TellingAStrangerIsRefused) {
  auto study = AskTell::create(square(5));
  EXPECT_FALSE(study->tell(TrialId{3}, {{"loss", 1}}).ok());
  const auto asked = study->ask();
  ASSERT_TRUE(study->tell(asked->trial, {{"loss", 1}}).ok());
  EXPECT_FALSE(study->tell(asked->trial, {{"loss", 2}}).ok());
}

TEST(AskTell, AFailureIsNoEvaluation) {
  auto study = AskTell::create(square(5));
  const auto asked = study->ask();
  ASSERT_TRUE(study->tell_failed(asked->trial, "simulation diverged").ok());
  EXPECT_FALSE(study->best());
  EXPECT_EQ(study->state().trial(asked->trial).status, TrialStatus::kFailed);
}

}  // namespace
}  // namespace clavier
