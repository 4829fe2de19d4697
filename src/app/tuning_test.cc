#include "app/tuning.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <set>

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

TEST(Tune, FindsTheBestOfItsTrialsOnThreads) {
  const auto tuned = tune(square(50), [](TrialContext& trial) {
    trial.report({{"loss", loss(trial.config())}});
  });
  ASSERT_TRUE(tuned.ok()) << tuned.error().message;
  ASSERT_EQ(tuned->trials.size(), 50u);
  ASSERT_TRUE(tuned->best);
  for (const Trial& trial : tuned->trials)
    EXPECT_LE(tuned->best_trial().best->value, trial.best->value);
  EXPECT_LT(tuned->best_trial().best->value, 0.05);
}

TEST(Tune, TheSameSeedGivesTheSameConfigurationsWhateverTheOrderOfEvents) {
  const Trainable objective = [](TrialContext& trial) {
    trial.report({{"loss", loss(trial.config())}});
  };
  Tuning tuning = square(30);
  const auto one = tune(tuning, objective);
  tuning.workers = 7;
  const auto other = tune(tuning, objective);
  ASSERT_TRUE(one.ok() && other.ok());
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(one->trials[i].config, other->trials[i].config);
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

TEST(Tune, AFunctionThatThrowsFailsItsTrialAndSaysWhy) {
  const auto tuned = tune(square(5), [](TrialContext&) { throw std::runtime_error("no data"); });
  ASSERT_TRUE(tuned.ok());
  EXPECT_FALSE(tuned->best);
  EXPECT_NE(tuned->reason.find("no data"), std::string::npos);
  EXPECT_EQ(tuned->trials.size(), 3u);
}

TEST(Tune, AStudyOnDiskGoesOnWhereItEnded) {
  std::string pattern = (std::filesystem::temp_directory_path() / "clavier-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const Trainable objective = [](TrialContext& trial) {
    trial.report({{"loss", loss(trial.config())}});
  };
  Tuning tuning = square(5);
  tuning.directory = folder;
  ASSERT_TRUE(tune(tuning, objective).ok());
  tuning.trials = 8;
  const auto more = tune(tuning, objective);
  ASSERT_TRUE(more.ok()) << more.error().message;
  EXPECT_EQ(more->trials.size(), 8u);
  const auto whole = tune(square(8), objective);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(more->trials[i].config, whole->trials[i].config);
  std::filesystem::remove_all(folder);
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
