#include <gtest/gtest.h>

#include "search/grid.h"
#include "search/random.h"
#include "search/sobol.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

template <typename Kind>
struct Make {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<Kind>(std::move(space), seed);
  }
};

using Kinds = testing::Types<Make<RandomSearch>, Make<GridSearch>, Make<SobolSearch>>;
INSTANTIATE_TYPED_TEST_SUITE_P(BuiltIn, SearcherContract, Kinds);

template <typename Kind>
SearchedStudy study(Space space, std::uint64_t seed = 1) {
  return SearchedStudy(Make<Kind>::make(std::move(space), seed));
}

TEST(RandomSearch, DrawsAreKeyedByNameSoThatOtherParametersDoNotMatter) {
  Space one, two;
  one.parameters = {{"lr", Real{0, 1}}};
  two.parameters = {{"width", Integer{1, 9}}, {"lr", Real{0, 1}}};
  auto a = study<RandomSearch>(one), b = study<RandomSearch>(two);
  a.ask(20);
  b.ask(20);
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_TRUE(*a.configs()[i].find("lr") == *b.configs()[i].find("lr"));
}

TEST(RandomSearch, FindsTheLastConfigurationsOfASpaceWithUnlikelyOnes) {
  Space space;
  space.parameters = {{"a", Integer{1, 300, Scale::kLog}}, {"b", Choice{{true, false}}}};
  auto searched = study<RandomSearch>(space);
  searched.ask(700);
  EXPECT_EQ(searched.state().trials().size(), 600U);
}

TEST(RandomSearch, KeepsOnDrawingWhereOnlyPartOfAConditionalSpaceIsFinite) {
  Space space;
  space.parameters = {{"kind", Choice{{"none", "some"}}},
                      {"amount", Real{0, 1}, {{"kind", {"some"}}}}};
  auto searched = study<RandomSearch>(space);
  searched.ask(100);
  ASSERT_EQ(searched.state().trials().size(), 100U);
  int none = 0;
  for (const Config& config : searched.configs()) none += *config.find("kind") == Value("none");
  EXPECT_EQ(none, 1);
}

TEST(RandomSearch, DiscretePointsOfFailedPointsAndRequestsAreNotRepeated) {
  Space space = small_space();
  space.points = {config_of({{"a", 2}, {"b", "x"}})};
  auto searched = study<RandomSearch>(space);
  searched.request(config_of({{"a", 1.0}, {"b", 1}}));
  searched.ask(20);
  const auto configs = searched.configs();
  EXPECT_EQ(configs.size(), 12U);
  for (std::size_t i = 0; i < configs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(same_config(configs[i], configs[j]));
}

TEST(RandomSearch, ServesRequestsEvenWhenExhausted) {
  auto searched = study<RandomSearch>(small_space());
  searched.ask(20);
  ASSERT_TRUE(searched.state().exhausted());
  searched.request(config_of({{"a", 2}}));
  const auto again = searched.searcher().suggest(searched.state(), searched.next());
  ASSERT_TRUE(std::holds_alternative<Config>(again));
  EXPECT_TRUE(*std::get<Config>(again).find("a") == Value(2));
}

TEST(RandomSearch, ARequestThatDoesNotBelongToTheSpaceIsPassedOver) {
  auto searched = study<RandomSearch>(mixed_space());
  searched.request(config_of({{"depth", 2}}));
  searched.ask(3);
  EXPECT_EQ(searched.state().trials().size(), 3U);
}

TEST(RandomSearch, CopiesOfOtherTrialsUseNothingUp) {
  auto searched = study<RandomSearch>(small_space());
  searched.ask(2);
  State state = searched.state();
  Fill fill;
  fill.created.push_back({.id = TrialId{2}, .config = state.trial(TrialId{1}).config});
  fill.created.back().origin = TrialId{1};
  state.apply(fill, state.now());
  int more = 0;
  for (std::int64_t id = 3; id < 30; ++id, ++more) {
    const auto next = searched.searcher().suggest(state, TrialId{id});
    if (!std::holds_alternative<Config>(next)) break;
    Fill created;
    created.created.push_back({.id = TrialId{id}, .config = std::get<Config>(next)});
    state.apply(created, state.now());
  }
  EXPECT_EQ(more, 10);
}

TEST(GridSearch, CrossesEveryFiniteParameterIfNoneIsAGrid) {
  auto searched = study<GridSearch>(small_space());
  searched.ask(20);
  const auto configs = searched.configs();
  ASSERT_EQ(configs.size(), 12U);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    EXPECT_TRUE(*configs[i].find("a") == Value(static_cast<int>(i / 4) + 1));
    EXPECT_TRUE(*configs[i].find("b") ==
                (i % 4 == 3 ? Value("x") : Value(static_cast<int>(i % 4) + 1)));
  }
}

TEST(GridSearch, CellsThatDifferOnlyInInactiveParametersAreOne) {
  Space space;
  space.parameters = {{"optimizer", Grid{{"adam", "sgd"}}},
                      {"momentum", Grid{{0.8, 0.9}}, {{"optimizer", {"sgd"}}}},
                      {"lr", Real{0, 1}}};
  EXPECT_EQ(grid_size(space), 3);
  auto searched = study<GridSearch>(space);
  searched.ask(6);
  const auto configs = searched.configs();
  for (const std::size_t pass : {0U, 3U}) {
    EXPECT_TRUE(*configs[pass].find("optimizer") == Value("adam"));
    EXPECT_TRUE(*configs[pass + 1].find("momentum") == Value(0.8));
    EXPECT_TRUE(*configs[pass + 2].find("momentum") == Value(0.9));
  }
}

TEST(GridSearch, ForbiddenCellsAreLeftOut) {
  Space space;
  space.parameters = {{"a", Grid{{1, 2, 3}}}, {"b", Grid{{1, 2, 3}}}, {"lr", Real{0, 1}}};
  space.constraints = {"a < b", "lr < 0.5"};
  EXPECT_EQ(grid_size(space), 3);
  auto searched = study<GridSearch>(space);
  searched.ask(9);
  const auto configs = searched.configs();
  ASSERT_EQ(configs.size(), 9U);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    EXPECT_TRUE(*configs[i].find("a") == Value(i % 3 == 2 ? 2 : 1)) << i;
    EXPECT_TRUE(*configs[i].find("b") == Value(i % 3 == 0 ? 2 : 3)) << i;
    EXPECT_TRUE(satisfies(space, configs[i]));
  }
}

TEST(GridSearch, APointCountsAsItsCell) {
  Space space;
  space.parameters = {{"a", Grid{{1, 2, 3}}}, {"lr", Real{0, 1}}};
  space.points = {config_of({{"a", 2}, {"lr", 0.5}})};
  auto searched = study<GridSearch>(space);
  searched.ask(4);
  const auto configs = searched.configs();
  const int expected[] = {2, 1, 3, 1};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(*configs[i].find("a") == Value(expected[i])) << i;
}

TEST(GridSearch, SeveralPointsOfOneCellTakeNoOtherCellsPlace) {
  Space space;
  space.parameters = {{"d", Grid{{1, 2, 3}}}, {"e", Real{0, 1}}};
  space.points = {config_of({{"d", 2}, {"e", 0.5}}), config_of({{"d", 2}, {"e", 0.25}}),
                  config_of({{"d", 2}, {"e", 0.75}})};
  EXPECT_EQ(grid_trials(space, 1), 5);
  auto searched = study<GridSearch>(space);
  searched.ask(5);
  const int expected[] = {2, 2, 2, 1, 3};
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_TRUE(*searched.configs()[i].find("d") == Value(expected[i])) << i;
  space.points = {config_of({{"e", 0.5}})};
  EXPECT_EQ(grid_trials(space, 1), 3) << "it has some cell";
}

TEST(GridSearch, PointsMayNameMultiplesThatWereCrossed) {
  Space space;
  space.parameters = {{"d", Real{0, 3, Scale::kLinear, 0.3}}, {"e", Real{0, 1}, {{"d", {0.9}}}}};
  space.points = {config_of({{"d", 0.3 * 3}})};
  auto searched = study<GridSearch>(space);
  searched.ask(11);
  EXPECT_TRUE(*searched.configs()[0].find("d") == Value(0.9));
  EXPECT_TRUE(searched.configs()[0].find("e"));
  EXPECT_EQ(searched.state().trials().size(), 11U);
}

TEST(GridSearch, AGridWithFiniteDrawsEndsWhenBothAreUsedUp) {
  Space space;
  space.parameters = {{"a", Grid{{1, 2, 3}}}, {"b", Choice{{1, 2, 3, 4}}}};
  auto searched = study<GridSearch>(space);
  searched.ask(20);
  EXPECT_EQ(searched.state().trials().size(), 12U);
  EXPECT_TRUE(searched.state().exhausted());
}

TEST(GridSearch, SizeOfASpaceWithoutGridIsOne) { EXPECT_EQ(grid_size(small_space()), 1); }

}  // namespace
}  // namespace clavier::search
