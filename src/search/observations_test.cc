#include "search/observations.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

using Kind = model::Axis::Kind;

TEST(Encoding, EveryDomainIsAnAxisOfItsKindAndItsValuesLieInTheirCells) {
  Space space;
  space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}},
                      {"width", Integer{1, 10, Scale::kLog}},
                      {"units", Integer{1, 1000}},
                      {"step", Real{0, 1, Scale::kLinear, 0.25}},
                      {"act", Choice{{"relu", "tanh", "gelu"}}},
                      {"size", Choice{{16, 32, 64}, true}},
                      {"only", Choice{{"x"}}},
                      {"twice", Computed{"2 * width"}},
                      {"cell", Grid{{1, 2}}}};
  const Encoding encoding(space);
  const Kind kinds[] = {Kind::kReal,   Kind::kLevels, Kind::kReal,
                        Kind::kLevels, Kind::kChoice, Kind::kLevels};
  ASSERT_EQ(encoding.axes().size(), std::size(kinds));
  for (std::size_t axis = 0; axis < std::size(kinds); ++axis)
    EXPECT_EQ(encoding.axes()[axis].kind, kinds[axis]) << axis;
  EXPECT_EQ(encoding.axis_of(6), Encoding::kNoAxis);
  EXPECT_EQ(encoding.axis_of(8), Encoding::kNoAxis);
  for (int width = 1; width <= 10; ++width) {
    const auto point = encoding.encode(config_of({{"lr", 0.01}, {"width", width}, {"size", 64}}));
    EXPECT_NEAR(point[0], 0.5, 1e-12);
    EXPECT_EQ(encoding.axes()[1].cell(point[1]), static_cast<std::size_t>(width - 1));
    EXPECT_TRUE(std::isnan(point[4])) << "absent";
    EXPECT_EQ(encoding.axes()[5].cell(point[5]), 2U);
  }
}

TEST(Encoding, WhatDoesNotExistBesideTheRestIsDroppedWithItsOwnChildren) {
  Space space;
  space.parameters = {{"kind", Choice{{"a", "b"}}},
                      {"inner", Choice{{"x", "y"}}, {{"kind", {"a"}}}},
                      {"depth", Real{0, 1}, {{"inner", {"y"}}}}};
  const Encoding encoding(space);
  std::vector<double> whole{0.25, 0.75, 0.5}, other{0.75, 0.75, 0.5}, x{0.25, 0.25, 0.5};
  for (auto* point : {&whole, &other, &x}) encoding.drop_absent(*point);
  EXPECT_FALSE(std::isnan(whole[2]));
  EXPECT_TRUE(std::isnan(other[1]) && std::isnan(other[2]));
  EXPECT_TRUE(!std::isnan(x[1]) && std::isnan(x[2]));
}

/// Trials with one parameter that are run as the test says.
class ObservationsTest : public testing::Test {
 protected:
  ObservationsTest() { space_.parameters = {{"x", Real{0, 1}}}; }

  TrialId begin(double x) {
    const TrialId id{static_cast<std::int64_t>(state_.trials().size())};
    Fill fill;
    fill.created.push_back({.id = id, .config = config_of({{"x", x}})});
    fill.launches.push_back(
        {.id = LaunchId{id.value}, .members = {{.trial = id}}, .shares = {{SlotId{0}, 1}}});
    state_.apply(fill, state_.now());
    return id;
  }
  void report(TrialId id, Steps step, double value) {
    turn(Signal(
        Reported{{{.trial = id, .launch = LaunchId{id.value}, .step = step, .value = value}}}));
  }
  void exit(TrialId id, ExitKind kind = ExitKind::kCompleted) {
    turn(Signal(Exited{.trial = id, .launch = LaunchId{id.value}, .kind = kind}));
  }
  void turn(Input input, std::vector<Decision> decisions = {}) {
    turns_.push_back({.id = StepId{std::ssize(turns_)}, .time = {}, .input = std::move(input)});
    turns_.back().decisions = std::move(decisions);
    state_.apply(turns_.back());
    seen_.observe(turns_.back(), state_);
  }
  std::vector<std::int64_t> ranking() {
    seen_.follow(state_);
    std::vector<std::int64_t> ids;
    for (const Observation& each : seen_.ranking()) ids.push_back(each.trial.value);
    return ids;
  }

  Space space_;
  State state_{Objective{"loss", Mode::kMin}, RetryLimits{}};
  Observations seen_{space()};
  std::vector<Turn> turns_;

 private:
  static Space space() {
    Space space;
    space.parameters = {{"x", Real{0, 1}}};
    return space;
  }
};

TEST_F(ObservationsTest, CompleteTrialsComeBeforeStoppedOnesAndFailedOnesLast) {
  for (int i = 0; i < 6; ++i) begin(i / 10.0);
  report(TrialId{0}, 9, 3.0);
  exit(TrialId{0});
  report(TrialId{1}, 9, 2.0);
  exit(TrialId{1});
  report(TrialId{2}, 1, 0.5);  // better, but stopped early
  turn(Signal(Deadline{}), {{Stop{TrialId{2}}}});
  exit(TrialId{2}, ExitKind::kStopped);
  report(TrialId{3}, 3, 1.0);  // runs, further
  exit(TrialId{4}, ExitKind::kFailed);
  EXPECT_EQ(ranking(), (std::vector<std::int64_t>{1, 0, 3, 2, 4}));
  EXPECT_EQ(seen_.of(TrialId{2}).standing, Standing::kPartial);
  EXPECT_EQ(seen_.of(TrialId{4}).standing, Standing::kFailed);
  EXPECT_EQ(seen_.ended_with_value(), 3);
  ASSERT_EQ(seen_.pending(TrialId{9}).size(), 1U);
  EXPECT_EQ(seen_.pending(TrialId{9})[0][0], 0.5);
}

TEST_F(ObservationsTest, ATrialThatEndsWithoutANumberHasFailed) {
  begin(0.1);
  report(TrialId{0}, 1, std::nan(""));
  exit(TrialId{0});
  EXPECT_EQ(ranking(), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(seen_.of(TrialId{0}).standing, Standing::kFailed);
  EXPECT_EQ(seen_.ended_with_value(), 0);
}

TEST_F(ObservationsTest, AFailedTrialThatIsTriedAgainIsPendingAgain) {
  begin(0.1);
  exit(TrialId{0}, ExitKind::kFailed);
  turn(UserCommand(Retry{.trials = {TrialId{0}}}));
  EXPECT_TRUE(ranking().empty());
  EXPECT_TRUE(seen_.known().empty());
  EXPECT_EQ(seen_.pending(TrialId{1}).size(), 1U);
}

TEST_F(ObservationsTest, WhatWasSuggestedIsPendingForLaterTrialsOfTheFillOnly) {
  begin(0.1);
  seen_.follow(state_);
  seen_.suggested(TrialId{1}, config_of({{"x", 0.2}}));
  seen_.suggested(TrialId{2}, config_of({{"x", 0.3}}));
  EXPECT_EQ(seen_.pending(TrialId{2}).size(), 2U);
  EXPECT_EQ(seen_.pending(TrialId{3}).size(), 3U);
  seen_.suggested(TrialId{1}, config_of({{"x", 0.4}}));
  ASSERT_EQ(seen_.pending(TrialId{3}).size(), 2U) << "what came after it is gone";
  EXPECT_EQ(seen_.pending(TrialId{3})[1][0], 0.4);
  begin(0.4);
  seen_.follow(state_);
  EXPECT_EQ(seen_.pending(TrialId{3}).size(), 2U) << "it came true";
}

TEST_F(ObservationsTest, AFreshObjectToldTheTurnsKnowsTheSame) {
  for (int i = 0; i < 4; ++i) begin(i / 10.0);
  for (int i = 3; i >= 0; --i) report(TrialId{i}, 1, i), exit(TrialId{i});
  Observations fresh(space_);
  for (const Turn& turn : turns_) fresh.observe(turn, state_);
  EXPECT_EQ(fresh.ranking().size(), seen_.ranking().size());
  EXPECT_EQ(fresh.ranking().begin()->trial, seen_.ranking().begin()->trial);
  EXPECT_EQ(fresh.ended_with_value(), 4);
}

}  // namespace
}  // namespace clavier::search
