#include "train/spec/schedule.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

namespace clavier::train {
namespace {

constexpr double kExact = 1e-12;

TEST(Schedule, ConstantStaysAtOne) {
  for (double t : {0.0, 3.5, 100.0}) EXPECT_EQ(factor({}, t), 1);
}

TEST(Schedule, StepCutsAtEveryMultiple) {
  const Schedule step{.kind = ScheduleKind::kStep, .step_size = 3, .gamma = 0.5};
  double expected = 1;
  for (int epoch = 0; epoch < 20; ++epoch) {
    if (epoch > 0 && epoch % 3 == 0) expected *= 0.5;
    EXPECT_NEAR(factor(step, epoch), expected, kExact) << epoch;
    EXPECT_NEAR(factor(step, epoch + 0.99), expected, kExact) << epoch;
  }
}

TEST(Schedule, ExponentialEqualsRepeatedMultiplicationAtEpochs) {
  const Schedule schedule{.kind = ScheduleKind::kExponential, .gamma = 0.9};
  double expected = 1;
  for (int epoch = 0; epoch < 20; ++epoch, expected *= 0.9)
    EXPECT_NEAR(factor(schedule, epoch), expected, kExact);
}

/// The recursion that PyTorch's CosineAnnealingLR uses, one epoch at a time.
TEST(Schedule, CosineEqualsTheRecursiveForm) {
  const Schedule schedule{.kind = ScheduleKind::kCosine, .total = 12, .min_factor = 0.05};
  double expected = 1;
  for (int epoch = 0; epoch <= 12; ++epoch) {
    if (epoch > 0)
      expected = (1 + std::cos(std::numbers::pi * epoch / 12)) /
                     (1 + std::cos(std::numbers::pi * (epoch - 1) / 12)) * (expected - 0.05) +
                 0.05;
    EXPECT_NEAR(factor(schedule, epoch), expected, kExact) << epoch;
  }
  EXPECT_NEAR(factor(schedule, 50), 0.05, kExact);
}

TEST(Schedule, OneCycleRisesToOneAndFallsToItsEnd) {
  const Schedule schedule{.kind = ScheduleKind::kOneCycle,
                          .total = 10,
                          .peak_at = 0.3,
                          .div_factor = 25,
                          .final_div_factor = 1e4};
  EXPECT_NEAR(factor(schedule, 0), 1.0 / 25, kExact);
  EXPECT_NEAR(factor(schedule, 1.5), (1 + 1.0 / 25) / 2, kExact);
  EXPECT_NEAR(factor(schedule, 3), 1, kExact);
  EXPECT_NEAR(factor(schedule, 6.5), (1 + 1.0 / 25e4) / 2, kExact);
  EXPECT_NEAR(factor(schedule, 10), 1.0 / 25e4, kExact);
}

TEST(Schedule, WarmUpMultipliesTheRest) {
  const Schedule schedule{
      .kind = ScheduleKind::kExponential, .gamma = 0.5, .warmup = 2, .warmup_factor = 0.1};
  EXPECT_NEAR(factor(schedule, 0), 0.1, kExact);
  EXPECT_NEAR(factor(schedule, 1), 0.55 * 0.5, kExact);
  EXPECT_NEAR(factor(schedule, 2), 0.25, kExact);
}

}  // namespace
}  // namespace clavier::train
