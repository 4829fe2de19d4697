#include "model/cma.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace clavier::model {
namespace {

/// A narrow valley that is not along the axes.
double valley(std::span<const double> x) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i)
    sum += 100 * std::pow(x[i + 1] - x[i], 2) + std::pow(x[i] - 0.4, 2);
  return sum;
}

/// The best value of so many generations of its own draws.
double best_of(Cma& cma, int generations, std::uint64_t seed) {
  Rng rng(seed);
  const std::vector<double> free(cma.mean().size(), 0);
  double best = 1e300;
  for (int generation = 0; generation < generations; ++generation) {
    std::vector<std::vector<double>> points;
    while (points.size() < cma.population()) points.push_back(cma.draw(rng, free));
    std::ranges::sort(points, {}, [](const auto& point) { return valley(point); });
    best = std::min(best, valley(points.front()));
    cma.tell({points.begin(), points.end()});
  }
  return best;
}

TEST(Cma, FindsTheBottomOfAValleyThatIsNotAlongTheAxes) {
  const std::vector<double> start(5, 0.9);
  Cma cma(start, {});
  EXPECT_LT(best_of(cma, 250, 1), 1e-8);
}

TEST(Cma, TheSeparableOneLearnsVariancesOnly) {
  const std::vector<double> start(5, 0.9);
  Cma whole(start, {}), separable(start, {.separable = true});
  const double joint = best_of(whole, 60, 2);
  EXPECT_LT(joint, best_of(separable, 60, 2));
}

TEST(Cma, EveryDrawLiesInTheCube) {
  const std::vector<double> corner(3, 0.999);
  Cma cma(corner, {.sigma = 0.8});
  Rng rng(3);
  const std::vector<double> free(3, 0);
  for (int i = 0; i < 1000; ++i)
    for (const double x : cma.draw(rng, free)) ASSERT_TRUE(x >= 0 && x < 1) << x;
}

TEST(Cma, HavingConvergedItSaysSoAndStillVariesWhatHasAMargin) {
  const std::vector<double> start(2, 0.5);
  Cma cma(start, {});
  std::vector<std::vector<double>> same(cma.population(), start);
  for (int i = 0; i < 2000 && !cma.converged(); ++i) cma.tell({same.begin(), same.end()});
  EXPECT_TRUE(cma.converged());
  Rng rng(4);
  const std::vector<double> margin{0.1, 0};
  double square = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto point = cma.draw(rng, margin);
    EXPECT_NEAR(point[1], 0.5, 1e-6);
    square += std::pow(point[0] - 0.5, 2) / 1000;
  }
  EXPECT_NEAR(std::sqrt(square), 0.1, 0.01);
}

TEST(Cma, APointFromElsewhereMovesItNoFurtherThanALikelyDraw) {
  const std::vector<double> start(2, 0.5), far{0.99, 0.5};
  Cma cma(start, {.sigma = 0.01});
  std::vector<std::vector<double>> points(cma.population(), start);
  points.front() = far;
  cma.tell({points.begin(), points.end()});
  EXPECT_GT(cma.mean()[0], 0.5);
  EXPECT_LT(cma.mean()[0], 0.55);
}

}  // namespace
}  // namespace clavier::model
