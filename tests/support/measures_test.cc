#include "tests/support/measures.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace clavier::cluster {
namespace {

/// Slots of rates 2 and 1; three trials of 100, 100 and 40 iterations. The first two run to their
/// ends at 50 and 100, the third on the fast slot from 50 to 72 with a move of 2 s.
Scenario scenario() {
  Scenario scenario{.costs = {.interval = 50, .move_seconds = 2}};
  scenario.slots = {{.rate = 2}, {.rate = 1}};
  scenario.trials = {{.target = 100}, {.target = 100}, {.target = 40}};
  return scenario;
}
RolloutResult result() {
  RolloutResult result{.makespan = 100};
  result.pieces = {
      {.slot = 0, .trial = 0, .from = 0, .to = 100, .start = 0, .end = 50},
      {.slot = 1, .trial = 1, .from = 0, .to = 100, .start = 0, .end = 100},
      {.slot = 0, .trial = 2, .from = 0, .to = 40, .start = 50, .end = 72, .moved = true}};
  return result;
}

TEST(Measures, CountWorkAgainstWhatTheSlotsCouldHaveDone) {
  const Measures measures = measure(scenario(), result());
  EXPECT_DOUBLE_EQ(measures.utilisation, 1) << "until 50 more trials than slots are unfinished";
  EXPECT_DOUBLE_EQ(measures.imbalance, (100 - (70 + 100) / 2.0) / 100);
  EXPECT_DOUBLE_EQ(measures.scaling_efficiency, 240 / 300.0);
}

TEST(Measures, AMoveIsNoWork) {
  RolloutResult late = result();
  late.pieces[0].moved = true;
  late.pieces[0].end = 52;
  EXPECT_DOUBLE_EQ(measure(scenario(), late).utilisation, (100 + 52) / (3 * 52.0));
}

TEST(Measures, WithoutABacklogThereIsNoUtilisationToSpeakOf) {
  Scenario few = scenario();
  few.trials.pop_back();
  RolloutResult done = result();
  done.pieces.pop_back();
  EXPECT_EQ(measure(few, done).utilisation, 0);
}

TEST(Measures, AGoalIsReachedAtTheEvaluationAfterIt) {
  constexpr std::array<Steps, 3> kFirst = {kForever, 30, 10};
  EXPECT_DOUBLE_EQ(time_to_goal(scenario(), result(), kFirst), 50) << "trial 1 at iteration 50";
  constexpr std::array<Steps, 3> kLast = {kForever, 51, 10};
  EXPECT_DOUBLE_EQ(time_to_goal(scenario(), result(), kLast), 72) << "trial 2 at its target";
  constexpr std::array<Steps, 3> kNone = {101, kForever, kForever};
  EXPECT_TRUE(std::isinf(time_to_goal(scenario(), result(), kNone)));
}

}  // namespace
}  // namespace clavier::cluster
