#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "cluster/baselines/hrfs.h"
#include "cluster/baselines/simple.h"
#include "cluster/rollout.h"
#include "cluster/rules/catalogue.h"
#include "tests/support/reference_scenarios.h"

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

TEST(UniformBundle, LeavesSlotsEmptyThatDoNotCarryIt) {
  const Scenario scenario = reference_scenario("A", 20, Setting::kFree);
  const RolloutResult result = roll_out(scenario, *make("uniform-bundle"), {.record_pieces = true});
  for (const Piece& piece : result.pieces) EXPECT_EQ(piece.slot, 0);
  EXPECT_DOUBLE_EQ(result.makespan, 20 * 1000 / 20.0);
}

TEST(MaxMin, KeepsTrialsTogetherAndAtTheEndUsesTheFastestSlots) {
  const Scenario scenario = reference_scenario("A", 20, Setting::kFree);
  const RolloutResult result = roll_out(scenario, *make("max-min"), {.record_pieces = true});
  EXPECT_LE(result.makespan, 1.15 * bound_of(scenario)) << "no better than whole rounds";
  // A round is 16 seconds: the fastest slot does 320 iterations in it.
  std::vector<Steps> done(20);
  for (const Piece& piece : result.pieces) {
    done[static_cast<std::size_t>(piece.trial)] = piece.to;
    if (piece.start > 0.9 * result.makespan) continue;
    EXPECT_LE(std::ranges::max(done) - std::ranges::min(done), 640);
  }
}

TEST(Goodput, FillsTheFastestSlotsAndMovesWhereItPays) {
  const Scenario free = reference_scenario("A", 4, Setting::kFree);
  const RolloutResult cheap = roll_out(free, *make("goodput"), {.record_pieces = true});
  for (const Piece& piece : cheap.pieces) EXPECT_LT(piece.slot, 4);
  EXPECT_GT(cheap.moves, 0) << "trials move up as faster slots become free";
  // Four trials on two equal slots: nobody moves, whoever comes first stays to the end.
  Scenario equal = reference_scenario("B", 4, Setting::kEvalMove);
  equal.slots.resize(2);
  const RolloutResult stays = roll_out(equal, *make("goodput"));
  EXPECT_EQ(stays.moves, 0);
  EXPECT_NEAR(stays.makespan, bound_of(equal), 1);
}

TEST(Rounds, NeverHangWhateverStopsOrLeaves) {
  for (const char* rule : {"max-min", "goodput"}) {
    const std::vector<Scenario> scenarios = stop_scenarios();
    for (std::size_t i = 0; i < scenarios.size(); i += 8)
      EXPECT_FALSE(roll_out(scenarios[i], *make(rule)).hung) << rule << i;
    Scenario scenario = random_scenario(3, false);
    const double bound = bound_of(scenario);
    scenario.changes = {{bound / 4, 0, false}, {bound / 3, 1, false}, {bound / 2, 0, true}};
    EXPECT_FALSE(roll_out(scenario, *make(rule)).hung) << rule;
  }
}

TEST(InOrder, KeepsEveryTrialOnOneSlotAndPrefersFastOnes) {
  const Scenario scenario = reference_scenario("A", 8, Setting::kEvalMove);
  const RolloutResult result = roll_out(scenario, *make("first-fit"), {.record_pieces = true});
  EXPECT_EQ(result.moves, 0);
  EXPECT_EQ(result.dispatches, 8);
  EXPECT_EQ(result.pieces.front().slot, 0);
}

TEST(Era, StartsWithAShareInProportionToSpeed) {
  Scenario scenario = reference_scenario("C", 50, Setting::kFree);
  const RolloutResult result = roll_out(scenario, *make("era"), {.record_pieces = true});
  // 50 trials over 4:2:1:1; nothing is given back before the 25 of the fastest slot have run.
  int before = 0;
  for (const Piece& piece : result.pieces)
    if (piece.slot == 0 && piece.from == 0 && piece.trial < 25) ++before;
  EXPECT_EQ(before, 25);
}

TEST(Eta, TakesOneTrialFirstThenAsManyAsTheSlowestSlotAllows) {
  const Scenario scenario = reference_scenario("C", 20, Setting::kFree);
  const RolloutResult result = roll_out(scenario, *make("eta"), {.record_pieces = true});
  EXPECT_FALSE(result.hung);
  EXPECT_NEAR(result.makespan / bound_of(scenario), 1, 0.01);
}

TEST(Gpa, LeavesTheEndToTheStrongestSlot) {
  const Scenario scenario = reference_scenario("A", 20, Setting::kFree);
  const RolloutResult result = roll_out(scenario, *make("gpa"), {.record_pieces = true});
  EXPECT_FALSE(result.hung);
  for (auto piece = result.pieces.end() - 20; piece != result.pieces.end(); ++piece)
    EXPECT_EQ(piece->slot, 0);
}

TEST(Catalogue, ARuleThatBeginsWithTheEndOfADispatchStartsEveryTrialOnce) {
  for (const std::string_view name : names()) {
    RolloutView view;
    view.slots.assign(4, {.alive = true, .seconds_per_unit = 1});
    view.trials.assign(3, {.target = 1000});
    view.trials[0].done = 50;
    const auto rule = make(name);
    rule->observe(view,
                  {.kind = Happening::Kind::kEnded, .trial = 0, .iterations = 50, .seconds = 50});
    for (int slot = 1; slot < 4; ++slot) rule->observe(view, {.slot = slot});
    while (const auto dispatch = rule->next(view)) {
      TrialView& trial = view.trials[static_cast<std::size_t>(dispatch->trial)];
      ASSERT_LT(trial.slot, 0) << name;
      trial.slot = dispatch->slot;
      view.slots[static_cast<std::size_t>(dispatch->slot)].trial = dispatch->trial;
    }
  }
}

TEST(Catalogue, MakesEveryRuleItNamesAndNoOther) {
  for (const std::string_view name : names()) {
    ASSERT_TRUE(make(name)) << name;
    EXPECT_FALSE(roll_out(reference_scenario("A", 20, Setting::kEvalMove), *make(name)).hung)
        << name;
  }
  EXPECT_FALSE(make("fastest"));
}

}  // namespace
}  // namespace clavier::cluster::rules
