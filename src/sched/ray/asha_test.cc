#include "sched/ray/asha.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "tests/support/golden.h"

namespace clavier::sched {
namespace {

const Objective kLoss{"loss", Mode::kMin};

/// The same reports, the same decisions; and a worker that runs freely to its `until` misses none
/// (a retried one, which repeats steps, may be judged before it).
void replay(const nlohmann::json& test) {
  const Objective objective{"loss", golden::mode(test)};
  RayAsha asha(objective,
               {.max_t = test.at("max_t"),
                .grace_period = test.at("grace"),
                .reduction_factor = test.at("rf"),
                .brackets = test.at("brackets"),
                .stop_last_trials = test.at("stop_last")},
               1);
  Desk desk(asha, objective);
  std::map<TrialId, bool> ever_repeated;
  for (const auto& bracket : test.at("bracket")) desk.start(1, bracket);
  for (const auto& event : test.at("events")) {
    const TrialId trial{event[0].get<std::int64_t>()};
    if (event[1] == "complete") {
      desk.exit(trial, ExitKind::kCompleted);
      continue;
    }
    const Steps step = event[1], until = desk.state().trial(trial).until;
    const bool repeated = step <= desk.state().trial(trial).step;
    const auto decision = desk.report(trial, step, golden::value(event[2]));
    ASSERT_EQ(golden::letter(decision), event[3].get<std::string>()) << event;
    ever_repeated[trial] |= repeated;
    const bool waited = step >= until || ever_repeated[trial];
    ASSERT_TRUE(waited || golden::letter(decision) == "C") << "it did not wait";
    ASSERT_TRUE(step < until || decision) << "it waits without an answer";
  }
}

TEST(RayAsha, DecidesAsRayDid) {
  const auto golden = golden::read("asha.json");
  ASSERT_EQ(golden.at("cases").size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    replay(golden.at("cases")[i]);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(RayAsha, LosesAnExactTopRungToRounding) {
  // ln 243 / ln 3 falls just short of 5: no rung at 243, which max_t hides.
  RayAsha asha(kLoss, {.max_t = 243, .reduction_factor = 3}, 1);
  Desk desk(asha, kLoss);
  EXPECT_EQ(until(desk.report(desk.start(81), 81, 1)), 82) << "27 was skipped and comes next";
  const TrialId trial = desk.start(1);
  for (const Steps step : {1, 3, 9, 27}) desk.report(trial, step, 1);
  EXPECT_EQ(until(desk.report(trial, 81, 1)), 243);
}

TEST(RayAsha, ATrialToldToEndIsNotRecordedOnceMore) {
  RayAsha asha(kLoss, {.max_t = 5, .reduction_factor = 2}, 1);  // rungs 1, 2, 4
  Desk desk(asha, kLoss);
  const TrialId first = desk.start(5);
  ASSERT_TRUE(is<Complete>(desk.report(first, 5, 1)));
  desk.exit(first, ExitKind::kCompleted);
  EXPECT_TRUE(is<Continue>(desk.report(desk.start(4), 4, 9))) << "alone at rung 4";
}

TEST(RayAsha, DrawsBracketsBySoftmaxOfTheirRungs) {
  RayAsha asha(kLoss, {.brackets = 3}, 7);
  Desk desk(asha, kLoss);
  std::array<int, 3> count{};
  for (const Runnable& runnable : asha.next(desk.state(), 20000))
    ++count[static_cast<std::size_t>(std::get<New>(runnable).bracket)];
  EXPECT_NEAR(count[0] / 20000.0, 0.665, 0.015);
  EXPECT_NEAR(count[1] / 20000.0, 0.245, 0.015);
  EXPECT_NEAR(count[2] / 20000.0, 0.090, 0.015);
}

TEST(Percentile, InterpolatesAsNumpyDoes) {
  Ranking three, one;
  for (std::int64_t i = 0; i < 3; ++i) three.insert({0.1 * static_cast<double>(i), TrialId{i}});
  one.insert({0.7, TrialId{0}});
  EXPECT_EQ(percentile(three, 75), 0.15000000000000002);
  EXPECT_EQ(percentile(three, 100), 0.2);
  EXPECT_EQ(percentile(three, 10), 0.020000000000000004);
  EXPECT_EQ(percentile(one, 75), 0.7);
}

}  // namespace
}  // namespace clavier::sched
