#include "sched/rungs.h"

#include <gtest/gtest.h>

#include <array>

namespace clavier::sched {
namespace {

std::vector<Steps> milestones(const AshaOptions& options) {
  const Rungs rungs(options);
  std::vector<Steps> steps;
  for (std::size_t i = 0; i < rungs.size(); ++i) steps.push_back(rungs.milestone(i));
  return steps;
}

TEST(Rungs, AreExactPowersBelowTheEnd) {
  using V = std::vector<Steps>;
  EXPECT_EQ(milestones({}), (V{1, 4, 16, 64}));
  EXPECT_EQ(milestones({.max_steps = 243, .reduction = 3}), (V{1, 3, 9, 27, 81}));
  EXPECT_EQ(milestones({.max_steps = 1000, .reduction = 10}), (V{1, 10, 100}));
  EXPECT_EQ(milestones({.max_steps = 60, .grace = 5, .reduction = 2}), (V{5, 10, 20, 40}));
}

TEST(Rungs, RoundAFractionalReductionAndDropEqualNeighbours) {
  EXPECT_EQ(milestones({.max_steps = 10, .reduction = 1.5}), (std::vector<Steps>{1, 2, 3, 5, 8}));
}

TEST(Rungs, DoNotExistWithoutRoomBelowTheEnd) {
  const Rungs rungs({.max_steps = 3, .grace = 3, .brackets = 4});
  EXPECT_EQ(rungs.size(), 0u);
  EXPECT_EQ(rungs.brackets(), 1);
  EXPECT_EQ(rungs.next(0, 0), 3);
}

TEST(Rungs, OfABracketLackTheLowestOnes) {
  const Rungs rungs({.brackets = 3});
  EXPECT_EQ(rungs.next(0, 0), 1);
  EXPECT_EQ(rungs.next(2, 0), 16);
  EXPECT_EQ(rungs.next(2, 16), 64);
  EXPECT_EQ(rungs.next(2, 64), 100);
  EXPECT_FALSE(rungs.reached(2, 15));
  EXPECT_EQ(rungs.reached(2, 63), 2u);
  EXPECT_EQ(rungs.reached(0, 3), 0u);
}

TEST(Rungs, NoMoreBracketsThanRungs) { EXPECT_EQ(Rungs({.brackets = 9}).brackets(), 4); }

TEST(Rungs, SharesTrialsAmongBracketsAsHyperBandDoes) {
  // (1, 100, 4) in three brackets: 5/5·4⁴, 5/4·4³, 5/3·4² trials of 362.7.
  const Rungs rungs({.brackets = 3});
  std::array<int, 3> count{};
  for (std::int64_t i = 0; i < 20000; ++i)
    ++count[static_cast<std::size_t>(draw_bracket(rungs.shares(), 5, TrialId{i}))];
  EXPECT_NEAR(count[0] / 20000.0, 256.0 / 362.67, 0.015);
  EXPECT_NEAR(count[1] / 20000.0, 80.0 / 362.67, 0.015);
  EXPECT_NEAR(count[2] / 20000.0, 26.67 / 362.67, 0.015);
}

TEST(Rungs, DrawTheSameBracketForTheSameTrial) {
  const Rungs rungs({.brackets = 3});
  for (std::int64_t i = 0; i < 50; ++i)
    EXPECT_EQ(draw_bracket(rungs.shares(), 9, TrialId{i}),
              draw_bracket(Rungs({.brackets = 3}).shares(), 9, TrialId{i}));
}

TEST(Survivors, AreTheWholePart) {
  EXPECT_EQ(survivors(3, 4), 0u);
  EXPECT_EQ(survivors(4, 4), 1u);
  EXPECT_EQ(survivors(9, 3), 3u);
  EXPECT_EQ(survivors(5, 2.5), 2u);
}

}  // namespace
}  // namespace clavier::sched
