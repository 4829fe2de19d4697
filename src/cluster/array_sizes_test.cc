#include "cluster/array_sizes.h"

#include <gtest/gtest.h>

#include <utility>

namespace clavier::cluster {
namespace {

class ArraySizesTest : public testing::Test {
 protected:
  static constexpr bool kLearned = true;

  void begin(std::int64_t launch, std::int64_t size, const std::string& kind = "a") {
    Launch started{.id = LaunchId{launch}};
    for (std::int64_t i = 0; i < size; ++i) started.members.push_back({.trial = TrialId{i}});
    sizes_.begin(started, kind);
  }
  void feed(Signal signal) {
    sizes_.apply(Turn{.id = StepId{0}, .time = {}, .input = std::move(signal)});
  }
  void report(std::int64_t launch, std::int64_t trial, Steps step, double seconds) {
    feed(Reported{
        {{.trial = TrialId{trial}, .launch = LaunchId{launch}, .step = step, .seconds = seconds}}});
  }
  void exits(std::int64_t launch, std::int64_t trial, std::string error = {}) {
    const ExitKind kind = error.empty() ? ExitKind::kStopped : ExitKind::kFailed;
    feed(Exited{TrialId{trial}, LaunchId{launch}, kind, std::move(error)});
  }
  /// An array of that size, whose trials report twice, each step after so many seconds.
  void run(std::int64_t size, double seconds, const std::string& kind = "a") {
    begin(next_, size, kind);
    for (const Steps step : {1, 2})
      for (std::int64_t trial = 0; trial < size; ++trial) report(next_, trial, step, seconds);
    feed(LaunchEnded{LaunchId{next_++}});
  }
  std::int64_t next(const std::string& kind = "a", std::int64_t most = 64) const {
    return sizes_.members(kind, most, kLearned);
  }

  ArraySizes sizes_;
  std::int64_t next_ = 0;
};

TEST_F(ArraySizesTest, GrowsAsLongAsMoreDoMoreInTotal) {
  EXPECT_EQ(next(), 1);
  run(1, 1);
  EXPECT_EQ(next(), 2);
  run(2, 1.2);
  EXPECT_EQ(next(), 4);
  run(4, 2);
  EXPECT_EQ(next(), 8);
  EXPECT_EQ(next("a", 6), 4) << "never above the limit";
  run(8, 4.1);
  EXPECT_EQ(next(), 4) << "eight do less than four";
  run(8, 4.1);
  EXPECT_EQ(next(), 4);
  EXPECT_DOUBLE_EQ(sizes_.rate("a", 4), 2);
  EXPECT_EQ(sizes_.largest(64, kLearned), 4);
}

TEST_F(ArraySizesTest, EachKindByItself) {
  run(1, 1);
  run(1, 1, "b");
  run(2, 3, "b");
  EXPECT_EQ(next("a"), 2);
  EXPECT_EQ(next("b"), 1);
  EXPECT_EQ(next("c"), 1);
  EXPECT_EQ(sizes_.largest(64, kLearned), 2);
}

TEST_F(ArraySizesTest, SlotsOfUnequalSpeedLearnTogether) {
  Launch fast{.id = LaunchId{0}, .members = {{.trial = TrialId{0}}}};
  sizes_.begin(fast, "a", 4);
  for (const Steps step : {1, 2}) report(0, 0, step, 0.25);
  EXPECT_DOUBLE_EQ(sizes_.rate("a", 1), 1);
}

TEST_F(ArraySizesTest, WhatShrinksMeasuresWhatIsLeft) {
  begin(0, 3);
  for (const std::int64_t trial : {0, 1, 2}) report(0, trial, 1, 9);
  EXPECT_EQ(sizes_.rate("a", 2), 0) << "the first report holds the start";
  report(0, 0, 2, 1);
  EXPECT_DOUBLE_EQ(sizes_.rate("a", 2), 3);
  exits(0, 1);
  exits(0, 2);
  report(0, 0, 4, 4);
  EXPECT_DOUBLE_EQ(sizes_.rate("a", 1), 0.5);
  EXPECT_EQ(sizes_.began_with(LaunchId{0}), 3u);
}

TEST_F(ArraySizesTest, WhatRanOutOfMemoryIsHalvedForGood) {
  begin(0, 4);
  for (const std::int64_t trial : {0, 1, 2, 3}) exits(0, trial, "out of memory: no 3 GB");
  EXPECT_EQ(sizes_.members("a", 8, false), 2);
  EXPECT_EQ(sizes_.members("b", 8, false), 8);
  begin(1, 1, "b");
  exits(1, 0, "out of memory");
  EXPECT_EQ(sizes_.members("b", 8, false), 8) << "that is the trial's own affair";
}

TEST_F(ArraySizesTest, StrangersTakeOversAndTheDeadDoNotCount) {
  report(9, 0, 5, 1);
  begin(0, 1);
  for (const Steps step : {4, 2}) report(0, 0, step, 1);
  report(0, 5, 8, 1);
  EXPECT_EQ(sizes_.rate("a", 1), 0);
  sizes_.apply(Turn{.id = StepId{0}, .time = {}, .input = Opened{}});
  report(0, 0, 9, 1);
  EXPECT_EQ(sizes_.rate("a", 1), 0);
}

}  // namespace
}  // namespace clavier::cluster
