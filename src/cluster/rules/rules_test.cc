#include <gtest/gtest.h>

#include "cluster/reference_scenarios.h"
#include "cluster/rollout.h"
#include "cluster/rules/agnostic.h"
#include "cluster/rules/hrfs.h"

namespace clavier::cluster::rules {
namespace {

template <typename Rule>
double ratio(const Scenario& scenario) {
  Rule rule;
  return roll_out(scenario, rule).makespan / bound_of(scenario);
}

TEST(Hrfs, ReproducesItsPublishedRatios) {
  const auto on_a = [](int trials) {
    return ratio<Hrfs>(reference_scenario("A", trials, Setting::kFree));
  };
  EXPECT_NEAR(on_a(20), 1.041, 0.005);
  EXPECT_NEAR(on_a(50), 1.017, 0.005);
  EXPECT_NEAR(on_a(8), 1.278, 0.005);
  EXPECT_NEAR(on_a(4), 2.471, 0.005);
}

TEST(Agnostic, ReproducesItsPublishedRatios) {
  EXPECT_NEAR(ratio<Agnostic>(reference_scenario("A", 20, Setting::kFree)), 2.815, 0.005);
  EXPECT_NEAR(ratio<Agnostic>(reference_scenario("A", 50, Setting::kFree)), 1.499, 0.005);
  EXPECT_NEAR(ratio<Agnostic>(reference_scenario("C", 4, Setting::kFree)), 1.50, 0.005);
  EXPECT_NEAR(ratio<Agnostic>(reference_scenario("D", 20, Setting::kFree)), 2.76, 0.005);
}

TEST(Hrfs, HangsInSomeStudiesThatStopEarlyAllWithFewTrials) {
  int hung = 0;
  for (const Scenario& scenario : stop_scenarios()) {
    Hrfs rule;
    if (!roll_out(scenario, rule).hung) continue;
    ++hung;
    EXPECT_LE(scenario.trials.size(), 2 * scenario.slots.size());
  }
  EXPECT_EQ(hung, 55);
}

TEST(Hrfs, HangsWithOneTrialShortlyBeforeItsEnd) {
  const Scenario scenario = reference_scenario("A", 1, Setting::kFree);
  Hrfs rule;
  const RolloutResult result = roll_out(scenario, rule, {.record_pieces = true});
  EXPECT_TRUE(result.hung);
  EXPECT_EQ(result.pieces.back().to, 975);
}

TEST(Agnostic, NeverHangsInThem) {
  for (const Scenario& scenario : stop_scenarios()) {
    Agnostic rule;
    EXPECT_FALSE(roll_out(scenario, rule).hung);
  }
}

}  // namespace
}  // namespace clavier::cluster::rules
