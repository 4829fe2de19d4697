#include "model/matern_gp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/rng.h"

namespace clavier::model {
namespace {

const MaternSettings kSettings{.variance = 2, .noise = 0.1, .relevance = {3, 0.5, 1.5}};

double kernel(const std::vector<double>& a, const std::vector<double>& b) {
  const double r = std::sqrt(3 * std::pow(a[0] - b[0], 2) + 0.5 * std::pow(a[1] - b[1], 2) +
                             (a[2] == b[2] ? 0 : 1.5));
  const double root = std::sqrt(5.0) * r;
  return 2 * (1 + root + root * root / 3) * std::exp(-root);
}

/// The third coordinate has no order.
MaternData some_data(int count) {
  Rng rng(3);
  MaternData data{.unordered = {false, false, true}};
  for (int i = 0; i < count; ++i) {
    data.points.push_back({rng.uniform(), rng.uniform(), rng.below(2) ? 0.25 : 0.75});
    data.values.push_back(rng.normal());
  }
  return data;
}

TEST(MaternGp, ItsPosteriorOfTwoPointsIsThatOfTheFormula) {
  const std::vector<double> a{0.2, 0.3, 0.25}, b{0.6, 0.1, 0.75}, at{0.5, 0.5, 0.25};
  const double ya = 1, yb = -0.5;
  const MaternGp gp({{false, false, true}, {a, b}, {ya, yb}}, kSettings);
  // The inverse of [[p, q], [q, p]].
  const double p = 2.1, q = kernel(a, b), det = p * p - q * q;
  const double ka = kernel(at, a), kb = kernel(at, b);
  const auto found = gp.at(at);
  EXPECT_NEAR(found.mean, (ka * (p * ya - q * yb) + kb * (p * yb - q * ya)) / det, 1e-12);
  EXPECT_NEAR(found.variance, 2 - (ka * (p * ka - q * kb) + kb * (p * kb - q * ka)) / det, 1e-12);
  const double fit = (ya * (p * ya - q * yb) + yb * (p * yb - q * ya)) / det;
  EXPECT_NEAR(gp.log_likelihood(), -fit / 2 - std::log(det) / 2 - std::log(2 * std::numbers::pi),
              1e-12);
  EXPECT_NEAR(gp.least_mean(), gp.at(b).mean, 1e-12);
}

TEST(MaternGp, ItsSlopesAreThoseOfItsPredictions) {
  const MaternData data = some_data(12);
  const MaternGp gp(data, kSettings);
  for (const std::vector<double>& at : {std::vector{0.4, 0.7, 0.75}, data.points[0]}) {
    const auto here = gp.at(at);
    constexpr double kStep = 1e-5;
    for (std::size_t i = 0; i < 2; ++i) {
      auto above = at, below = at;
      above[i] += kStep, below[i] -= kStep;
      const auto up = gp.at(above), down = gp.at(below);
      EXPECT_NEAR(here.mean_slope[i], (up.mean - down.mean) / (2 * kStep), 1e-4);
      EXPECT_NEAR(here.variance_slope[i], (up.variance - down.variance) / (2 * kStep), 1e-4);
    }
    EXPECT_EQ(here.mean_slope[2], 0);
  }
}

TEST(MaternGp, ManyPointsAtOnceArePredictedAsOneByOne) {
  const MaternGp gp(some_data(12), kSettings);
  const auto points = some_data(30).points;
  const auto all = gp.at(points);
  ASSERT_EQ(all.size(), 30U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_NEAR(all[i].mean, gp.at(points[i]).mean, 1e-12);
    EXPECT_NEAR(all[i].variance, gp.at(points[i]).variance, 1e-12);
  }
}

TEST(MaternGp, TheFitFindsTheNoiseAndWhichCoordinatesMatter) {
  MaternData data = some_data(60);
  Rng rng(5);
  for (std::size_t i = 0; i < data.points.size(); ++i)
    data.values[i] = std::sin(6 * data.points[i][0]) + 0.1 * rng.normal();
  const MaternSettings fitted = fit_matern(data, 100);
  EXPECT_NEAR(std::sqrt(fitted.noise), 0.1, 0.05);
  EXPECT_GT(fitted.relevance[0], 5 * fitted.relevance[1]);
  EXPECT_GT(fitted.relevance[0], 5 * fitted.relevance[2]);
}

TEST(MaternGp, NoNeighbourOfTheFitIsLikelier) {
  MaternData data = some_data(40);
  for (std::size_t i = 0; i < data.points.size(); ++i)
    data.values[i] += std::sin(6 * data.points[i][0]) + data.points[i][2];
  const MaternSettings fitted = fit_matern(data, 200);
  const auto likelihood = [&](const MaternSettings& settings) {
    double prior = std::log(settings.variance) - settings.variance +
                   0.1 * std::log(settings.noise) - 30 * settings.noise;
    for (const double each : settings.relevance) prior -= 0.1 / each + 0.1 * each;
    return MaternGp(data, settings).log_likelihood() + prior;
  };
  for (const double factor : {0.95, 1.05}) {
    MaternSettings other = fitted;
    other.variance *= factor;
    EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-4);
    other = fitted;
    other.noise *= factor;
    EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-4);
    for (std::size_t i = 0; i < 3; ++i) {
      other = fitted;
      other.relevance[i] *= factor;
      EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-4);
    }
  }
}

TEST(LogExpectedImprovement, KnownCases) {
  // Where mean and best are equal it is the deviation times φ(0).
  EXPECT_NEAR(log_expected_improvement(1, 4, 1).value,
              std::log(2 / std::sqrt(2 * std::numbers::pi)), 1e-12);
  // Far below the best it is the difference.
  EXPECT_NEAR(log_expected_improvement(-50, 1, 0).value, std::log(50), 1e-12);
  // φ(1) − Φ(−1), from a table.
  EXPECT_NEAR(std::exp(log_expected_improvement(1, 1, 0).value), 0.0833154706, 1e-9);
  // Far above it falls as φ(z) / z², where the improvement itself has long been 0.
  EXPECT_NEAR(log_expected_improvement(100, 1, 0).value,
              -5000 - std::log(2 * std::numbers::pi) / 2 - 2 * std::log(100) - 3e-4, 1e-6);
}

TEST(LogExpectedImprovement, ItsSlopesAreDifferencesAndItIsContinuous) {
  constexpr double kStep = 1e-6;
  for (const double mean : {-3.0, 0.0, 2.0, 5.0, 9.0, 200.0}) {
    const auto here = log_expected_improvement(mean, 1.3, 0.2);
    const auto difference = [&](double up, double down) { return (up - down) / (2 * kStep); };
    EXPECT_NEAR(here.by_mean,
                difference(log_expected_improvement(mean + kStep, 1.3, 0.2).value,
                           log_expected_improvement(mean - kStep, 1.3, 0.2).value),
                1e-4 * std::abs(here.by_mean) + 1e-7);
    EXPECT_NEAR(here.by_variance,
                difference(log_expected_improvement(mean, 1.3 + kStep, 0.2).value,
                           log_expected_improvement(mean, 1.3 - kStep, 0.2).value),
                1e-4 * std::abs(here.by_variance) + 1e-7);
  }
  const auto before = log_expected_improvement(4 - 1e-9, 1, 0);
  const auto after = log_expected_improvement(4 + 1e-9, 1, 0);
  EXPECT_NEAR(before.value, after.value, 1e-7);
  EXPECT_NEAR(before.by_mean, after.by_mean, 1e-7);
}

}  // namespace
}  // namespace clavier::model
