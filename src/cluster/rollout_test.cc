#include "cluster/rollout.h"

#include <gtest/gtest.h>

#include "cluster/baselines/simple.h"

namespace clavier::cluster {
namespace {

/// Dispatches what it was given, each as soon as its slot and trial are free.
class Script : public RolloutRule {
 public:
  explicit Script(std::vector<Dispatch> script, Habits habits = {})
      : script_(std::move(script)), habits_(habits) {}
  Habits habits() const override { return habits_; }
  void observe(const RolloutView&, const Happening& happening) override {
    happenings.push_back(happening);
  }
  std::optional<Dispatch> next(const RolloutView& view) override {
    if (at_ == script_.size()) return std::nullopt;
    const Dispatch& dispatch = script_[at_];
    const SlotView& slot = view.slots[static_cast<std::size_t>(dispatch.slot)];
    if (!slot.alive || slot.trial >= 0) return std::nullopt;
    const TrialView& trial = view.trials[static_cast<std::size_t>(dispatch.trial)];
    if (trial.finished || trial.slot >= 0) return std::nullopt;
    last = view;
    return script_[at_++];
  }
  std::vector<Happening> happenings;
  RolloutView last;

 private:
  std::vector<Dispatch> script_;
  Habits habits_;
  std::size_t at_ = 0;
};

Scenario two_slots(int trials = 1) {
  Scenario scenario;
  scenario.trials.assign(static_cast<std::size_t>(trials), RolloutTrial{.target = 100});
  scenario.slots = {{.rate = 10}, {.rate = 1}};
  return scenario;
}

TEST(Rollout, ATrialTakesItsWorkOverTheRate) {
  Script script({{0, 0, 100}});
  const RolloutResult result = roll_out(two_slots(), script);
  EXPECT_DOUBLE_EQ(result.makespan, 10);
  EXPECT_FALSE(result.hung);
}

TEST(Rollout, AMoveCostsTimeOnlyWhenTheCheckpointIsElsewhere) {
  Scenario scenario = two_slots();
  scenario.costs.move_seconds = 2;
  Script script({{0, 0, 50}, {0, 0, 20}, {0, 1, 10}, {0, 0, 20}});
  const RolloutResult result = roll_out(scenario, script);
  EXPECT_DOUBLE_EQ(result.makespan, 5 + 2 + (2 + 10) + (2 + 2));
  EXPECT_EQ(result.moves, 2);
}

TEST(Rollout, EvaluationsFallOnIntervalsOrOnDispatches) {
  Scenario scenario = two_slots();
  scenario.costs.evaluation = 5;
  const std::vector<Dispatch> dispatches{{0, 0, 30}, {0, 0, 30}, {0, 0, 40}};
  Script on_intervals(dispatches);
  EXPECT_DOUBLE_EQ(roll_out(scenario, on_intervals).makespan, 11);
  EXPECT_DOUBLE_EQ(bound_of(scenario), 11);
  Script on_dispatches(dispatches, {.evaluates_each_dispatch = true});
  EXPECT_DOUBLE_EQ(roll_out(scenario, on_dispatches).makespan, 11.5);
}

TEST(Rollout, ATrialThatReachesItsGoalStopsAtTheNextEvaluation) {
  Scenario scenario = two_slots();
  scenario.trials[0].stop_at = 20;
  Script script({{0, 0, 100}});
  EXPECT_DOUBLE_EQ(roll_out(scenario, script).makespan, 5);
  EXPECT_DOUBLE_EQ(bound_of(scenario), 5);
  Script by_dispatch({{0, 0, 10}, {0, 0, 15}}, {.evaluates_each_dispatch = true});
  EXPECT_DOUBLE_EQ(roll_out(scenario, by_dispatch).makespan, 2.5);
}

TEST(Rollout, LearnsSecondsPerUnitFromEndedDispatches) {
  Scenario scenario = two_slots();
  scenario.slots[0].rate = Rate({{0, 10}, {1, 8}});
  Script script({{0, 0, 10}, {0, 0, 50}, {0, 0, 40}});
  roll_out(scenario, script);
  EXPECT_DOUBLE_EQ(*script.last.slots[0].seconds_per_unit, 0.5 * 0.1 + 0.5 * 0.125);
  EXPECT_EQ(script.last.slots[0].measured, 2);
  EXPECT_FALSE(script.last.slots[1].seconds_per_unit);
}

TEST(Rollout, ALostSlotGivesItsTrialBackAtTheLastEvaluation) {
  Scenario scenario = two_slots();
  scenario.changes = {{7, 0, false}, {8, 0, true}};
  Script script({{0, 0, 100}, {0, 0, 50}});
  const RolloutResult result = roll_out(scenario, script);
  EXPECT_DOUBLE_EQ(result.makespan, 8 + 5);
  EXPECT_EQ(script.happenings[2].kind, Happening::Kind::kLost);
  EXPECT_EQ(script.happenings[2].trial, 0);
}

TEST(Rollout, SaysSoWhenNothingMoreWouldHappen) {
  Script script({{0, 0, 50}});
  EXPECT_TRUE(roll_out(two_slots(), script).hung);
}

TEST(Rollout, NoiseIsTheSameForEveryCutOfAnInterval) {
  Scenario scenario = two_slots();
  scenario.noise = 0.1;
  Script whole({{0, 0, 100}}), cut({{0, 0, 10}, {0, 0, 60}, {0, 0, 30}});
  const double makespan = roll_out(scenario, whole).makespan;
  EXPECT_NE(makespan, 10);
  EXPECT_NEAR(roll_out(scenario, cut).makespan, makespan, 1e-9);
  scenario.seed = 1;
  Script other({{0, 0, 100}});
  EXPECT_NE(roll_out(scenario, other).makespan, makespan);
}

TEST(Rollout, ASlotThatJoinsLaterIsUsed) {
  Scenario scenario = two_slots(2);
  scenario.changes = {{0, 0, false}, {10, 0, true}};
  rules::Agnostic rule;
  const RolloutResult result = roll_out(scenario, rule, {.record_pieces = true});
  EXPECT_FALSE(result.hung);
  EXPECT_EQ(result.pieces.front().slot, 1);
  EXPECT_EQ(result.pieces[1].slot, 0);
  EXPECT_DOUBLE_EQ(result.pieces[1].start, 10);
}

}  // namespace
}  // namespace clavier::cluster
