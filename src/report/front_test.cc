#include "report/front.h"

#include <gtest/gtest.h>

#include "report/views.h"

namespace clavier::report {
namespace {

/// Trials that have reported these accuracies and latencies.
State state_of(const std::vector<std::pair<double, double>>& values) {
  State state({{"accuracy", Mode::kMax}, {{"latency", Mode::kMin}}}, {});
  for (const auto& [accuracy, latency] : values) {
    const TrialId id{static_cast<std::int64_t>(state.trials().size())};
    Fill fill;
    fill.created.push_back({.id = id});
    fill.launches.push_back({.members = {{.trial = id}}, .shares = {{SlotId{0}, 1}}});
    state.apply(fill, {});
    Report report{.trial = id, .launch = state.trial(id).launch, .step = 1, .value = accuracy};
    report.metrics = {{"accuracy", accuracy}, {"latency", latency}};
    Turn turn;
    if (latency > 0) turn.input = Signal(Reported{{report}});
    if (latency > 0) state.apply(turn);
  }
  return state;
}

TEST(Standings, RanksAreFrontsAndVolumesAreOfAllTrialsUpToThere) {
  // From best to worst: accuracy 1 to 0, latency 10 to 20.
  const State state = state_of({{0, 20}, {1, 15}, {0.5, 10}, {0, -1}, {0.5, 16}});
  using Rank = std::optional<std::int64_t>;
  EXPECT_EQ(ranks(state), (std::vector<Rank>{2, 0, 0, Rank(), 1}));
  const Covered all = covered(state);
  ASSERT_EQ(all.reference.size(), 2U);
  EXPECT_DOUBLE_EQ(all.reference[0], -0.1);
  EXPECT_DOUBLE_EQ(all.reference[1], 21);
  const double first = 0.1 * 1, second = 1.1 * 6, third = second + 0.6 * 5;
  const double expected[] = {first, second, third, third, third};
  const auto found = hypervolumes(state);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
  EXPECT_NEAR(all.hypervolume, third, 1e-12);
  EXPECT_EQ(hypervolume_text(state), "9.6, beyond accuracy -0.1, latency 21");
}

TEST(Standings, TakeThePlaceOfTheBestAmongTheColumns) {
  const State state = state_of({{0, 20}, {1, 15}});
  const Space space;
  const LastMetrics metrics;
  const auto columns = trial_columns({.state = state, .space = space}, metrics);
  std::vector<std::string> names;
  for (const TrialColumn& column : columns) names.push_back(column.name);
  const auto has = [&](const char* name) { return std::ranges::find(names, name) != names.end(); };
  EXPECT_TRUE(has("rank") && has("hypervolume") && has("accuracy") && has("latency"));
  EXPECT_FALSE(has("best"));
  EXPECT_EQ(*sorted(state, columns, "rank"), (std::vector<TrialId>{TrialId{1}, TrialId{0}}));
}

TEST(Standings, TheBestInWordsIsTheFront) {
  EXPECT_EQ(best_text(state_of({})), "none yet");
  EXPECT_EQ(best_text(state_of({{0, 20}, {1, 15}})), "accuracy 1, latency 15 (trial 1)");
  EXPECT_EQ(best_text(state_of({{0, 20}, {1, 15}, {0.5, 10}})), "front of 2 trials (1, 2)");
}

}  // namespace
}  // namespace clavier::report
