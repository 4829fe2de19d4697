#include "sched/explore.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "study/domain.h"

namespace clavier::sched {
namespace {

Space space() {
  return {{{"lr", Real{1e-4, 1, Scale::kLog}},
           {"momentum", Choice{{0.8, 0.9, 0.99}, true}},
           {"optimizer.name", Choice{{"sgd", "adam"}}},
           {"layers", Integer{2, 8, Scale::kLinear, 2}},
           {"dropout", Real{0, 0.5, Scale::kLinear, 0.1}},
           {"depth", Constant{3}},
           {"hidden", Computed{"layers * 16"}}}};
}

Config donor() {
  Config config;
  config.set("lr", 0.9);
  config.set("momentum", 0.8);
  config.set("optimizer.name", "sgd");
  config.set("layers", 2);
  config.set("dropout", 0.3);
  config.set("depth", 3);
  config.set("hidden", 32);
  return config;
}

/// `count` neighbours of the donor.
std::vector<Config> neighbours(const Space& space, const ExploreOptions& options,
                               const Config& donor, int count = 200) {
  std::vector<Config> all;
  for (int i = 0; i < count; ++i) {
    Rng rng = Rng::keyed(5, i);
    all.push_back(explore(space, options, donor, rng).config);
  }
  return all;
}

std::set<double> values(const std::vector<Config>& configs, std::string_view name) {
  std::set<double> all;
  for (const Config& config : configs) all.insert(config.find(name)->number().value());
  return all;
}

TEST(ExploreTest, StaysInsideEveryDomain) {
  for (const Config& config : neighbours(space(), {}, donor())) {
    for (const Parameter& parameter : space().parameters) {
      const Value* value = config.find(parameter.name);
      ASSERT_TRUE(value) << parameter.name;
      EXPECT_TRUE(contains(parameter.domain, *value)) << parameter.name;
    }
    EXPECT_EQ(config.find("hidden")->number(), *config.find("layers")->number() * 16);
  }
}

TEST(ExploreTest, PerturbsByOneFactorAndClips) {
  const ExploreOptions never{.resample_probability = 0};
  const auto all = neighbours(space(), never, donor());
  EXPECT_EQ(values(all, "lr"), (std::set<double>{0.9 * 0.8, 1}));
  EXPECT_EQ(values(all, "momentum"), (std::set<double>{0.9}));  // at its end there is one neighbour
  for (const Config& config : all) EXPECT_EQ(*config.find("optimizer.name"), Value("sgd"));
}

TEST(ExploreTest, SmallWholeNumbersAndQuantaDoNotStick) {
  const ExploreOptions never{.resample_probability = 0};
  const auto all = neighbours(space(), never, donor());
  EXPECT_EQ(values(all, "layers"), (std::set<double>{2, 4}));  // 2 * 0.8 is clipped
  EXPECT_EQ(values(all, "dropout"), (std::set<double>{0.2, 0.4}));
}

TEST(ExploreTest, DrawsAnewWithItsProbability) {
  int lr = 0, optimizer = 0;
  const auto all = neighbours(space(), {}, donor(), 4000);
  for (const Config& config : all) {
    const double x = *config.find("lr")->number();
    lr += x != 0.9 * 0.8 && x != 1;
    optimizer += *config.find("optimizer.name") == Value("adam");
  }
  EXPECT_NEAR(lr, 1000, 100);
  EXPECT_NEAR(optimizer, 500, 80);
}

TEST(ExploreTest, ZeroIsDrawnAnewAndReverseLogMovesTheDistanceToOne) {
  const Space space = {{{"x", Real{-1, 1}}, {"beta", Real{0.5, 0.999, Scale::kReverseLog}}}};
  Config config;
  config.set("x", 0.0);
  config.set("beta", 0.99);
  const auto all = neighbours(space, {.resample_probability = 0}, config, 50);
  EXPECT_GT(values(all, "x").size(), 40u);
  const auto betas = values(all, "beta");
  ASSERT_EQ(betas.size(), 2u);
  EXPECT_NEAR(*betas.begin(), 0.988, 1e-12);
  EXPECT_NEAR(*betas.rbegin(), 0.992, 1e-12);
}

TEST(ExploreTest, ChangesOnlyTheNamedParameters) {
  const auto all = neighbours(space(), {.parameters = {"lr"}}, donor());
  EXPECT_GT(values(all, "lr").size(), 2u);
  EXPECT_EQ(values(all, "layers").size(), 1u);
  EXPECT_EQ(values(all, "momentum").size(), 1u);
}

TEST(ExploreTest, ConditionalParametersFollowTheirParents) {
  const Space space = {{{"name", Choice{{"sgd", "adam"}}},
                        {"momentum", Real{0, 1}, {{"name", {"sgd"}}}},
                        {"beta", Real{0, 1}, {{"name", {"adam"}}}}}};
  Config config;
  config.set("name", "sgd");
  config.set("momentum", 0.5);
  int switched = 0;
  for (const Config& each : neighbours(space, {}, config)) {
    const bool adam = *each.find("name") == Value("adam");
    EXPECT_EQ(each.find("beta") != nullptr, adam);
    EXPECT_EQ(each.find("momentum") != nullptr, !adam);
    switched += adam;
  }
  EXPECT_GT(switched, 0);
}

TEST(ExploreTest, KeepsTheConstraintsOrTheDonor) {
  Space space = {{{"a", Integer{1, 10}}, {"b", Integer{1, 10}}}, {"a >= b"}};
  Config config;
  config.set("a", 5);
  config.set("b", 5);
  for (const Config& each : neighbours(space, {}, config)) EXPECT_TRUE(satisfies(space, each));
  space.constraints = {"a == 5", "b == 4"};
  Rng rng(1);
  EXPECT_EQ(explore(space, {.parameters = {"a"}}, config, rng).config, config);
}

TEST(ExploreTest, AppliesTheUsersOwnFunctionLast) {
  const ExploreOptions options{.custom = [](Config config) {
    config.set("lr", 0.5);
    return config;
  }};
  EXPECT_EQ(values(neighbours(space(), options, donor(), 10), "lr"), (std::set<double>{0.5}));
}

TEST(ExploreTest, ChecksItsOptions) {
  EXPECT_TRUE(check(space(), ExploreOptions{}).ok());
  EXPECT_FALSE(check(space(), {.parameters = {"depth"}}).ok());
  EXPECT_FALSE(check(space(), {.parameters = {"rl"}}).ok());
  EXPECT_FALSE(check(space(), {.resample_probability = 1.5}).ok());
  EXPECT_FALSE(check(space(), {.factors = {}}).ok());
  EXPECT_FALSE(check(space(), {.factors = {1.2, 0}}).ok());
  EXPECT_FALSE(check({{{"depth", Constant{3}}}}, ExploreOptions{}).ok());
}

TEST(ExploreTest, AsRayDoesNotClip) {
  std::set<double> lr, layers, momentum;
  for (int i = 0; i < 200; ++i) {
    Rng rng = Rng::keyed(5, i);
    const Config config = explore_as_ray(space(), {.resample_probability = 0}, donor(), rng).config;
    lr.insert(*config.find("lr")->number());
    layers.insert(*config.find("layers")->number());
    momentum.insert(*config.find("momentum")->number());
  }
  EXPECT_EQ(lr, (std::set<double>{0.9 * 0.8, 0.9 * 1.2}));
  EXPECT_EQ(layers, (std::set<double>{2}));  // 1.6 and 2.4 are rounded: it sticks
  EXPECT_EQ(momentum, (std::set<double>{0.8, 0.9}));
}

}  // namespace
}  // namespace clavier::sched
