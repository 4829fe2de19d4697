#include "search/tpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "search/random.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

struct MakeTpe {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<TpeSearch>(std::move(space), seed, TpeOptions{.n_startup_trials = 4});
  }
};
struct MakeIndependent {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<TpeSearch>(
        std::move(space), seed,
        TpeOptions{.n_startup_trials = 4, .multivariate = false, .constant_liar = false});
  }
};
using Kinds = testing::Types<MakeTpe, MakeIndependent>;
INSTANTIATE_TYPED_TEST_SUITE_P(Tpe, SearcherContract, Kinds);

/// Of five seeds.
template <typename Run>
double median(const Run& run) {
  std::vector<double> found;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) found.push_back(run(seed));
  std::ranges::sort(found);
  return found[2];
}

TEST(TpeSearch, FindsWhatRandomSearchDoesNot) {
  const double random = median(
      [](auto seed) { return best_of(std::make_unique<RandomSearch>(plane(), seed), 60, bowl); });
  const double tpe = median(
      [](auto seed) { return best_of(std::make_unique<TpeSearch>(plane(), seed), 60, bowl); });
  EXPECT_LT(tpe, random / 5);
}

TEST(TpeSearch, AJointModelSeesAValleyThatSeparateOnesDoNot) {
  const auto valley = [](const Config& config) {
    const double x = number(config, "x"), y = number(config, "y");
    return 20 * std::abs(x + y - 1) + std::abs(x - 0.85);
  };
  const auto found = [&](bool multivariate) {
    return median([&](auto seed) {
      return best_of(
          std::make_unique<TpeSearch>(plane(), seed, TpeOptions{.multivariate = multivariate}), 100,
          valley);
    });
  };
  EXPECT_LT(found(true), found(false));
}

TEST(TpeSearch, TrialsAskedForTogetherLieApart) {
  SearchedStudy study(std::make_unique<TpeSearch>(plane(), 1));
  for (int i = 0; i < 20; ++i) {
    study.ask(1);
    study.end(TrialId{i}, bowl(study.configs().back()));
  }
  study.ask(8);
  const auto configs = study.configs();
  for (std::size_t i = 20; i < configs.size(); ++i)
    for (std::size_t j = 20; j < i; ++j) EXPECT_FALSE(same_config(configs[i], configs[j]));
}

TEST(TpeSearch, FindsTheBranchOfAConditionalSpaceAndItsOwnParameter) {
  EXPECT_LT(median([&](auto seed) {
              return best_of(std::make_unique<TpeSearch>(branches(), seed), 80, branch_loss);
            }),
            0.01);
}

TEST(TpeSearch, WhereTrialsFailItLooksElsewhere) {
  EXPECT_LT(late_failures(std::make_unique<TpeSearch>(plane(), 3), 100), 10);
}

TEST(TpeSearch, ASuggestionOfALongStudyStandsForAllItsTrials) {
  SearchedStudy study(std::make_unique<TpeSearch>(plane(), 1));
  for (int i = 0; i < static_cast<int>(TpeSearch::kMostBad) + 100; ++i) {
    study.ask(1);
    study.end(TrialId{i}, bowl(study.configs().back()));
  }
  EXPECT_LT(study.state().trial(*study.state().best()).best->value, 1e-3);
}

}  // namespace
}  // namespace clavier::search
