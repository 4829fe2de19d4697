#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "study/state.h"

namespace clavier {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const Objectives kTwo{{"accuracy", Mode::kMax}, {{"latency", Mode::kMin}}};

/// Trials of two objectives that report as the test says.
class SeveralObjectivesTest : public testing::Test {
 protected:
  TrialId create(double width = 1) {
    const TrialId id{static_cast<std::int64_t>(state_.trials().size())};
    Fill fill;
    fill.created.push_back({.id = id, .width = width});
    fill.launches.push_back(
        {.id = state_.next_launch(), .members = {{.trial = id}}, .shares = {{SlotId{0}, 1}}});
    state_.apply(fill, state_.now());
    return id;
  }
  void report(TrialId id, Steps step, std::vector<Metric> metrics,
              std::optional<Checkpoint> checkpoint = {}) {
    Report report{.trial = id, .launch = state_.trial(id).launch, .step = step};
    for (const Metric& each : metrics)
      if (each.name == "accuracy") report.value = each.value;
    report.metrics = std::move(metrics);
    report.checkpoint = std::move(checkpoint);
    Turn turn;
    turn.input = Signal(Reported{{report}});
    state_.apply(turn);
  }
  void report(TrialId id, Steps step, double accuracy, double latency) {
    report(id, step, {{"latency", latency}, {"accuracy", accuracy}});
  }
  std::vector<std::int64_t> front() const {
    std::vector<std::int64_t> ids;
    for (const TrialId id : state_.front()) ids.push_back(id.value);
    return ids;
  }

  State state_{kTwo, RetryLimits{}};
};

using Ids = std::vector<std::int64_t>;

TEST_F(SeveralObjectivesTest, TheFrontAreThoseThatNobodyDominates) {
  for (int i = 0; i < 5; ++i) create();
  EXPECT_TRUE(front().empty());
  report(TrialId{0}, 1, 0.5, 10);
  EXPECT_EQ(state_.best(), TrialId{0}) << "the only member is the best";
  report(TrialId{1}, 1, 0.9, 20);
  report(TrialId{2}, 1, 0.4, 10);
  report(TrialId{3}, 1, 0.5, 10);
  EXPECT_EQ(front(), (Ids{0, 1, 3})) << "equal ones do not dominate each other";
  EXPECT_FALSE(state_.best());
  report(TrialId{4}, 1, 0.9, 5);
  EXPECT_EQ(front(), (Ids{4}));
  EXPECT_EQ(state_.best(), TrialId{4});
}

TEST_F(SeveralObjectivesTest, ATrialStandsWithItsLastReportAndTheWeightsOfThatMoment) {
  const TrialId a = create(), b = create();
  const Checkpoint first{a, LaunchId{0}, 1, "c1"}, second{a, LaunchId{0}, 2, "c2"};
  report(a, 1, {{"accuracy", 0.9}, {"latency", 1}}, first);
  report(b, 1, 0.8, 2);
  EXPECT_EQ(front(), (Ids{0}));
  report(a, 2, {{"accuracy", 0.5}, {"latency", 9}}, second);
  EXPECT_EQ(front(), (Ids{1})) << "it has become worse since";
  const Best& stands = *state_.trial(a).best;
  EXPECT_EQ(stands.step, 2);
  EXPECT_EQ(stands.value, 0.5);
  EXPECT_EQ(stands.further, std::vector<double>{9});
  EXPECT_EQ(state_.trial(a).best_model().checkpoint->path, "c2");
  EXPECT_TRUE(state_.trial(a).best_model().of_best_step);
}

TEST_F(SeveralObjectivesTest, AReportCountsOnlyWithAllObjectivesAndStandsOnlyIfAllAreFinite) {
  const TrialId id = create();
  report(id, 1, {{"accuracy", 0.5}});
  EXPECT_TRUE(state_.trial(id).history.empty());
  EXPECT_FALSE(state_.trial(id).best);
  report(id, 2, 0.4, 10);
  report(id, 3, {{"latency", 1}});
  report(id, 4, 0.9, kNaN);
  report(id, 5, std::numeric_limits<double>::infinity(), 1);
  const Trial& trial = state_.trial(id);
  ASSERT_EQ(trial.history.size(), 3U) << "what is not finite was reported all the same";
  EXPECT_EQ(trial.further_at(0), std::vector<double>{10});
  EXPECT_TRUE(std::isnan(trial.further_at(1)[0]));
  EXPECT_EQ(trial.further_at(2), std::vector<double>{1});
  EXPECT_EQ(trial.best->step, 2);
}

TEST_F(SeveralObjectivesTest, StepsThatAreRepeatedReplaceWhatWasSaidOfAllObjectives) {
  const TrialId id = create();
  for (Steps step = 1; step <= 4; ++step) report(id, step, 0.1 * static_cast<double>(step), 10);
  report(id, 2, 0.7, 3);
  const Trial& trial = state_.trial(id);
  ASSERT_EQ(trial.history.size(), 2U);
  EXPECT_EQ(trial.further_at(0), std::vector<double>{10});
  EXPECT_EQ(trial.further_at(1), std::vector<double>{3});
  EXPECT_EQ(trial.best->step, 2) << "the last in time";
}

TEST_F(SeveralObjectivesTest, SmallerModelsAreNotOnTheFront) {
  create(0.5), create();
  report(TrialId{0}, 1, 0.99, 1);
  report(TrialId{1}, 1, 0.5, 9);
  EXPECT_EQ(front(), (Ids{1}));
}

TEST_F(SeveralObjectivesTest, TheFrontIsThatOfComparingAllWithAll) {
  std::uint64_t random = 1;
  const auto next = [&] {
    random = random * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>(random >> 60U);
  };
  for (int i = 0; i < 30; ++i) create();
  for (int round = 0; round < 100; ++round) {
    const double accuracy = next(), latency = next();
    report(TrialId{static_cast<std::int64_t>(next()) + round % 15}, 1, accuracy, latency);
    Ids expected;
    for (const Trial& a : state_.trials()) {
      bool stands = a.best.has_value();
      for (const Trial& b : state_.trials())
        if (stands && b.best && b.best->value >= a.best->value &&
            b.best->further[0] <= a.best->further[0] &&
            (b.best->value > a.best->value || b.best->further[0] < a.best->further[0]))
          stands = false;
      if (stands) expected.push_back(a.id.value);
    }
    ASSERT_EQ(front(), expected);
  }
}

}  // namespace
}  // namespace clavier
