#include "model/importance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/rng.h"

namespace clavier::model {
namespace {

Axis choice(int cells) {
  Axis axis{Axis::Kind::kChoice};
  for (int i = 0; i <= cells; ++i) axis.edges.push_back(double(i) / cells);
  return axis;
}
double cell(int index, int cells) { return (index + 0.5) / cells; }

const ImportanceOptions kPlain{.resamples = 0};

/// A hundred points, of which the ten best lie all in one half of the first axis, and `in_half` of
/// them in one of the second.
Evaluations halves(int in_half) {
  Evaluations all{{choice(2), choice(2)}};
  for (int i = 0; i < 100; ++i) {
    const bool top = i < 10;
    const int first = top ? 0 : i < 50 ? 0 : 1;
    const int second = top ? (i < in_half ? 0 : 1) : (i - 10 < 50 - in_half ? 0 : 1);
    all.points.push_back({cell(first, 2), cell(second, 2)});
    all.values.push_back(i);
  }
  return all;
}

/// With one point of the prior, of ten points m in the half: p = (m + 1/2) / 11 against 1/2, and
/// the divergence is (2p − 1)².
double divergence(double in_half) { return std::pow(2 * (in_half + 0.5) / 11 - 1, 2); }

TEST(PedAnova, IsTheDivergenceOfTheBestTenthFromAll) {
  for (const int in_half : {5, 6, 8}) {
    const auto found = ped_anova(halves(in_half), kPlain);
    const double first = divergence(10), second = divergence(in_half);
    EXPECT_NEAR(found.axes[0].value, first / (first + second), 1e-12) << in_half;
    EXPECT_NEAR(found.axes[1].value, second / (first + second), 1e-12) << in_half;
  }
}

TEST(PedAnova, OnlyTheOrderOfValuesMatters) {
  Evaluations all = halves(7);
  const auto before = ped_anova(all, kPlain);
  for (double& value : all.values) value = std::exp(value / 3);
  EXPECT_EQ(ped_anova(all, kPlain).axes[0].value, before.axes[0].value);
}

TEST(PedAnova, WhatFewPointsHaveCountsByHowManyOfAllAndOfTheBestThereAre) {
  Evaluations all = halves(8);
  all.axes.push_back(choice(2));
  // As the first axis, but for those points alone that are in the first half of the second.
  for (auto& point : all.points) point.push_back(point[1] < 0.5 ? point[0] : std::nan(""));
  const auto found = ped_anova(all, kPlain);
  // Fifty points have it, 48 of them in the half; of the ten best there are eight, all there.
  const double good = 8.5 / 9, usual = 48.5 / 51;
  const double there = std::pow(good - usual, 2) * (1 / usual + 1 / (1 - usual));
  EXPECT_NEAR(found.axes[2].value / found.axes[0].value, 0.8 * 0.8 / 0.5 * there / divergence(10),
              1e-9);
}

/// Reals: a steep parameter, a flat one, noise.
Evaluations bowl(std::size_t points, double flat) {
  Evaluations all{{Axis{}, Axis{}, Axis{}}};
  Rng rng = Rng::keyed(7, std::uint64_t{points});
  for (std::size_t i = 0; i < points; ++i) {
    all.points.push_back({rng.uniform(), rng.uniform(), rng.uniform()});
    const auto& x = all.points.back();
    all.values.push_back(std::pow(x[0] - 0.3, 2) + flat * std::pow(x[1] - 0.6, 2));
  }
  return all;
}

TEST(PedAnova, FindsTheSteepParameterAndAnIntervalAroundIt) {
  const auto found = ped_anova(bowl(300, 0.05));
  EXPECT_GT(found.axes[0].value, 0.7);
  EXPECT_GT(found.axes[0].value, found.axes[1].value);
  for (const Share& share : found.axes) {
    EXPECT_LE(share.low, share.high);
    EXPECT_GE(share.low, 0);
    EXPECT_LE(share.high, 1);
  }
  EXPECT_LT(found.axes[0].low, found.axes[0].value);
}

TEST(PedAnova, AmongTheBestHalfAnotherParameterMayMatter) {
  // The first one decides between the halves, the second one within the better half.
  Evaluations all{{Axis{}, Axis{}}};
  Rng rng = Rng::keyed(3);
  for (int i = 0; i < 400; ++i) {
    all.points.push_back({rng.uniform(), rng.uniform()});
    const auto& x = all.points.back();
    all.values.push_back(x[0] < 0.5 ? 0.1 * x[1] : 1 + x[0]);
  }
  ImportanceOptions options = kPlain;
  options.quantile = 0.5;
  const auto best = ped_anova(all, options);
  EXPECT_GT(best.axes[1].value, 0.9);
}

/// Every combination of two choices of two, with these effects, thirty times.
Evaluations table(double first, double second, double together) {
  Evaluations all{{choice(2), choice(2)}};
  for (int i = 0; i < 120; ++i) {
    const int a = i % 2, b = i / 2 % 2;
    all.points.push_back({cell(a, 2), cell(b, 2)});
    all.values.push_back(first * (2 * a - 1) + second * (2 * b - 1) +
                         together * (2 * a - 1) * (2 * b - 1));
  }
  return all;
}

TEST(Fanova, IsTheDecompositionOfVarianceWhereTreesAreExact) {
  const auto found = fanova(table(3, 2, 1));
  EXPECT_NEAR(found.axes[0].value, 9.0 / 14, 1e-9);
  EXPECT_NEAR(found.axes[1].value, 4.0 / 14, 1e-9);
  EXPECT_NEAR(found.together, 1.0 / 14, 1e-9);
  EXPECT_NEAR(found.axes[0].low, 9.0 / 14, 1e-9);
}

TEST(Fanova, OfRealsComesNearTheIntegral) {
  // (x − 0.3)² has the variance 4/45 − … in closed form: E f² − (E f)².
  const auto moment = [](double c, int power) {
    return (std::pow(1 - c, power + 1) - std::pow(-c, power + 1)) / (power + 1);
  };
  const auto variance = [&](double c) { return moment(c, 4) - std::pow(moment(c, 2), 2); };
  const double first = variance(0.3), second = 0.25 * variance(0.6);
  const auto found = fanova(bowl(1000, 0.5));
  EXPECT_NEAR(found.axes[0].value, first / (first + second), 0.05);
  EXPECT_NEAR(found.axes[1].value, second / (first + second), 0.05);
  EXPECT_LT(found.axes[2].value, 0.02);
}

TEST(Fanova, WhatDoesNotExistIsToldApartAndHasNoPartOfItsOwn) {
  Evaluations all = bowl(400, 0);
  for (std::size_t i = 0; i < all.points.size(); i += 2) {
    all.points[i][1] = std::nan("");
    all.values[i] += 1;
  }
  const auto found = fanova(all);
  // Inside the cube, where the second exists, only the first matters.
  EXPECT_GT(found.axes[0].value, 0.9);
}

TEST(Fanova, ValuesBeyondTheQuantileCountAsEqual) {
  Evaluations all = table(1, 1, 0);
  for (std::size_t i = 0; i < all.points.size(); ++i)
    if (all.points[i][0] > 0.5) all.values[i] += 1000;
  EXPECT_GT(fanova(all).axes[0].value, 0.99);
  ImportanceOptions options;
  options.quantile = 0.45;
  const auto best = fanova(all, options);
  // Left are 0 (a quarter), and thrice the same: main effects 1/3 each, and as much together.
  EXPECT_NEAR(best.axes[1].value, 1.0 / 3, 0.02);
}

TEST(Fanova, OfEqualValuesIsNothing) {
  Evaluations all = table(0, 0, 0);
  const auto found = fanova(all);
  EXPECT_EQ(found.axes[0].value, 0);
  EXPECT_EQ(found.together, 0);
}

}  // namespace
}  // namespace clavier::model
