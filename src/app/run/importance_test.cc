#include "app/run/importance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "study/domain.h"

namespace clavier::app {
namespace {

Space space() {
  Space space;
  space.parameters = {{"lr", Real{1e-5, 1, Scale::kLog}},
                      {"optimizer", Choice{{"sgd", "adam"}}},
                      {"momentum", Real{0, 1}, {{"optimizer", {"sgd"}}}},
                      {"layers", Grid{{4, 1, 2}}},
                      {"fixed", Constant{3}}};
  return space;
}

/// Trials whose loss is mostly the distance of lr from 1e-3; every tenth fails.
State study(std::int64_t trials, double slope = 1) {
  State state({"loss", Mode::kMin}, {});
  std::int64_t step = 0;
  const auto fold = [&](Input input, Fill fill = {}) {
    Turn turn{.id = StepId{step++}, .time = {}, .input = std::move(input)};
    state.apply(Step{std::move(turn), std::move(fill)});
  };
  fold(Opened{.trials = trials});
  for (std::int64_t i = 0; i < trials; ++i) {
    const TrialId id{i};
    Config config;
    const double unit = std::fmod(0.618034 * static_cast<double>(i), 1.0);
    config.set("lr", std::pow(10, -5 + 5 * unit));
    config.set("optimizer", i % 2 == 0 ? "sgd" : "adam");
    if (i % 2 == 0) config.set("momentum", std::fmod(0.37 * static_cast<double>(i), 1.0));
    config.set("layers", i % 3 == 0 ? 4 : i % 3);
    config.set("fixed", 3);
    Launch launch{.id = LaunchId{i}, .members = {{.trial = id}}, .shares = {{.slot = SlotId{0}}}};
    fold(Signal{Deadline{}},
         {.created = {{.id = id, .config = config}}, .launches = {std::move(launch)}});
    const double loss = slope * (std::abs(unit - 0.4) + 0.01 * (i % 3));
    Report report{.trial = id, .launch = LaunchId{i}, .step = 1, .value = loss};
    if (i % 10 != 9) fold(Signal{Reported{{report}}});
    fold(Signal{Exited{id, LaunchId{i}, i % 10 == 9 ? ExitKind::kFailed : ExitKind::kCompleted}});
  }
  return state;
}

TEST(StudyImportance, FindsTheParameterThatMattersByEitherMethod) {
  for (const auto method : {ImportanceMethod::kPedAnova, ImportanceMethod::kFanova}) {
    const auto found = importance(study(120), space(), method, {.resamples = 20});
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->trials, 120U);
    ASSERT_EQ(found->shares.size(), 4U);
    EXPECT_EQ(found->shares.front().parameter, "lr");
    EXPECT_GT(found->shares.front().share.value, 0.5);
  }
}

TEST(StudyImportance, OfTooFewTrialsIsRefusedWithTheNumberNeeded) {
  const auto method = ImportanceMethod::kPedAnova;
  EXPECT_EQ(importance(study(19), space(), method, {}).error().message,
            "20 trials with a value are needed, and there are 19");
  EXPECT_EQ(importance(study(40), space(), method, {.quantile = 0.25}).error().message,
            "80 trials with a value are needed to tell about the best 0.25 of them, and there are "
            "40");
  EXPECT_TRUE(importance(study(20), space(), method, {}).ok());
}

TEST(StudyImportance, OfValuesThatAreAllTheSameIsRefused) {
  EXPECT_EQ(importance(study(40, 0), space(), ImportanceMethod::kPedAnova, {}).error().message,
            "all values are the same, so no parameter can be told to matter");
}

TEST(StudyImportance, OfSeveralMetricsIsRefused) {
  const State several(Objectives({"a", Mode::kMin}, {{"b", Mode::kMin}}), {});
  EXPECT_EQ(importance(several, space(), ImportanceMethod::kPedAnova, {}).error().message,
            "importance is of one metric, and the study has several");
}

TEST(StudyImportance, OfASpaceWithoutChoiceIsRefused) {
  Space fixed;
  fixed.parameters = {{"fixed", Constant{3}}};
  EXPECT_EQ(importance(study(30), fixed, ImportanceMethod::kFanova, {}).error().message,
            "no parameter was searched");
}

}  // namespace
}  // namespace clavier::app
