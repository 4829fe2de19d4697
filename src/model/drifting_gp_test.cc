#include "model/drifting_gp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/rng.h"

namespace clavier::model {
namespace {

constexpr GpSettings kSettings{.variance = 2, .length_scale = 0.5, .decay = 0.3, .noise = 0.1};

double kernel(const GpPoint& a, const GpPoint& b) {
  const double d = a.x[0] - b.x[0];
  return 2 * std::exp(-d * d / 0.5) * std::pow(0.7, std::abs(a.time - b.time) / 2);
}

TEST(DriftingGp, ItsPosteriorOfTwoPointsIsThatOfTheFormula) {
  const GpPoint a{0, {0.2}}, b{1, {0.6}}, at{0.8, {0.5}};
  const double ya = 1, yb = -0.5;
  const DriftingGp gp({a, b}, std::vector{ya, yb}, kSettings);
  // The inverse of [[p, q], [q, p]].
  const double p = 2.1, q = kernel(a, b), det = p * p - q * q;
  const double ka = kernel(at, a), kb = kernel(at, b);
  const auto found = gp.at(at);
  EXPECT_NEAR(found.mean, (ka * (p * ya - q * yb) + kb * (p * yb - q * ya)) / det, 1e-12);
  EXPECT_NEAR(found.variance, 2 - (ka * (p * ka - q * kb) + kb * (p * kb - q * ka)) / det, 1e-12);
  const double fit = (ya * (p * ya - q * yb) + yb * (p * yb - q * ya)) / det;
  EXPECT_NEAR(gp.log_likelihood(), -fit / 2 - std::log(det) / 2 - std::log(2 * std::numbers::pi),
              1e-12);
}

TEST(DriftingGp, ItsSlopesAreThoseOfItsPredictions) {
  Rng rng(3);
  std::vector<GpPoint> points;
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) {
    points.push_back({rng.uniform(), {rng.uniform(), rng.uniform()}});
    values.push_back(rng.normal());
  }
  const DriftingGp gp(points, values, kSettings);
  const GpPoint at{0.9, {0.4, 0.7}};
  const auto here = gp.at(at);
  constexpr double kStep = 1e-6;
  for (std::size_t i = 0; i < 2; ++i) {
    GpPoint there = at;
    there.x[i] += kStep;
    EXPECT_NEAR(here.mean_slope[i], (gp.at(there).mean - here.mean) / kStep, 1e-4);
    EXPECT_NEAR(here.variance_slope[i], (gp.at(there).variance - here.variance) / kStep, 1e-4);
  }
}

TEST(DriftingGp, TheFitIsLikelierThanTheStartAndNoNeighbourIsLikelier) {
  Rng rng(5);
  std::vector<GpPoint> points;
  std::vector<double> values;
  for (int i = 0; i < 30; ++i) {
    points.push_back({i / 30.0, {rng.uniform()}});
    values.push_back(std::sin(4 * points.back().x[0]) + 0.1 * rng.normal());
  }
  const GpSettings fitted = fit_gp(points, values, {}, 100);
  const auto likelihood = [&](const GpSettings& settings) {
    return DriftingGp(points, values, settings).log_likelihood();
  };
  EXPECT_GT(likelihood(fitted), likelihood({}) + 5);
  EXPECT_NEAR(std::sqrt(fitted.noise), 0.1, 0.05);
  for (const double factor : {0.9, 1.1}) {
    GpSettings other = fitted;
    other.variance = std::min(1.0, other.variance * factor);
    EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-3);
    other = fitted;
    other.noise *= factor;
    EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-3);
    other = fitted;
    other.length_scale = std::min(1.0, other.length_scale * factor);
    EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-3);
    other = fitted;
    other.decay = std::min(0.5, other.decay * factor);
    EXPECT_LE(likelihood(other), likelihood(fitted) + 1e-3);
  }
}

}  // namespace
}  // namespace clavier::model
