#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "search/history.h"
#include "study/domain.h"
#include "tests/support/searched_study.h"

/// What every searcher promises, as tests. An implementation runs them all by
///
///   struct MakeMine {
///     static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed);
///     static Objectives objective();  // may be left out
///   };
///   INSTANTIATE_TYPED_TEST_SUITE_P(Mine, SearcherContract, MakeMine);
namespace clavier::search {

/// Continuous, discrete, conditional, computed and constrained.
inline Space mixed_space() {
  Space space;
  space.parameters = {
      {"optimizer", Choice{{"sgd", "adam"}}},
      {"lr", Real{1e-5, 0.1, Scale::kLog}},
      {"momentum", Real{0, 0.99}, {{"optimizer", {"sgd"}}}},
      {"l1", Choice{{4, 8, 16, 32, 64}, true}},
      {"l2", Integer{1, 100}},
      {"sum", Computed{"l1 + l2"}},
      {"epochs", Constant{10}},
  };
  space.constraints = {"l1 <= l2"};
  return space;
}

/// 12 configurations; 9 of them have `a <= b` or the text.
inline Space small_space() {
  Space space;
  space.parameters = {{"a", Integer{1, 3}}, {"b", Choice{{1, 2, 3, "x"}}}};
  return space;
}

/// Asks for `trials`, up to three at once, which end late and in every way there is: with a value,
/// with none that is a number, failing with and without one, or not at all.
inline void run_in_disorder(SearchedStudy& study, int trials) {
  Rng rng(11);
  std::vector<TrialId> live;
  while (std::ssize(study.state().trials()) < trials && !study.state().exhausted()) {
    const auto before = study.next();
    study.ask(1 + static_cast<int>(rng.below(3)));
    for (TrialId id = before; id < study.next(); ++id.value) live.push_back(id);
    while (live.size() > 4) {
      const auto at = live.begin() + static_cast<std::ptrdiff_t>(rng.below(live.size()));
      const auto fate = rng.below(8);
      const double loss = std::sin(static_cast<double>(hash_of(study.state().trial(*at).config)));
      if (fate < 6)
        study.end(*at, fate == 5 ? std::nan("") : loss);
      else if (fate == 6)
        study.end(*at, loss, ExitKind::kFailed);
      live.erase(at);
    }
  }
}

template <typename Maker>
class SearcherContract : public testing::Test {
 protected:
  static SearchedStudy study(Space space, std::uint64_t seed = 1) {
    if constexpr (requires { Maker::objective(); })
      return SearchedStudy(Maker::make(std::move(space), seed), Maker::objective());
    else
      return SearchedStudy(Maker::make(std::move(space), seed));
  }
};

TYPED_TEST_SUITE_P(SearcherContract);

TYPED_TEST_P(SearcherContract, EveryConfigurationIsInsideTheSpaceAndSatisfiesItsConstraints) {
  const Space space = mixed_space();
  auto study = this->study(space);
  study.ask(200);
  ASSERT_EQ(study.state().trials().size(), 200U);
  for (const Config& config : study.configs()) {
    const auto again = complete(space, config, [](std::size_t) {
      ADD_FAILURE() << "an active parameter has no value";
      return Value();
    });
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_TRUE(*again == config) << "values in the domains' own types and order";
    EXPECT_TRUE(satisfies(space, config));
  }
}

TYPED_TEST_P(SearcherContract, TheSameSeedGivesTheSameConfigurationsAndAnotherSeedOthers) {
  auto a = this->study(mixed_space(), 1);
  auto b = this->study(mixed_space(), 1);
  auto c = this->study(mixed_space(), 2);
  for (auto* study : {&a, &b, &c}) study->ask(50);
  EXPECT_TRUE(a.configs() == b.configs());
  EXPECT_FALSE(a.configs() == c.configs());
}

TYPED_TEST_P(SearcherContract, TheOrderOfEventsDoesNotMatter) {
  for (const Space& space : {mixed_space(), small_space()}) {
    auto at_once = this->study(space);
    at_once.ask(12);
    auto one_by_one = this->study(space);
    for (int i = 0; i < 12; ++i) {
      one_by_one.ask(1);
      const Trial& trial = one_by_one.state().trials().back();
      one_by_one.step(Signal(Exited{.trial = trial.id, .launch = trial.launch}), 0);
    }
    auto by_threes = this->study(space);
    for (int i = 0; i < 4; ++i) by_threes.ask(3);
    EXPECT_TRUE(at_once.configs() == one_by_one.configs());
    EXPECT_TRUE(at_once.configs() == by_threes.configs());
  }
}

TYPED_TEST_P(SearcherContract, AskingTwiceGivesTheSameAnswer) {
  auto study = this->study(mixed_space());
  study.ask(5);
  const auto first = study.searcher().suggest(study.state(), study.next());
  const auto second = study.searcher().suggest(study.state(), study.next());
  EXPECT_TRUE(std::get<Config>(first) == std::get<Config>(second));
}

TYPED_TEST_P(SearcherContract, AFreshSearcherToldTheLogGoesOnAsTheOldOne) {
  Space space = mixed_space();
  space.points = {config_of({{"l1", 8}})};
  auto study = this->study(space);
  study.ask(3);
  study.request(config_of({{"optimizer", "sgd"}}));
  for (int i = 0; i < 10; ++i) study.ask(2);

  auto fresh = TypeParam::make(space, 1);
  State state(study.state().objective(), RetryLimits{});
  for (const Step& step : study.log()) {
    state.apply(step.turn);
    fresh->observe(step.turn, state);
    for (const NewTrial& created : step.fill.created) {
      const auto again = fresh->suggest(state, created.id);
      EXPECT_TRUE(std::get<Config>(again) == created.config) << created.id.value;
    }
    state.apply(step.fill, step.turn.time);
  }
  // And one that was only told.
  auto told = TypeParam::make(space, 1);
  State folded(study.state().objective(), RetryLimits{});
  for (const Step& step : study.log()) {
    folded.apply(step.turn);
    told->observe(step.turn, folded);
    folded.apply(step.fill, step.turn.time);
  }
  EXPECT_TRUE(std::get<Config>(told->suggest(folded, study.next())) ==
              std::get<Config>(study.searcher().suggest(study.state(), study.next())));
}

TYPED_TEST_P(SearcherContract, WhateverTrialsReportAFreshSearcherToldTheLogSuggestsTheSame) {
  auto study = this->study(mixed_space());
  run_in_disorder(study, 60);
  auto fresh = TypeParam::make(mixed_space(), 1);
  State state(study.state().objective(), RetryLimits{});
  for (const Step& step : study.log()) {
    state.apply(step.turn);
    fresh->observe(step.turn, state);
    for (const NewTrial& created : step.fill.created) {
      EXPECT_TRUE(satisfies(mixed_space(), created.config));
      const auto again = fresh->suggest(state, created.id);
      ASSERT_TRUE(std::holds_alternative<Config>(again));
      EXPECT_TRUE(std::get<Config>(again) == created.config) << created.id.value;
    }
    state.apply(step.fill, step.turn.time);
  }
}

TYPED_TEST_P(SearcherContract, WhateverTrialsReportAFiniteSpaceIsUsedUpWithoutRepetition) {
  auto study = this->study(small_space());
  run_in_disorder(study, 20);
  const auto configs = study.configs();
  EXPECT_EQ(configs.size(), 12U);
  for (std::size_t i = 0; i < configs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(same_config(configs[i], configs[j]));
  EXPECT_TRUE(study.state().exhausted());
}

TYPED_TEST_P(SearcherContract, PointsComeFirstInOrderTheRestOfThemDrawn) {
  Space space = mixed_space();
  space.points = {config_of({{"l1", 8}, {"l2", 50}}), config_of({{"optimizer", "adam"}}),
                  config_of({{"l1", 64}})};
  auto study = this->study(space);
  study.ask(2);
  study.ask(10);
  const auto configs = study.configs();
  EXPECT_TRUE(*configs[0].find("l1") == Value(8));
  EXPECT_TRUE(*configs[0].find("l2") == Value(50));
  EXPECT_TRUE(*configs[1].find("optimizer") == Value("adam"));
  EXPECT_TRUE(*configs[2].find("l1") == Value(64));
  for (const Config& config : configs) EXPECT_TRUE(satisfies(space, config));
}

TYPED_TEST_P(SearcherContract, RequestsComeBeforeEverythingElseAndOnce) {
  Space space = mixed_space();
  space.points = {config_of({{"l1", 8}})};
  auto study = this->study(space);
  study.request(config_of({{"l2", 99}}));
  study.request(config_of({{"l2", 98}}));
  study.ask(4);
  EXPECT_TRUE(study.state().requested().empty());
  const auto configs = study.configs();
  EXPECT_TRUE(*configs[0].find("l2") == Value(99));
  EXPECT_TRUE(*configs[1].find("l2") == Value(98));
  EXPECT_TRUE(*configs[2].find("l1") == Value(8));
}

TYPED_TEST_P(SearcherContract, WhatARequestOrPointNeedsToExistIsSetOrDrawnForIt) {
  Space space = mixed_space();
  space.parameters.push_back({"decay", Real{0, 1}, {{"l1", {8, 16}}}});
  space.points = {config_of({{"momentum", 0.5}}), config_of({{"decay", 0.25}})};
  auto study = this->study(space);
  study.request(config_of({{"momentum", 0.25}, {"decay", 0.5}}));
  study.ask(4);
  const auto configs = study.configs();
  const double momentum[] = {0.25, 0.5}, decay[] = {0.5, 0.25};
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_TRUE(*configs[i].find("optimizer") == Value("sgd"));
    EXPECT_TRUE(*configs[i].find("momentum") == Value(momentum[i]));
    EXPECT_TRUE(*configs[2 * i].find("decay") == Value(decay[i]));
  }
}

TYPED_TEST_P(SearcherContract, WhatCannotBeIsTriedOnceWithoutWhatDoesNotExist) {
  Space space = mixed_space();
  const Config impossible = config_of({{"optimizer", "adam"}, {"momentum", 0.5}});
  space.points = {impossible, config_of({{"l1", 8}})};
  auto study = this->study(space);
  study.request(impossible);
  for (int i = 0; i < 4; ++i) study.ask(1);
  EXPECT_TRUE(study.state().requested().empty());
  const auto configs = study.configs();
  EXPECT_TRUE(*configs[2].find("l1") == Value(8)) << "after the request and the first point";
  EXPECT_FALSE(configs[0].find("momentum") || configs[1].find("momentum"));
}

TYPED_TEST_P(SearcherContract, AFiniteSpaceIsUsedUpWithoutRepetitionAndThenExhausted) {
  Space space = small_space();
  space.constraints = {"b == 'x' or a <= b"};
  auto study = this->study(space);
  study.ask(20);
  const auto configs = study.configs();
  EXPECT_EQ(configs.size(), 9U);
  for (std::size_t i = 0; i < configs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(same_config(configs[i], configs[j]));
  EXPECT_TRUE(study.state().exhausted());
  for (int i = 0; i < 3; ++i) {
    const TrialId later{study.next().value + i};
    EXPECT_TRUE(std::holds_alternative<Exhausted>(study.searcher().suggest(study.state(), later)));
  }
}

TYPED_TEST_P(SearcherContract, OnePossibleConfigurationIsGivenOnce) {
  for (const Space& space : {Space{}, Space{{{"a", Constant{1}}}}, Space{{{"a", Choice{{"x"}}}}}}) {
    auto study = this->study(space);
    study.ask(3);
    EXPECT_EQ(study.state().trials().size(), 1U);
    EXPECT_TRUE(study.state().exhausted());
  }
}

TYPED_TEST_P(SearcherContract, ASpaceThatItsConstraintsLeaveEmptyIsExhausted) {
  Space space;
  space.parameters = {{"lr", Real{0, 1}}};
  space.constraints = {"lr > 1"};
  auto study = this->study(space);
  study.ask(1);
  EXPECT_EQ(study.state().trials().size(), 0U);
  EXPECT_TRUE(study.state().exhausted());
}

TYPED_TEST_P(SearcherContract, AConstraintOnAnyParameterCanBeMet) {
  for (const char* name : {"a", "b", "c"}) {
    Space space;
    space.parameters = {{"a", Real{0, 1}}, {"b", Real{0, 1}}, {"c", Real{0, 1}}};
    space.constraints = {std::string(name) + " > 0.3"};
    auto study = this->study(space);
    study.ask(100);
    EXPECT_EQ(study.state().trials().size(), 100U) << name;
  }
}

TYPED_TEST_P(SearcherContract, WhoCannotDrawNamesTheConstraintThatIsToBlame) {
  Space space;
  space.parameters = {{"lr", Real{0, 1}}};
  space.constraints = {"lr < 2", "lr > 1"};
  auto study = this->study(space);
  study.ask(1);
  const auto answer = study.searcher().suggest(study.state(), study.next());
  ASSERT_TRUE(std::holds_alternative<Exhausted>(answer));
  EXPECT_EQ(std::get<Exhausted>(answer).why,
            "no new configuration was found in 10000 draws: 0 fulfilled the constraints, the "
            "constraint \"lr > 1\" refused 10000 of them");
  auto used_up = this->study(small_space());
  used_up.ask(20);
  EXPECT_EQ(std::get<Exhausted>(used_up.searcher().suggest(used_up.state(), used_up.next())).why,
            "");
}

TYPED_TEST_P(SearcherContract, GridParametersAreCrossedAndTheOthersDrawnForEachCell) {
  Space space;
  space.parameters = {{"a", Grid{{1, 2, 3}}}, {"lr", Real{0, 1}}, {"b", Grid{{"x", "y"}}}};
  auto study = this->study(space);
  study.ask(18);
  const auto configs = study.configs();
  ASSERT_EQ(configs.size(), 18U);
  std::set<double> rates;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    EXPECT_TRUE(*configs[i].find("a") == Value(static_cast<int>(i % 6 / 2) + 1)) << i;
    EXPECT_TRUE(*configs[i].find("b") == Value(i % 2 == 0 ? "x" : "y")) << i;
    rates.insert(*configs[i].find("lr")->number());
  }
  EXPECT_EQ(rates.size(), 18U);
}

REGISTER_TYPED_TEST_SUITE_P(
    SearcherContract, EveryConfigurationIsInsideTheSpaceAndSatisfiesItsConstraints,
    TheSameSeedGivesTheSameConfigurationsAndAnotherSeedOthers, TheOrderOfEventsDoesNotMatter,
    AskingTwiceGivesTheSameAnswer, AFreshSearcherToldTheLogGoesOnAsTheOldOne,
    WhateverTrialsReportAFreshSearcherToldTheLogSuggestsTheSame,
    WhateverTrialsReportAFiniteSpaceIsUsedUpWithoutRepetition,
    PointsComeFirstInOrderTheRestOfThemDrawn, RequestsComeBeforeEverythingElseAndOnce,
    WhatARequestOrPointNeedsToExistIsSetOrDrawnForIt,
    WhatCannotBeIsTriedOnceWithoutWhatDoesNotExist, AConstraintOnAnyParameterCanBeMet,
    WhoCannotDrawNamesTheConstraintThatIsToBlame,
    AFiniteSpaceIsUsedUpWithoutRepetitionAndThenExhausted, OnePossibleConfigurationIsGivenOnce,
    ASpaceThatItsConstraintsLeaveEmptyIsExhausted,
    GridParametersAreCrossedAndTheOthersDrawnForEachCell);

}  // namespace clavier::search
