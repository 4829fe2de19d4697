#include "cluster/checkpoint_period.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clavier::cluster {
namespace {

TEST(CheckpointPeriod, IsYoungsWhereSavesAreCheap) {
  const Failures failures{.save = 1, .mtbf = 86400};
  EXPECT_NEAR(checkpoint_period(failures), std::sqrt(2 * 86400.0), 1);
}

TEST(CheckpointPeriod, LosesHardlyMoreThanTheBestPeriodThereIs) {
  for (const double save : {1, 10, 60, 600, 3600})
    for (const double days : {1, 3, 10, 30}) {
      const Failures failures{.save = save, .mtbf = days * 86400, .restart = 30};
      double best = 1;
      for (double period = 1; period < failures.mtbf * 2; period *= 1.01)
        best = std::min(best, checkpoint_loss(failures, period));
      const double ours = checkpoint_loss(failures, checkpoint_period(failures));
      EXPECT_GE(ours, best * (1 - 1e-3)) << save << ' ' << days;
      EXPECT_LE(ours, best * 1.002) << save << ' ' << days;
    }
}

TEST(CheckpointPeriod, LossesAreWhatSavesAndRepeatedWorkCost) {
  // Nearly no failures: a save of 1 s after every 9 s of work.
  EXPECT_NEAR(checkpoint_loss({.save = 1, .mtbf = 1e9}, 9), 0.1, 1e-6);
  // Free saves: half a period is lost with every failure.
  EXPECT_NEAR(checkpoint_loss({.save = 0, .mtbf = 1e4}, 100), 0.005, 1e-4);
}

TEST(CheckpointPeriod, InStepsItIsAtLeastOne) {
  EXPECT_EQ(checkpoint_steps({.save = 0, .mtbf = 100}, 1), 1);
  EXPECT_EQ(checkpoint_steps({.save = 50, .mtbf = 86400}, 1000), 3);
  EXPECT_EQ(checkpoint_steps({.save = 300, .mtbf = 100}, 10), 10)
      << "saves take longer than it lives";
}

}  // namespace
}  // namespace clavier::cluster
