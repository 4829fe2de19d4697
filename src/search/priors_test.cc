#include "search/priors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "search/cmaes.h"
#include "search/gp.h"
#include "search/random.h"
#include "search/sobol.h"
#include "search/tpe.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

/// Thinks that (0.9, 0.9) is good, or what is said.
Space hopeful(double x = 0.9, double strength = 1) {
  Space space = plane();
  space.parameters[0].prior = Prior{x, strength};
  space.parameters[1].prior = Prior{0.9, strength};
  return space;
}

template <typename Kind>
SearchedStudy study_of(Space space) {
  return SearchedStudy(std::make_unique<Kind>(std::move(space), 1));
}

template <typename Kind>
class WithPrior : public testing::Test {};
using Kinds = testing::Types<RandomSearch, SobolSearch, TpeSearch, GpSearch, CmaesSearch>;
TYPED_TEST_SUITE(WithPrior, Kinds);

TYPED_TEST(WithPrior, ItsValuesAreTriedOnceBehindPointsAndRequests) {
  Space space = hopeful();
  space.points = {config_of({{"x", 0.25}})};
  auto study = study_of<TypeParam>(space);
  study.request(config_of({{"y", 0.5}}));
  study.ask(3);
  for (int i = 0; i < 10; ++i) study.ask(1);
  const auto configs = study.configs();
  EXPECT_EQ(number(configs[0], "y"), 0.5);
  EXPECT_EQ(number(configs[1], "x"), 0.25);
  EXPECT_EQ(number(configs[2], "x"), 0.9);
  EXPECT_EQ(number(configs[2], "y"), 0.9);
  for (std::size_t i = 3; i < configs.size(); ++i)
    EXPECT_FALSE(same_config(configs[i], configs[2])) << i;
}

TYPED_TEST(WithPrior, WhatTheyDoNotSayIsDrawnUntilTheConstraintsHold) {
  Space space = plane();
  space.parameters[0].prior = Prior{0.5};
  space.constraints = {"x + y > 1.3"};
  auto study = study_of<TypeParam>(space);
  study.ask(1);
  EXPECT_EQ(number(study.configs()[0], "x"), 0.5);
  EXPECT_GT(number(study.configs()[0], "y"), 0.8);
}

TYPED_TEST(WithPrior, ValuesThatViolateAConstraintTogetherAreNotTried) {
  Space space = hopeful();
  space.constraints = {"x + y < 1"};
  auto study = study_of<TypeParam>(space);
  study.ask(5);
  ASSERT_EQ(study.configs().size(), 5U);
  for (const Config& config : study.configs()) EXPECT_TRUE(satisfies(space, config));
}

TYPED_TEST(WithPrior, OfAConditionalSpaceThoseCountThatExist) {
  Space space;
  space.parameters = {{"kind", Choice{{"a", "b"}}, {}, Prior{"b"}},
                      {"u", Real{0, 1}, {{"kind", {"a"}}}, Prior{0.1}},
                      {"v", Integer{1, 9}, {{"kind", {"b"}}}, Prior{3.0}}};
  auto study = study_of<TypeParam>(space);
  study.ask(1);
  EXPECT_TRUE(study.configs()[0] == config_of({{"kind", "b"}, {"v", 3}}));
}

TEST(Priors, FadeAsTrialsEndAndAreFirmerWithStrength) {
  const Priors priors(hopeful()), firm(hopeful(0.9, 2));
  const std::vector<double> near{0.9, 0.9}, far{0.4, 0.9}, unknown{Encoding::kAbsent, 0.9};
  EXPECT_EQ(priors.log_density(near, 10), 0);
  EXPECT_EQ(priors.log_density(unknown, 10), 0);
  EXPECT_DOUBLE_EQ(priors.log_density(far, 10), -2);
  EXPECT_DOUBLE_EQ(priors.log_density(far, 100), -0.2);
  EXPECT_DOUBLE_EQ(firm.log_density(far, 10), -4);
  std::vector<double> slope{0, 0};
  priors.add_slope(far, 10, 1, slope);
  const std::vector<double> further{0.4 + 1e-6, 0.9};
  EXPECT_NEAR(slope[0], (priors.log_density(further, 10) + 2) / 1e-6, 1e-4);
  EXPECT_EQ(slope[1], 0);
}

/// The mean of x over so many trials, where nothing is better than anything else.
template <typename Kind>
double mean_x(const Space& space, int trials) {
  auto study = study_of<Kind>(space);
  double sum = 0;
  for (int i = 0; i < trials; ++i) {
    study.ask(1);
    study.end(TrialId{i}, std::sin(1e6 * number(study.configs().back(), "x")));
    sum += number(study.configs().back(), "x");
  }
  return sum / trials;
}

TEST(Priors, DrawsOfModelsLieAroundThem) {
  for (const double x : {0.1, 0.9}) {
    const double side = x > 0.5 ? 1 : -1;
    EXPECT_GT(side * (mean_x<SobolSearch>(hopeful(x), 40) - 0.5), 0.08);
    EXPECT_GT(side * (mean_x<TpeSearch>(hopeful(x), 40) - 0.5), 0.1);
    EXPECT_GT(side * (mean_x<GpSearch>(hopeful(x), 20) - 0.5), 0.1);
    EXPECT_GT(side * (mean_x<CmaesSearch>(hopeful(x), 12) - 0.5), 0.1);
  }
}

TEST(Priors, AWrongOneIsOvercome) {
  EXPECT_LT(best_of(std::make_unique<TpeSearch>(hopeful(), 1), 100, bowl), 1e-2);
  EXPECT_LT(best_of(std::make_unique<GpSearch>(hopeful(), 1), 40, bowl), 1e-3);
}

TEST(Priors, InASpaceWithAGridThereIsNoPointOfTheirs) {
  Space space = hopeful();
  EXPECT_TRUE(has_prior_point(space));
  space.parameters.push_back({"a", Grid{{1, 2}}});
  EXPECT_FALSE(has_prior_point(space));
}

}  // namespace
}  // namespace clavier::search
