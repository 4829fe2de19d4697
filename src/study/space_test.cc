#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/rng.h"
#include "study/domain.h"

namespace clavier {
namespace {

Space example() {
  Space space;
  space.parameters = {
      {"optimizer.name", Choice{{"sgd", "adam"}}},
      {"optimizer.lr", Real{1e-5, 0.1, Scale::kLog}},
      {"momentum", Real{0, 0.99}, {{"optimizer.name", {"sgd"}}}},
      {"nesterov", Choice{{true, false}}, {{"optimizer.name", {"sgd"}}}},
      {"damping", Real{0, 1}, {{"nesterov", {false}}}},
      {"l1", Choice{{4, 8, 16, 32}, true}},
      {"l2", Computed{"2 * l1"}},
      {"classes", Constant{10}},
      {"total", Function{[](const Config& config) {
         return Value(*config.find("l1")->as<std::int64_t>() +
                      *config.find("l2")->as<std::int64_t>());
       }}},
  };
  space.constraints = {"l1 <= 16 or optimizer.name == 'sgd'", "momentum > 0.1"};
  return space;
}

std::function<Value(std::size_t)> draws(const Space& space, std::uint64_t seed) {
  return [&space, seed](std::size_t index) {
    Rng rng = Rng::keyed(seed, index);
    if (const auto* grid = std::get_if<Grid>(&space.parameters[index].domain))
      return grid->values[rng.below(grid->values.size())];
    return *value_at(space.parameters[index].domain, rng.uniform());
  };
}

Config config(std::initializer_list<Config::Entry> entries) {
  Config out;
  for (const Config::Entry& entry : entries) out.set(entry.name, entry.value);
  return out;
}

TEST(Complete, GivesEveryActiveParameterAndNoOther) {
  const Space space = example();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto drawn = complete(space, {}, draws(space, seed));
    ASSERT_TRUE(drawn.ok()) << drawn.error().message;
    const bool sgd = *drawn->find("optimizer.name") == Value("sgd");
    EXPECT_EQ(drawn->find("momentum") != nullptr, sgd);
    EXPECT_EQ(drawn->find("nesterov") != nullptr, sgd);
    const bool plain = sgd && *drawn->find("nesterov") == Value(false);
    EXPECT_EQ(drawn->find("damping") != nullptr, plain);
    const std::int64_t l1 = *drawn->find("l1")->as<std::int64_t>();
    EXPECT_EQ(*drawn->find("l2")->as<std::int64_t>(), 2 * l1);
    EXPECT_EQ(*drawn->find("total")->as<std::int64_t>(), 3 * l1);
    EXPECT_TRUE(*drawn->find("classes") == Value(10));
  }
}

TEST(Complete, KeepsWhatIsFixedAndAsksForTheRestOnly) {
  const Space space = example();
  std::vector<std::string> asked;
  const auto drawn =
      complete(space, config({{"l1", 8.0}, {"optimizer.name", "adam"}, {"momentum", 0.5}}),
               [&](std::size_t index) {
                 asked.push_back(space.parameters[index].name);
                 return Value(0.01);
               });
  ASSERT_TRUE(drawn.ok()) << drawn.error().message;
  EXPECT_EQ(asked, std::vector<std::string>{"optimizer.lr"});
  EXPECT_TRUE(*drawn->find("l1") == Value(8)) << "in the domain's own type";
  EXPECT_FALSE(drawn->find("momentum")) << "inactive";
}

TEST(Complete, AcceptsACompleteConfigurationAgain) {
  const Space space = example();
  const auto drawn = complete(space, {}, draws(space, 1));
  const auto again = complete(space, *drawn, [](std::size_t) {
    ADD_FAILURE() << "nothing is left to draw";
    return Value();
  });
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(*again == *drawn);
}

TEST(Complete, RefusesWhatTheSpaceDoesNotHave) {
  const Space space = example();
  const auto fails = [&](Config::Entry entry, const char* what) {
    const auto result = complete(space, config({entry}), draws(space, 1));
    ASSERT_FALSE(result.ok()) << entry.name;
    EXPECT_NE(result.error().message.find(what), std::string::npos) << result.error().message;
  };
  fails({"depth", 3}, "'depth'");
  fails({"l1", 5}, "'l1' may not be 5: it is pow2(4, 32)");
  fails({"l2", 7}, "'l2' is computed");
  fails({"classes", 11}, "'classes'");
}

std::string part_problem(const Space& space, std::initializer_list<Config::Entry> entries) {
  const Status status = check_part(space, config(entries));
  return status.ok() ? "" : status.error().message;
}

TEST(CheckPart, SaysWhyNoConfigurationHasIt) {
  const Space space = example();
  EXPECT_EQ(part_problem(space, {}), "");
  EXPECT_EQ(part_problem(space, {{"momentum", 0.5}, {"l1", 8}}), "");
  EXPECT_EQ(part_problem(space, {{"depth", 1}}).find("the space has no parameter 'depth'"), 0U);
  EXPECT_EQ(part_problem(space, {{"momentum", 2}}),
            "parameter 'momentum' may not be 2: it is uniform(0, 0.99)");
  EXPECT_EQ(part_problem(space, {{"optimizer.name", "adam"}, {"momentum", 0.5}}),
            "'momentum' does not exist where optimizer.name is adam");
  EXPECT_EQ(part_problem(space, {{"optimizer.name", "adam"}, {"damping", 0.5}}),
            "'damping' does not exist where optimizer.name is adam");
  EXPECT_EQ(part_problem(space, {{"nesterov", true}, {"damping", 0.5}}),
            "'damping' does not exist where nesterov is true");
  EXPECT_EQ(part_problem(space, {{"momentum", 0.05}}),
            "it violates the constraint \"momentum > 0.1\"");
  EXPECT_EQ(part_problem(space, {{"l1", 8}, {"l2", 17}}),
            "parameter 'l2' is computed to be 16, not 17");
}

TEST(CheckPart, WhatAParameterNeedsToExistIsImplied) {
  const Space space = example();
  EXPECT_TRUE(
      same_config(implied(space, config({{"damping", 0.5}})),
                  config({{"damping", 0.5}, {"nesterov", false}, {"optimizer.name", "sgd"}})));
  EXPECT_TRUE(settled(space, config({{"l1", 8}, {"optimizer.name", "adam"}})) ==
              config({{"optimizer.name", "adam"}, {"l1", 8}, {"l2", 16}, {"classes", 10}}));
}

TEST(Satisfies, ConstraintsOnInactiveParametersDoNotCount) {
  const Space space = example();
  EXPECT_TRUE(satisfies(space, config({{"l1", 32}, {"optimizer.name", "sgd"}})));
  EXPECT_FALSE(satisfies(space, config({{"l1", 32}, {"optimizer.name", "adam"}})));
  EXPECT_FALSE(satisfies(space, config({{"l1", 4}, {"momentum", 0.05}})));
}

TEST(Cardinality, CountsConfigurationsNotCombinations) {
  Space space;
  space.parameters = {{"a", Choice{{"x", "y", "z"}}},
                      {"b", Integer{1, 4}, {{"a", {"x", "y"}}}},
                      {"c", Choice{{true, false}}, {{"b", {1}}}},
                      {"d", Grid{{1, 2}}},
                      {"e", Constant{1}},
                      {"f", Computed{"d + 1"}}};
  // a = z: 1; a = x or y: b = 1 with 2 values of c, else 3 values of b. All twice for d.
  EXPECT_EQ(cardinality(space), (1 + 2 * (2 + 3)) * 2);
  space.parameters.push_back({"lr", Real{0, 1}});
  EXPECT_EQ(cardinality(space), std::nullopt);
  EXPECT_EQ(cardinality(Space{}), 1);
}

TEST(Cardinality, SaturatesAndStaysFast) {
  Space space;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "p" + std::to_string(i);
    space.parameters.push_back({name, Integer{0, 9}});
    space.parameters.push_back({name + "c", Choice{{1, 2}}, {{name, {1, 2, 3}}}});
  }
  EXPECT_EQ(cardinality(space), std::numeric_limits<std::int64_t>::max());
}

std::string problem_of(const Space& space) {
  const Status status = validate(space);
  return status.ok() ? "" : status.error().message;
}

TEST(Validate, AcceptsTheExampleAndTheEmptySpace) {
  EXPECT_EQ(problem_of(example()), "");
  EXPECT_EQ(problem_of({}), "");
}

struct BadDomain {
  Domain domain;
  const char* what;
};
class ValidateDomain : public testing::TestWithParam<BadDomain> {};

TEST_P(ValidateDomain, NamesTheParameterAndTheFault) {
  Space space;
  space.parameters = {{"before", Real{0, 1}}, {"the.one", GetParam().domain}};
  const std::string problem = problem_of(space);
  EXPECT_NE(problem.find("parameter 'the.one': "), std::string::npos) << problem;
  EXPECT_NE(problem.find(GetParam().what), std::string::npos) << problem;
}

INSTANTIATE_TEST_SUITE_P(
    Faults, ValidateDomain,
    testing::Values(BadDomain{Real{2, 1}, "low 2 is above high 1"},
                    BadDomain{Real{0, 1, Scale::kLog}, "begin above 0"},
                    BadDomain{Real{-1, 1, Scale::kLog}, "begin above 0, not at -1"},
                    BadDomain{Real{0.5, 1, Scale::kReverseLog}, "[0, 1)"},
                    BadDomain{Real{0, std::numeric_limits<double>::infinity()}, "finite"},
                    BadDomain{Real{-1e308, 1e308}, "finite"},
                    BadDomain{Real{std::numeric_limits<double>::quiet_NaN(), 1}, "finite"},
                    BadDomain{Real{0, 1, Scale::kLinear, -0.1}, "quantum"},
                    BadDomain{Real{0.3, 0.4, Scale::kLinear, 0.25}, "no multiple of 0.25"},
                    BadDomain{Real{0, 1, Scale::kLinear, 1e-300}, "too fine"},
                    BadDomain{Integer{3, 2}, "low 3 is above high 2"},
                    BadDomain{Integer{0, 9, Scale::kLog}, "at 1 or above"},
                    BadDomain{Integer{0, 9, Scale::kReverseLog}, "reverse"},
                    BadDomain{Integer{0, 9, Scale::kLinear, 0}, "step"},
                    BadDomain{Normal{0, 0}, "deviation must be above 0"},
                    BadDomain{Normal{0, 1, Scale::kReverseLog}, "reverse"},
                    BadDomain{Normal{500, 100, Scale::kLog}, "logarithm"},
                    BadDomain{Choice{}, "nothing"}, BadDomain{Choice{{1, 2, 1.0}}, "there twice"},
                    BadDomain{Grid{}, "nothing"}, BadDomain{Computed{"2 *"}, "ends where"},
                    BadDomain{Computed{"2 * gone"}, "'gone'"},
                    BadDomain{Computed{"the.one + 1"}, "itself"},
                    BadDomain{Function{}, "no function"}));

struct BadSpace {
  Space space;
  const char* what;
};
class ValidateSpace : public testing::TestWithParam<BadSpace> {};

TEST_P(ValidateSpace, SaysWhatIsWrong) {
  const std::string problem = problem_of(GetParam().space);
  EXPECT_NE(problem.find(GetParam().what), std::string::npos) << problem;
}

INSTANTIATE_TEST_SUITE_P(
    Faults, ValidateSpace,
    testing::Values(
        BadSpace{{{{"a", Real{}}, {"a", Real{}}}}, "'a': there are two"},
        BadSpace{{{{"a", Real{}}, {"a.b", Real{}}}}, "'a.b': it cannot be beside 'a'"},
        BadSpace{{{{"", Real{}}}}, "without a name"}, BadSpace{{{{"a b", Real{}}}}, "'a b'"},
        BadSpace{{{{"a..b", Real{}}}}, "'a..b'"},
        BadSpace{{{{"a", Real{}, {{"b", {1}}}}}}, "'a': there is no parameter 'b'"},
        BadSpace{{{{"a", Real{}, {{"b", {1}}}}, {"b", Integer{0, 1}}}}, "'b', which must come"},
        BadSpace{{{{"a", Computed{"b"}}, {"b", Computed{"c"}}, {"c", Computed{"a"}}}},
                 "'a': it depends on itself through 'b'"},
        BadSpace{{{{"b", Integer{0, 1}}, {"a", Real{}, {{"b", {}}}}}}, "names no value"},
        BadSpace{{{{"b", Integer{0, 1}}, {"a", Real{}, {{"b", {7}}}}}}, "'b' to be 7, which never"},
        BadSpace{{{{"b", Real{0, 1, Scale::kLinear, 0.1}},
                   {"a", Real{}, {{"b", {0.30000000000000004}}}}}},
                 "which never happens"},
        BadSpace{{{{"b", Integer{0, 1, Scale::kLinear, 0}}, {"a", Real{}, {{"b", {7}}}}}}, "step"},
        BadSpace{{{{"a", Real{}}}, {"a <"}}, "constraint"},
        BadSpace{{{{"a", Real{}}}, {"'a' < 'b'"}}, "names no parameter"},
        BadSpace{{{{"a", Real{}}}, {"b < 1"}}, "constraint \"b < 1\": there is no parameter 'b'"},
        BadSpace{{{{"width", Real{}}, {"c", Computed{"2 * widht"}}}}, "did you mean 'width'?"},
        BadSpace{{{{"a-b", Real{}}, {"c", Computed{"2 * a-b"}}}}, "'a-b' cannot stand in an expr"},
        BadSpace{{{{"a-b", Real{}}}, {"a-b < 1"}}, "'a-b' cannot stand in an expr"},
        BadSpace{{{{"a", Choice{{"x"}}}}, {"a < 1"}}, "no order"},
        BadSpace{{{{"a", Choice{{"x"}}}}, {"a"}}, "neither true nor false"},
        BadSpace{{{{"a", Choice{{0, 1}}}, {"b", Real{}, {{"a", {1}}}}, {"c", Computed{"2 * b"}}}},
                 "'c': there is no parameter 'b' here"},
        BadSpace{{{{"a", Integer{0, 4}}, {"b", Computed{"1 / a"}}}}, "'b': division by zero"},
        BadSpace{{{{"a", Real{}}}, {}, {config({{"b", 1}})}},
                 "point 1: the space has no parameter"},
        BadSpace{{{{"a", Real{}}}, {}, {config({{"a", 1}}), config({{"a", 2}})}},
                 "point 2: parameter 'a' may not be 2"},
        BadSpace{{{{"a", Real{}}}, {"a > 0.5"}, {config({{"a", 0.1}})}},
                 "point 1: it violates the constraint \"a > 0.5\""}));

TEST(Validate, WhatOnlyCannotBeMeantIsWorkable) {
  Space space = example();
  space.points = {config({{"optimizer.name", "adam"}, {"momentum", 0.5}})};
  EXPECT_EQ(problem_of(space), "point 1: 'momentum' does not exist where optimizer.name is adam");
  EXPECT_TRUE(validate(space, Checks::kWorkable).ok());
  space.points = {config({{"l1", 5}})};
  EXPECT_FALSE(validate(space, Checks::kWorkable).ok());
}

TEST(Validate, FindsEveryErrorAtOnce) {
  Space space;
  space.parameters = {{"a", Real{2, 1}}, {"b", Integer{3, 2}}};
  space.constraints = {"c > 1"};
  const std::string problem = problem_of(space);
  EXPECT_NE(problem.find("'a'"), std::string::npos) << problem;
  EXPECT_NE(problem.find("'b'"), std::string::npos) << problem;
  EXPECT_NE(problem.find("'c'"), std::string::npos) << problem;
}

}  // namespace
}  // namespace clavier
