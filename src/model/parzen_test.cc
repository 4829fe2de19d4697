#include "model/parzen.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clavier::model {
namespace {

const double kNone = std::nan("");

Axis real() { return {}; }
Axis levels(int count) {
  Axis axis{Axis::Kind::kLevels};
  for (int i = 0; i <= count; ++i) axis.edges.push_back(static_cast<double>(i) / count);
  return axis;
}
Axis choice(int count) {
  Axis axis = levels(count);
  axis.kind = Axis::Kind::kChoice;
  return axis;
}

Parzen density(const std::vector<Axis>& axes, const std::vector<std::vector<double>>& points) {
  return {axes, {points.begin(), points.end()}, 1, 1e-3};
}

TEST(Parzen, ItsDensityIntegratesToOneOverRealsAndCells) {
  const std::vector<Axis> axes{real(), levels(5), choice(3)};
  const auto parzen = density(axes, {{0.1, 0.3, 0.5}, {0.15, 0.9, 0.1}, {0.8, kNone, kNone}});
  constexpr int kSteps = 2000;
  double sum = 0;
  for (int level = 0; level < 5; ++level)
    for (int option = 0; option < 3; ++option) {
      std::vector<std::vector<double>> points;
      for (int i = 0; i < kSteps; ++i)
        points.push_back({(i + 0.5) / kSteps, axes[1].middle(static_cast<std::size_t>(level)),
                          axes[2].middle(static_cast<std::size_t>(option))});
      for (const double each : parzen.log_density(points)) sum += std::exp(each) / kSteps;
    }
  EXPECT_NEAR(sum, 1, 1e-3);
}

TEST(Parzen, ItsDensityIsTheFormulasOnOneRealAxis) {
  const std::vector<Axis> axes{real()};
  const auto parzen = density(axes, {{0.25}, {0.75}});
  const auto below = [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; };
  const auto kernel = [&](double x, double centre) {  // as wide as the gap
    const double z = (x - centre) / 0.5;
    return std::exp(-z * z / 2) / (0.5 * std::sqrt(2 * 3.141592653589793)) /
           (below((1 - centre) / 0.5) - below(-centre / 0.5));
  };
  const double expected = (1 + kernel(0.4, 0.25) + kernel(0.4, 0.75)) / 3;
  EXPECT_NEAR(std::exp(parzen.log_density({{0.4}})[0]), expected, 1e-4);
}

TEST(Parzen, DrawsFollowTheDensity) {
  const std::vector<Axis> axes{real(), choice(4)};
  const auto parzen = density(axes, {{0.1, 0.1}, {0.12, 0.1}, {0.14, 0.4}});
  Rng rng(7);
  constexpr int kDraws = 20'000;
  int low = 0, first = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto point = parzen.draw(rng);
    ASSERT_TRUE(point[0] >= 0 && point[0] < 1);
    low += point[0] < 0.5;
    first += axes[1].cell(point[1]) == 0;
  }
  std::vector<std::vector<double>> lower, cell;
  constexpr int kSteps = 1000;
  for (int i = 0; i < kSteps; ++i) {
    lower.push_back({(i + 0.5) / kSteps / 2, kNone});
    cell.push_back({kNone, 0.125});
  }
  double mass = 0;
  for (const double each : parzen.log_density(lower)) mass += std::exp(each) / kSteps / 2;
  EXPECT_NEAR(static_cast<double>(low) / kDraws, mass, 0.015);
  EXPECT_NEAR(static_cast<double>(first) / kDraws, std::exp(parzen.log_density(cell)[0]), 0.015);
}

TEST(Parzen, APointWithoutACoordinateSaysNothingAboutIt) {
  const std::vector<Axis> axes{real(), real()};
  const auto parzen = density(axes, {{0.5, kNone}});
  const auto at = parzen.log_density({{0.5, 0.1}, {0.5, 0.9}, {0.5, kNone}});
  EXPECT_NEAR(at[0], at[1], 1e-6);
  EXPECT_NEAR(at[0], at[2], 1e-6) << "uniform there: the density of what exists";
}

TEST(Parzen, WithoutPointsItIsUniform) {
  const std::vector<Axis> axes{real(), levels(4)};
  const auto parzen = density(axes, {});
  const auto at = parzen.log_density({{0.1, 0.1}, {0.9, 0.9}});
  EXPECT_NEAR(at[0], std::log(0.25), 1e-6);
  EXPECT_NEAR(at[1], std::log(0.25), 1e-6);
}

}  // namespace
}  // namespace clavier::model
