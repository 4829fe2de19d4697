#include "search/evolution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "search/random.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

struct MakeEvolution {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<EvolutionSearch>(std::move(space), seed);
  }
};
/// Children from the third trial on.
struct MakeSmall {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<EvolutionSearch>(
        std::move(space), seed, EvolutionOptions{.population_size = 2, .sample_size = 2});
  }
};
using Kinds = testing::Types<MakeEvolution, MakeSmall>;
INSTANTIATE_TYPED_TEST_SUITE_P(Evolution, SearcherContract, Kinds);

TEST(EvolutionSearch, FindsTheBottomOfABowlAlsoWithTrialsAtOnce) {
  const double random = best_of(std::make_unique<RandomSearch>(plane(), 1), 200, bowl);
  EXPECT_LT(best_of(MakeEvolution::make(plane(), 1), 200, bowl), random / 20);
  EXPECT_LT(best_of(MakeEvolution::make(plane(), 1), 200, bowl, 8), random / 20);
}

TEST(EvolutionSearch, AChildDiffersFromATrialInOneParameterAndWhatThatBringsWithIt) {
  Space space;
  space.parameters = {{"kind", Choice{{"a", "b"}}},
                      {"u", Real{0, 1}, {{"kind", {"a"}}}},
                      {"v", Real{0, 1}, {{"kind", {"b"}}}},
                      {"w", Real{0, 1}}};
  SearchedStudy study(std::make_unique<EvolutionSearch>(
      space, 1, EvolutionOptions{.population_size = 5, .sample_size = 2}));
  for (int i = 0; i < 40; ++i) {
    study.ask(1);
    study.end(TrialId{i}, number(study.configs().back(), "w"));
  }
  const auto configs = study.configs();
  const auto same = [](const Config& a, const Config& b, const char* name) {
    const Value *x = a.find(name), *y = b.find(name);
    return x && y && *x == *y;
  };
  for (std::size_t child = 5; child < configs.size(); ++child) {
    bool has_parent = false;
    for (std::size_t i = child - 5; i < child; ++i) {
      const bool kind = same(configs[i], configs[child], "kind");
      const bool w = same(configs[i], configs[child], "w");
      const bool own =
          same(configs[i], configs[child], "u") || same(configs[i], configs[child], "v");
      has_parent |= kind ? w || own : w;
    }
    EXPECT_TRUE(has_parent) << child;
  }
}

TEST(EvolutionSearch, TheOldLeaveThePopulationHoweverGood) {
  SearchedStudy study(std::make_unique<EvolutionSearch>(
      plane(), 1, EvolutionOptions{.population_size = 4, .sample_size = 100}));
  for (int i = 0; i < 40; ++i) {
    study.ask(1);
    study.end(TrialId{i}, i);  // the first is the best for ever
  }
  const auto configs = study.configs();
  const auto shares = [&](std::size_t child, std::size_t parent) {
    return number(configs[child], "x") == number(configs[parent], "x") ||
           number(configs[child], "y") == number(configs[parent], "y");
  };
  for (std::size_t child = 8; child < configs.size(); ++child)
    EXPECT_TRUE(shares(child, child - 4)) << "of the last four it is the best: " << child;
}

TEST(EvolutionSearch, FailedTrialsAreNoParentsWhereOthersAre) {
  SearchedStudy study(MakeEvolution::make(plane(), 3));
  int failed = 0;
  for (int i = 0; i < 150; ++i) {
    study.ask(1);
    const Config config = study.configs().back();
    const bool fails = number(config, "x") > 0.5;
    if (i >= 100) failed += fails;
    study.end(TrialId{i}, fails ? std::nan("") : bowl(config));
  }
  EXPECT_LT(failed, 5);
}

}  // namespace
}  // namespace clavier::search
