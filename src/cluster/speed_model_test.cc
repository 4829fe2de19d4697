#include "cluster/speed_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace clavier::cluster {
namespace {

/// Costs log-uniform in [1, 100], slots of 1, 2, 4 and 8 units per second.
struct World {
  double cost(int trial) const { return std::pow(100, Rng::keyed(5, trial).uniform()); }
  double seconds(int trial, int slot) const { return cost(trial) / std::exp2(slot); }

  /// Every trial on one slot, in turn; then trials 0 to `linked` on the next one as well.
  void play(SpeedModel& model, int trials, int linked, double noise = 0) const {
    Rng rng(3);
    std::optional<double> believed[4];
    const auto add = [&](int trial, int slot) {
      const double took = seconds(trial, slot) * std::exp(noise * rng.normal());
      model.add(trial, slot, took, 1, believed[slot]);
      believed[slot] = took;
    };
    for (int trial = 0; trial < trials; ++trial) add(trial, trial % 4);
    for (int trial = 0; trial < linked; ++trial) add(trial, (trial + 1) % 4);
  }
};

TEST(SpeedModel, TellsCostsApartFromSpeedsOnceTrialsHaveChangedSlots) {
  const World world;
  SpeedModel model;
  world.play(model, 16, 8);
  ASSERT_TRUE(model.varies());
  for (int sweep = 0; sweep < 20; ++sweep) world.play(model, 16, 8);
  for (int trial = 1; trial < 16; ++trial)
    EXPECT_NEAR(std::log(model.cost(trial) / model.cost(0)),
                std::log(world.cost(trial) / world.cost(0)), 0.1)
        << trial;
  for (int slot = 1; slot < 4; ++slot)
    EXPECT_NEAR(std::log2(*model.seconds(0) / *model.seconds(slot)), slot, 0.1) << slot;
}

TEST(SpeedModel, WithDeclaredSpeedsOneMeasurementTellsACost) {
  const World world;
  SpeedModel model;
  for (int slot = 0; slot < 4; ++slot) model.declare(slot, 3 / std::exp2(slot));
  world.play(model, 12, 0);
  ASSERT_TRUE(model.varies());
  for (int trial = 1; trial < 12; ++trial)
    EXPECT_NEAR(std::log(model.cost(trial) / model.cost(0)),
                std::log(world.cost(trial) / world.cost(0)), 0.5)
        << trial;
}

TEST(SpeedModel, TrialsThatAreAlikeStaySo) {
  SpeedModel model;
  Rng rng(1);
  std::optional<double> believed;
  for (int i = 0; i < 1000; ++i) {
    // Noise, and a slot that becomes five times slower in the middle of a trial.
    const double took = (i < 505 ? 1 : 5) * std::exp(0.1 * rng.normal());
    model.add(i / 10, 0, took, 1, believed);
    believed = took;
  }
  EXPECT_FALSE(model.varies());
  EXPECT_EQ(model.cost(3), 1);
}

TEST(SpeedModel, NoiseOfManyShortMeasurementsDoesNotMakeTrialsDiffer) {
  SpeedModel model;
  Rng rng(1);
  for (int trial = 0; trial < 5000; ++trial)
    model.add(trial, trial % 50, std::exp(0.12 * rng.normal()), 0.2, std::exp(0.12 * rng.normal()));
  EXPECT_FALSE(model.varies());
}

TEST(SpeedModel, ManyPairsAreFittedAsWellAsFew) {
  const World world;
  SpeedModel model;
  for (int sweep = 0; sweep < 6; ++sweep) world.play(model, 400, 300, 0.05);
  ASSERT_TRUE(model.varies());
  for (int trial = 1; trial < 300; ++trial)
    EXPECT_NEAR(std::log(model.cost(trial) / model.cost(0)),
                std::log(world.cost(trial) / world.cost(0)), 0.2)
        << trial;
}

TEST(SpeedModel, WhatATrialTakesLongerThanBeforeIsItsSlotsDoing) {
  const World world;
  SpeedModel model;
  for (int round = 0; round < 10; ++round) world.play(model, 16, 8);
  const double cost = model.cost(1), slow = *model.seconds(1), other = *model.seconds(2);
  // Trial 1 has been there before; now the slot is three times slower.
  model.add(1, 1, 3 * world.seconds(1, 1), 1, slow);
  EXPECT_NEAR(*model.seconds(1) / slow, 3, 0.5);
  EXPECT_NEAR(*model.seconds(2) / other, 1, 0.2);
  EXPECT_NEAR(model.cost(1) / cost, 1, 0.2);
}

}  // namespace
}  // namespace clavier::cluster
