#include "sched/early_stop.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clavier::sched {
namespace {

const Objective kLoss{"loss", Mode::kMin}, kAccuracy{"accuracy", Mode::kMax};

/// A trial that has reported these values at steps 1, 2, …
Trial trial_with(const std::vector<double>& values, std::int64_t id = 0) {
  Trial trial;
  trial.id = TrialId{id};
  trial.status = TrialStatus::kRunning;
  for (const double value : values)
    trial.history.push_back({std::ssize(trial.history) + 1, value, 0});
  return trial;
}

std::string said(const TrialStop& rules, const std::vector<double>& values,
                 const Objective& objective = kLoss, const Rival& rival = {},
                 std::vector<Metric> metrics = {}) {
  const Trial trial = trial_with(values, 9);
  const Report report{.trial = trial.id,
                      .step = std::ssize(values),
                      .value = values.back(),
                      .metrics = std::move(metrics)};
  return looks_bad(rules, objective, trial, report, rival).value_or("goes on");
}

TEST(EarlyStop, NothingSaidStopsNobody) { EXPECT_EQ(said({}, {1, 2, 3, 4, 5}), "goes on"); }

TEST(EarlyStop, PatienceEndsWhereTheLastStepsBroughtNothing) {
  const TrialStop rules{.patience = Patience{.steps = 3}};
  EXPECT_EQ(said(rules, {5, 4, 4, 4}), "goes on");
  EXPECT_EQ(said(rules, {5, 4, 4, 4, 4}), "patience: no better loss in the last 3 steps");
  EXPECT_EQ(said(rules, {5, 4, 4, 4, 3.9}), "goes on");
  EXPECT_EQ(said(rules, {1, 2, 3}, kAccuracy), "goes on");
  EXPECT_EQ(said(rules, {3, 2, 2, 1}, kAccuracy),
            "patience: no better accuracy in the last 3 steps");
}

TEST(EarlyStop, PatienceWantsMoreThanMinDeltaAndWaitsForGrace) {
  TrialStop rules{.patience = Patience{.steps = 2, .min_delta = 0.5}};
  EXPECT_EQ(said(rules, {5, 4, 3.8, 3.6}),
            "patience: no better loss by more than 0.5 in the last 2 steps");
  EXPECT_EQ(said(rules, {5, 4, 3.8, 3.4}), "goes on");
  rules.patience->grace = 5;
  EXPECT_EQ(said(rules, {5, 4, 3.8, 3.6}), "goes on");
}

TEST(EarlyStop, WhatIsNoNumberIsNoImprovementAndAnyNumberAfterItIsOne) {
  const TrialStop rules{.patience = Patience{.steps = 2}};
  const double nan = std::nan("");
  EXPECT_EQ(said(rules, {nan, nan, nan}), "patience: no better loss in the last 2 steps");
  EXPECT_EQ(said(rules, {nan, nan, 7}), "goes on");
}

TEST(EarlyStop, AThresholdBoundsAnyMetricFromItsStepOn) {
  const TrialStop rules{.thresholds = {{.metric = "accuracy", .lower = 0.2, .grace = 2},
                                       {.metric = "loss", .upper = 9}}};
  const auto at = [&](const std::vector<double>& values, const Metric& metric) {
    return said(rules, values, kLoss, {}, {metric});
  };
  EXPECT_EQ(at({1}, {"accuracy", 0.1}), "goes on");
  EXPECT_EQ(at({1, 1}, {"accuracy", 0.1}), "threshold: accuracy 0.1 is below 0.2 at step 2");
  EXPECT_EQ(at({1, 1}, {"accuracy", 0.2}), "goes on") << "the bound is allowed";
  EXPECT_EQ(at({9.5}, {"loss", 9.5}), "threshold: loss 9.5 is above 9 at step 1");
  EXPECT_EQ(at({1}, {"loss", std::nan("")}), "goes on") << "that is non_finite's";
}

TEST(EarlyStop, TheTestComparesTheSameStepsWithTheBestCompletedTrial) {
  Rival rival;
  const TrialStop rules{.wilcoxon = Wilcoxon{}};
  EXPECT_EQ(said(rules, {9, 9, 9, 9}, kLoss, rival), "goes on") << "there is none yet";
  Trial stopped = trial_with({0, 0, 0, 0}, 1), worse = trial_with({8, 8, 8, 8, 8}, 2),
        best = trial_with({5, 4, 3, 2, 1}, 3);
  stopped.status = TrialStatus::kStopped;
  worse.status = best.status = TrialStatus::kCompleted;
  for (const Trial& trial : {stopped, worse, best, worse}) rival.ended(kLoss, trial);
  EXPECT_EQ(rival.trial(), TrialId{3});
  EXPECT_EQ(said(rules, {6, 5, 4}, kLoss, rival), "goes on") << "three pairs say little";
  EXPECT_EQ(said(rules, {6, 5, 4, 3}, kLoss, rival),
            "wilcoxon: worse than trial 3 at the same 4 steps (p = 0.062)");
  EXPECT_EQ(said(rules, {4, 3, 2, 1}, kLoss, rival), "goes on");
  EXPECT_EQ(said({.wilcoxon = Wilcoxon{.grace = 5}}, {6, 5, 4, 3}, kLoss, rival), "goes on");
  EXPECT_EQ(said({.wilcoxon = Wilcoxon{.p = 0.5}}, {5.1, 4.1, 3.1, -9}, kLoss, rival), "goes on")
      << "worse more often, and better on average";
}

TEST(EarlyStop, TheTestTurnsWithTheObjective) {
  Rival rival;
  Trial best = trial_with({1, 2, 3, 4}, 3);
  best.status = TrialStatus::kCompleted;
  rival.ended(kAccuracy, best);
  const TrialStop rules{.wilcoxon = Wilcoxon{}};
  EXPECT_EQ(said(rules, {2, 3, 4, 5}, kAccuracy, rival), "goes on");
  EXPECT_NE(said(rules, {0, 1, 2, 3}, kAccuracy, rival), "goes on");
}

TEST(EarlyStop, TheFirstRuleThatHoldsGivesTheReason) {
  const TrialStop rules{.patience = Patience{.steps = 1},
                        .thresholds = {{.metric = "loss", .upper = 3}}};
  EXPECT_EQ(said(rules, {2, 4}, kLoss, {}, {{"loss", 4}}),
            "threshold: loss 4 is above 3 at step 2");
  EXPECT_EQ(said(rules, {2, 2.5}, kLoss, {}, {{"loss", 2.5}}),
            "patience: no better loss in the last 1 step");
}

}  // namespace
}  // namespace clavier::sched
