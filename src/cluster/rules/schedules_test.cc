#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "cluster/rules/legs.h"
#include "cluster/rules/level_schedule.h"

namespace clavier::cluster::rules {
namespace {

Outlook standing_start(const std::vector<double>& rates, int trials, RolloutCosts costs = {}) {
  Outlook outlook{.trials = {}, .slots = {}, .costs = costs};
  for (const double rate : rates) outlook.slots.push_back({.rate = rate});
  for (int trial = 0; trial < trials; ++trial) {
    outlook.trials.push_back({.target = 1000});
    outlook.trials.back().work = outlook.work(trial, 0, 1000);
  }
  return outlook;
}

Outlook random_outlook(std::uint64_t seed) {
  Rng rng(seed);
  Outlook outlook{.trials = {}, .slots = {}, .costs = {.evaluation = rng.below(2) * 6.5}};
  for (std::uint64_t slot = 0, slots = 1 + rng.below(12); slot < slots; ++slot)
    outlook.slots.push_back({.rate = 1 + 31 * rng.uniform()});
  for (std::uint64_t trial = 0, trials = 1 + rng.below(40); trial < trials; ++trial) {
    const Steps done = static_cast<Steps>(rng.below(1001));
    outlook.trials.push_back({.done = done, .target = 1000, .cost = 0.5 + rng.uniform()});
    if (rng.below(3) == 0)
      outlook.trials.back().home = static_cast<int>(rng.below(outlook.slots.size()));
    outlook.trials.back().work = outlook.work(static_cast<int>(trial), done, 1000);
  }
  return outlook;
}

/// Every trial's legs follow one another from where it is to its target.
void expect_whole(const Outlook& outlook, const Legs& legs) {
  std::map<std::pair<int, Steps>, Steps> next;
  for (const auto& queue : legs)
    for (const Leg& leg : queue) {
      EXPECT_LT(leg.from, leg.to);
      EXPECT_TRUE(next.emplace(std::pair{leg.trial, leg.from}, leg.to).second);
    }
  for (std::size_t trial = 0; trial < outlook.trials.size(); ++trial) {
    Steps at = outlook.trials[trial].done;
    while (at < outlook.trials[trial].target) {
      const auto leg = next.find({static_cast<int>(trial), at});
      ASSERT_NE(leg, next.end()) << "trial " << trial << " at " << at;
      at = leg->second;
      next.erase(leg);
    }
  }
  EXPECT_TRUE(next.empty());
}

TEST(LevelSchedule, AttainsTheBoundFromAStandingStart) {
  for (const int trials : {1, 3, 4, 8, 9, 20, 50})
    for (const Order order : {Order::kHomeFirst, Order::kLongestFirst})
      for (const bool fast_last : {true, false}) {
        const Outlook outlook = standing_start({320, 20, 16, 12, 12, 11, 4, 4, 4}, trials);
        const double bound = outlook.bound();
        const auto legs = level_schedule(
            outlook, {.order = order, .horizon = bound * (1 + 1e-9), .fast_last = fast_last});
        ASSERT_TRUE(legs);
        expect_whole(outlook, *legs);
        EXPECT_LE(rehearse(outlook, *legs).makespan, bound * 1.02) << trials;
      }
}

TEST(LevelSchedule, SplitsAtMostTwiceForEverySlotButOne) {
  const Outlook outlook = standing_start({320, 20, 16, 12, 12, 11, 4, 4, 4}, 50);
  const auto legs = tightest_level_schedule(outlook, {});
  ASSERT_TRUE(legs);
  std::size_t count = 0;
  for (const auto& queue : *legs) count += queue.size();
  EXPECT_LE(count, 50u + 2 * 8);
}

TEST(LevelSchedule, RefusesAHorizonBelowTheBound) {
  const Outlook outlook = standing_start({4, 1}, 3);
  EXPECT_FALSE(
      level_schedule(outlook, {.order = Order::kLongestFirst, .horizon = outlook.bound() * 0.99}));
}

TEST(Schedules, CoverEveryIterationOfAnyState) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Outlook outlook = random_outlook(seed);
    const Legs list = list_schedule(outlook);
    expect_whole(outlook, list);
    EXPECT_FALSE(rehearse(outlook, list).hung);
    for (const Order order : {Order::kHomeFirst, Order::kLongestFirst})
      for (const bool fast_last : {true, false}) {
        const auto legs =
            tightest_level_schedule(outlook, {.order = order, .fast_last = fast_last});
        ASSERT_TRUE(legs) << seed;
        expect_whole(outlook, *legs);
        const RolloutResult result = rehearse(outlook, *legs);
        EXPECT_FALSE(result.hung) << seed;
        EXPECT_GE(result.makespan, outlook.bound() * (1 - 1e-9));
      }
  }
}

TEST(Rehearsal, WaitsForWhatRuns) {
  Outlook outlook = standing_start({10, 1}, 1);
  outlook.slots[1].free = 7;
  outlook.slots[1].trial = 0;
  outlook.trials[0] = {.done = 900, .target = 1000, .ready = 7, .home = 1, .work = 100};
  outlook.costs.move_seconds = 2;
  EXPECT_DOUBLE_EQ(rehearse(outlook, {{{0, 900, 1000}}, {}}).makespan, 7 + 2 + 10);
}

TEST(Outlook, ReachedIsTheInverseOfWork) {
  const Outlook outlook = standing_start({1}, 1, {.evaluation = 6.5});
  for (Steps to = 1; to <= 1000; to += 7)
    EXPECT_EQ(outlook.reached(0, 0, outlook.work(0, 0, to)), to);
  EXPECT_EQ(outlook.reached(0, 0, 50), 49);  // The evaluation is part of the 50th.
  EXPECT_EQ(outlook.reached(0, 30, 1e9), 1000);
}

}  // namespace
}  // namespace clavier::cluster::rules
