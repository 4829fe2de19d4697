#include "search/gp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

struct MakeGp {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<GpSearch>(std::move(space), seed);
  }
};
/// The model from the second trial on.
struct MakeEarly {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<GpSearch>(std::move(space), seed, GpOptions{.n_startup_trials = 1});
  }
};
using Kinds = testing::Types<MakeGp, MakeEarly>;
INSTANTIATE_TYPED_TEST_SUITE_P(Gp, SearcherContract, Kinds);

TEST(GpSearch, FindsTheBottomOfABowlAlsoWithTrialsAtOnce) {
  EXPECT_LT(best_of(MakeGp::make(plane(), 1), 30, bowl), 1e-5);
  EXPECT_LT(best_of(MakeGp::make(plane(), 1), 50, bowl, 8), 1e-4);
}

TEST(GpSearch, WhatIsHugeDoesNotDrownTheRest) {
  const auto loss = [](const Config& config) {
    return number(config, "x") > 0.5 ? 1e300 : bowl(config);
  };
  EXPECT_LT(best_of(MakeGp::make(plane(), 1), 40, loss), 1e-4);
}

TEST(GpSearch, TrialsAskedForTogetherLieApart) {
  SearchedStudy study(MakeGp::make(plane(), 1));
  for (int i = 0; i < 20; ++i) {
    study.ask(1);
    study.end(TrialId{i}, bowl(study.configs().back()));
  }
  study.ask(6);
  const auto configs = study.configs();
  for (std::size_t i = 20; i < configs.size(); ++i)
    for (std::size_t j = 20; j < i; ++j)
      EXPECT_GT(std::abs(number(configs[i], "x") - number(configs[j], "x")) +
                    std::abs(number(configs[i], "y") - number(configs[j], "y")),
                1e-5);
}

TEST(GpSearch, FindsTheBranchOfAConditionalSpaceAndItsOwnParameter) {
  EXPECT_LT(best_of(MakeGp::make(branches(), 1), 50, branch_loss), 1e-3);
}

TEST(GpSearch, MovesOverWholeNumbersAndChoices) {
  Space space;
  space.parameters = {{"n", Integer{1, 40}}, {"m", Integer{1, 8}}, {"x", Real{0, 1}}};
  for (const char* name : {"p", "q"}) space.parameters.push_back({name, Choice{{0, 1, 2, 3}}});
  const auto loss = [](const Config& config) {
    return std::abs(number(config, "n") - 33) / 40 + std::abs(number(config, "m") - 2) / 8 +
           std::pow(number(config, "x") - 0.3, 2) + (number(config, "p") != 1) +
           (number(config, "q") != 2);
  };
  EXPECT_LT(best_of(MakeGp::make(space, 1), 80, loss), 0.01);
}

TEST(GpSearch, AConstraintCutsOffTheBottom) {
  Space space = plane();
  space.constraints = {"x + y >= 1.1"};
  EXPECT_LT(best_of(MakeGp::make(space, 1), 50, bowl), 0.0205);  // 0.02 on the edge
}

TEST(GpSearch, WhereTrialsFailItLooksElsewhere) {
  EXPECT_LT(late_failures(MakeGp::make(plane(), 3), 60), 6);
}

TEST(GpSearch, NoSuggestionWaitsForAFitWhereThereIsTimeBetweenAndNoneDependsOnIt) {
  const auto run = [](bool prepared) {
    auto searcher = std::make_unique<GpSearch>(plane(), 1);
    const GpSearch& gp = *searcher;
    SearchedStudy study(std::move(searcher));
    for (int i = 0; i < 40; ++i) {
      study.ask(1);
      if (prepared) gp.prepare(study.state());
      study.end(TrialId{i}, bowl(study.configs().back()));
    }
    return std::pair(study.configs(), gp.late_fits());
  };
  const auto [ahead, few] = run(true);
  const auto [late, many] = run(false);
  EXPECT_TRUE(ahead == late);
  EXPECT_EQ(few, 1) << "the first is due when the model is first asked";
  EXPECT_GT(many, 10);
}

TEST(GpSearch, BeyondTheMostPointsTheBestStillCount) {
  SearchedStudy study(MakeGp::make(plane(), 1));
  const int trials = static_cast<int>(GpSearch::kMostPoints) + 50;
  study.ask(trials);  // Sobol points: nothing has ended
  for (int i = 0; i < trials; ++i) study.end(TrialId{i}, bowl(study.configs()[size_t(i)]));
  for (int i = 0; i < 3; ++i) {
    study.ask(1);
    study.end(TrialId{trials + i}, bowl(study.configs().back()));
  }
  EXPECT_LT(study.state().trial(*study.state().best()).best->value, 1e-5);
}

}  // namespace
}  // namespace clavier::search
