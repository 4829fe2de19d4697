#include "sched/ray/median.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace clavier::sched {
namespace {

const Objective kLoss{"loss", Mode::kMin};

void replay(const nlohmann::json& test) {
  const Objective objective{"loss", golden::mode(test)};
  RayMedian median(objective, {.axis = test.at("axis") == "steps" ? Axis::kSteps : Axis::kSeconds,
                               .grace_period = test.at("grace"),
                               .min_samples_required = test.at("min_samples"),
                               .min_time_slice = test.at("slice"),
                               .hard_stop = test.at("hard")});
  const std::int64_t trials = test.at("trials");
  Desk desk(median, objective, trials);
  for (std::int64_t i = 0; i < trials; ++i) desk.create();
  for (const auto& event : test.at("events")) {
    const TrialId trial{event[0].get<std::int64_t>()};
    if (event[1] == "start") {
      desk.launch(trial, desk.state().trial(trial).step + 1);
      continue;
    }
    if (event[1] == "complete") {
      desk.exit(trial, ExitKind::kCompleted);
      continue;
    }
    const auto decision = desk.report(trial, event[1], golden::value(event[3]), event[2]);
    ASSERT_EQ(golden::letter(decision), event[4].get<std::string>()) << event;
    if (golden::letter(decision) == "P") desk.exit(trial, ExitKind::kPaused);
    if (golden::letter(decision) == "S") desk.exit(trial, ExitKind::kStopped);
  }
}

TEST(RayMedian, DecidesAsRayDid) {
  const auto golden = golden::read("median.json");
  ASSERT_EQ(golden.at("cases").size(), 30u);
  for (std::size_t i = 0; i < 30; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    replay(golden.at("cases")[i]);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(RayMedian, AddsUpInNumpysOrder) {
  std::vector<double> values;
  for (int i = 0; i < 300; ++i) values.push_back(i * 37 % 101 / 7.0);
  EXPECT_EQ(numpy_mean(values.data(), 7), 5.551020408163265);
  EXPECT_EQ(numpy_mean(values.data(), 100), 7.122857142857144);
  EXPECT_EQ(numpy_mean(values.data(), 129), 7.099667774086378);
  EXPECT_EQ(numpy_mean(values.data(), 300), 7.127619047619049);
}

TEST(RayMedian, OnlyATrialThatEndsByItselfHasItsLastReportCountedTwice) {
  RayMedian median(kLoss, {.axis = Axis::kSteps, .grace_period = 0, .min_samples_required = 1});
  Desk desk(median, kLoss, 0);
  const TrialId told = desk.start(1);
  desk.report(told, 1, 1);
  desk.report(told, 2, 9);
  desk.take(Signal{Deadline{}}, {{Complete{told}, "its time is up"}});
  desk.exit(told, ExitKind::kCompleted);
  EXPECT_TRUE(is<Stop>(desk.report(desk.start(1), 2, 5.5))) << "the mean is 5, not 6.3";
}

TEST(RayMedian, NewTrialsRunBeforePausedOnes) {
  RayMedian median(kLoss, {.axis = Axis::kSteps, .grace_period = 0});
  Desk desk(median, kLoss, 2);
  const TrialId first = desk.start(1);
  ASSERT_TRUE(is<Pause>(desk.report(first, 1, 1)));
  desk.exit(first, ExitKind::kPaused);
  const auto next = median.next(desk.state(), 5);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<New>(next[0]));
  EXPECT_EQ(std::get<Resume>(next[1]).trial, first);
}

}  // namespace
}  // namespace clavier::sched
