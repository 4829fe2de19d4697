#include "cluster/rules/auto.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "cluster/baselines/hrfs.h"
#include "cluster/baselines/simple.h"
#include "tests/support/measures.h"
#include "tests/support/random_placement.h"
#include "tests/support/reference_scenarios.h"

namespace clavier::cluster::rules {
namespace {

RolloutResult play(const Scenario& scenario) {
  Auto rule;
  return roll_out(scenario, rule);
}

double ratio(const Scenario& scenario) {
  const RolloutResult result = play(scenario);
  EXPECT_FALSE(result.hung);
  return result.makespan / bound_of(scenario);
}

TEST(Auto, IsWithinTwoPercentOfTheBoundWithManyTrials) {
  for (const char* cluster : {"A", "B", "C", "D"})
    for (const int trials : {20, 50})
      EXPECT_LE(ratio(reference_scenario(cluster, trials, Setting::kFree)), 1.02)
          << cluster << trials;
}

TEST(Auto, IsWithinOnePercentWithFewTrialsWhenMovesAreFree) {
  for (const char* cluster : {"A", "B", "C", "D"})
    for (const int trials : {4, 8})
      for (const Setting setting : {Setting::kFree, Setting::kEval})
        EXPECT_LE(ratio(reference_scenario(cluster, trials, setting)), 1.01) << cluster << trials;
}

TEST(Auto, KeepsWithinItsMarginsWhenMovesCost) {
  const auto on_a = [](int trials) {
    return ratio(reference_scenario("A", trials, Setting::kEvalMove));
  };
  EXPECT_LE(on_a(4), 1.20);
  EXPECT_LE(on_a(8), 1.20);
  EXPECT_LE(on_a(20), 1.10);
  EXPECT_LE(on_a(50), 1.05);
}

TEST(Auto, IsNoWorseThanTheAgnosticRuleOnEqualSlotsWhenMovesCost) {
  for (const char* cluster : {"B", "C"})
    for (const int trials : {4, 8, 20, 50}) {
      const Scenario scenario = reference_scenario(cluster, trials, Setting::kEvalMove);
      // Even where that pays for a move only if the checkpoint is elsewhere.
      Agnostic agnostic({.evaluates_each_dispatch = true});
      EXPECT_LE(play(scenario).makespan, roll_out(scenario, agnostic).makespan * (1 + 1e-9))
          << cluster << trials;
    }
}

TEST(Auto, UsesNineteenTwentiethsOfTheSlotsWhileTrialsWait) {
  for (const char* cluster : {"A", "C", "D"})
    for (const Setting setting : {Setting::kFree, Setting::kEval, Setting::kEvalMove}) {
      const Scenario scenario = reference_scenario(cluster, 50, setting);
      Auto rule;
      const RolloutResult result = roll_out(scenario, rule, {.record_pieces = true});
      const Measures measures = measure(scenario, result);
      EXPECT_GE(measures.utilisation, 0.95) << cluster << name_of(setting);
      EXPECT_LE(measures.utilisation, 1 + 1e-9) << cluster << name_of(setting);
      EXPECT_NEAR(measures.scaling_efficiency, bound_of(scenario) / result.makespan, 1e-6);
    }
}

TEST(Auto, PlacesTrialsOfHundredfoldCostMuchBetterThanChance) {
  for (const char* cluster : {"A", "C", "D"})
    for (const int trials : {20, 50})
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const Scenario scenario = cost_variety_scenario(cluster, trials, seed);
        RandomPlacement random(seed);
        const double ours = play(scenario).makespan;
        const double drawn = roll_out(scenario, random).makespan;
        EXPECT_LE(ours, 1.02 * bound_of(scenario)) << cluster << trials << ' ' << seed;
        // Slots that differ by a factor of 4 leave chance little to spoil.
        EXPECT_GE(drawn, (std::string_view(cluster) == "C" ? 1.0 : 1.6) * ours)
            << cluster << trials << ' ' << seed;
      }
}

TEST(Auto, PlansForTrialsThatReportRarely) {
  for (const char* cluster : {"A", "C", "D"})
    for (const int trials : {5, 20, 50})
      for (const Steps grid : {10, 50, 100}) {
        Scenario scenario = reference_scenario(cluster, trials, Setting::kFree);
        scenario.costs.grid = grid;
        const double margin = grid == 10 ? 1.03 : trials == 5 ? 1.13 : 1.09;
        EXPECT_LE(ratio(scenario), margin) << cluster << trials << ' ' << grid;
        for (RolloutTrial& trial : scenario.trials) trial.target += grid / 2;
        EXPECT_LE(ratio(scenario), margin) << cluster << trials << ' ' << grid << " unaligned";
      }
}

TEST(Auto, FollowsASlotThatBecomesFiveTimesSlower) {
  for (const char* cluster : {"A", "B", "C", "D"})
    for (const int trials : {4, 8, 20, 50}) {
      double mean = 0;
      for (std::uint64_t seed = 0; seed < 2; ++seed)
        mean += ratio(reference_scenario(cluster, trials, Setting::kDrift, seed)) / 2;
      EXPECT_LE(mean, 1.08) << cluster << trials;
    }
}

TEST(Auto, FinishesEveryStudyThatStopsEarly) {
  for (const Scenario& scenario : stop_scenarios()) EXPECT_FALSE(play(scenario).hung);
  EXPECT_FALSE(play(reference_scenario("A", 1, Setting::kFree)).hung);
}

TEST(Auto, FinishesWhateverSlotsComeAndGo) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Scenario scenario = random_scenario(seed, seed % 2 == 0);
    scenario.noise = 0.1;
    scenario.costs = {.evaluation = 6.5, .move_seconds = 2};
    Rng rng(seed);
    const double bound = bound_of(scenario);
    const auto slots = static_cast<int>(scenario.slots.size());
    for (int change = 0; change < 20; ++change) {
      const auto slot = static_cast<int>(rng.below(scenario.slots.size()));
      scenario.changes.push_back({bound * rng.uniform(), slot, rng.below(2) == 0});
    }
    for (int slot = 0; slot < slots; ++slot) scenario.changes.push_back({bound, slot, slot == 0});
    std::ranges::stable_sort(scenario.changes, {}, &SlotChange::time);
    EXPECT_FALSE(play(scenario).hung) << seed;
  }
}

TEST(Auto, UsesASlotAgainThatReturns) {
  Scenario scenario = reference_scenario("A", 20, Setting::kFree);
  const double bound = bound_of(scenario);
  scenario.changes = {{bound / 4, 0, false}, {bound / 2, 0, true}};
  // The bound knows of the gap, and what was lost is less than an interval.
  EXPECT_LE(ratio(scenario), 1.02);
}

TEST(Auto, MeasuresUnknownSlotsWithTwoIterations) {
  Scenario scenario = reference_scenario("A", 20, Setting::kFree);
  for (RolloutSlot& slot : scenario.slots) slot.assumed.reset();
  Auto rule;
  const RolloutResult result = roll_out(scenario, rule, {.record_pieces = true});
  std::vector<bool> seen(scenario.slots.size());
  for (const Piece& piece : result.pieces) {
    if (seen[static_cast<std::size_t>(piece.slot)]) continue;
    EXPECT_EQ(piece.to - piece.from, 2);
    seen[static_cast<std::size_t>(piece.slot)] = true;
  }
  EXPECT_LE(result.makespan / bound_of(scenario), 1.02);
}

TEST(Auto, MovesAtMostTwiceForEverySlotFromAStandingStart) {
  for (const int trials : {4, 8, 20, 50}) {
    const RolloutResult result = play(reference_scenario("A", trials, Setting::kEvalMove));
    EXPECT_LE(result.moves, 2 * 8);
  }
}

class AutoOnRandomClusters : public testing::TestWithParam<bool> {};

TEST_P(AutoOnRandomClusters, IsNeverMuchWorseThanTheBetterBaseline) {
  const bool known = GetParam();
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Scenario scenario = random_scenario(seed, known);
    Agnostic agnostic;
    Hrfs hrfs;
    double better = roll_out(scenario, agnostic).makespan;
    if (const RolloutResult other = roll_out(scenario, hrfs); !other.hung)
      better = std::min(better, other.makespan);
    const double quotient = play(scenario).makespan / better;
    EXPECT_LE(quotient, known ? 1.02 : 1.05) << seed;
    worst = std::max(worst, quotient);
  }
  RecordProperty("worst", std::to_string(worst));
}
INSTANTIATE_TEST_SUITE_P(Speeds, AutoOnRandomClusters, testing::Bool(),
                         [](const auto& speeds) { return speeds.param ? "Known" : "Learned"; });

}  // namespace
}  // namespace clavier::cluster::rules
