#include "study/pareto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace clavier {
namespace {

/// Whole numbers from 0 to 5, so that there are ties and repetitions.
std::vector<Scores> drawn(Rng& rng, std::size_t count, std::size_t objectives) {
  std::vector<Scores> points(count, Scores(objectives));
  for (Scores& point : points)
    for (double& each : point) each = static_cast<double>(rng.below(6));
  return points;
}

/// Front after front is taken away.
std::vector<std::size_t> peeled(const std::vector<Scores>& points) {
  std::vector<std::size_t> front(points.size(), points.size());
  for (std::size_t rank = 0; rank < points.size(); ++rank) {
    std::vector<std::size_t> now;
    for (std::size_t i = 0; i < points.size(); ++i) {
      bool stands = front[i] == points.size();
      for (std::size_t j = 0; j < points.size() && stands; ++j)
        stands = front[j] != points.size() || !dominates(points[j], points[i]);
      if (stands) now.push_back(i);
    }
    for (const std::size_t i : now) front[i] = rank;
  }
  return front;
}

/// Cells of size 1 that a point dominates.
double counted(const std::vector<Scores>& points, const Scores& reference) {
  std::vector<std::size_t> cell(reference.size());
  double volume = 0;
  while (true) {
    volume += std::ranges::any_of(points, [&](const Scores& point) {
      for (std::size_t i = 0; i < cell.size(); ++i)
        if (point[i] > static_cast<double>(cell[i])) return false;
      return true;
    });
    std::size_t axis = 0;
    while (axis < cell.size() && static_cast<double>(++cell[axis]) == reference[axis])
      cell[axis++] = 0;
    if (axis == cell.size()) return volume;
  }
}

TEST(Pareto, DominatesWhoIsNowhereWorseAndSomewhereBetter) {
  EXPECT_TRUE(dominates({1, 2}, {1, 3}));
  EXPECT_FALSE(dominates({1, 2}, {1, 2}));
  EXPECT_FALSE(dominates({1, 4}, {2, 3}));
}

TEST(Pareto, FrontsAreThoseThatPeelingGives) {
  Rng rng(1);
  for (const std::size_t objectives : {1U, 2U, 3U, 4U})
    for (int round = 0; round < 50; ++round) {
      const auto points = drawn(rng, rng.below(40), objectives);
      EXPECT_EQ(fronts(points), peeled(points));
    }
}

TEST(Pareto, HypervolumeIsTheNumberOfDominatedCells) {
  Rng rng(2);
  for (const std::size_t objectives : {1U, 2U, 3U, 4U})
    for (int round = 0; round < 20; ++round) {
      const auto points = drawn(rng, rng.below(12), objectives);
      const Scores reference(objectives, 5);
      EXPECT_NEAR(hypervolume(points, reference), counted(points, reference), 1e-9);
    }
}

TEST(Pareto, ThoseAlikeAndTheEndsAreCrowdedAndNotCrowded) {
  const std::vector<Scores> front{{0, 4}, {1, 2}, {1, 2}, {4, 0}};
  const auto apart = crowding(front);
  EXPECT_TRUE(std::isinf(apart[0]) && std::isinf(apart[3]));
  EXPECT_DOUBLE_EQ(apart[1], 0.25 + 0.5) << "a neighbour on each side, one of them at its place";
  EXPECT_DOUBLE_EQ(apart[2], 0.75 + 0.5);
  EXPECT_EQ(crowding(std::vector<Scores>{{1, 1}, {1, 1}}), (std::vector<double>{0, 0}));
}

TEST(Pareto, TheReferenceIsATenthOfTheRangeBeyondTheWorst) {
  const Scores found = reference_point(std::vector<Scores>{{0, -4, 0}, {10, -4, 0}});
  EXPECT_DOUBLE_EQ(found[0], 11);
  EXPECT_DOUBLE_EQ(found[1], -3.6);
  EXPECT_DOUBLE_EQ(found[2], 1);
}

TEST(Pareto, TheBestComeFrontByFrontAndWhereNotAllHaveRoomByTies) {
  // 0, 2 and 4 dominate the others; 2 lies beside 0.
  const std::vector<Scores> points{{0, 10}, {1, 10}, {0.1, 9.9}, {5, 9}, {5, 0}};
  EXPECT_EQ(best_of(points, 9, Ties::kCrowding), (std::vector<std::size_t>{0, 4, 2, 1, 3}));
  EXPECT_EQ(best_of(points, 2, Ties::kCrowding), (std::vector<std::size_t>{0, 4}));
  EXPECT_EQ(best_of(points, 1, Ties::kHypervolume), (std::vector<std::size_t>{2}));
  EXPECT_TRUE(best_of({}, 3, Ties::kHypervolume).empty());
}

TEST(Pareto, ChoiceByVolumeTakesTheGreatestGainEachTime) {
  Rng rng(3);
  for (int round = 0; round < 30; ++round) {
    std::vector<Scores> front;
    for (Scores& each : drawn(rng, 30, 3))
      if (std::ranges::none_of(front, [&](auto& other) { return other == each; }))
        front.push_back(std::move(each));
    const auto of = peeled(front);
    std::vector<Scores> first;
    for (std::size_t i = 0; i < front.size(); ++i)
      if (of[i] == 0) first.push_back(front[i]);
    if (first.size() < 3) continue;
    const Scores reference = reference_point(first);
    std::vector<Scores> chosen;
    for (const std::size_t i : best_of(first, first.size() - 1, Ties::kHypervolume)) {
      const auto with = [&](const Scores& each) {
        auto more = chosen;
        more.push_back(each);
        return hypervolume(more, reference);
      };
      for (const Scores& other : first) EXPECT_GE(with(first[i]), with(other) - 1e-9);
      chosen.push_back(first[i]);
    }
  }
}

}  // namespace
}  // namespace clavier
