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
struct MakeByRungs {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<TpeSearch>(
        std::move(space), seed,
        TpeOptions{.n_startup_trials = 4, .random_fraction = 0.3, .rungs = {1, 3}});
  }
};
using Kinds = testing::Types<MakeTpe, MakeIndependent, MakeByRungs>;
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

/// The mean distance of the later trials from where the last step is best; at the first one it is
/// better the further x is from there, and by more.
double astray(const TpeOptions& options) {
  SearchedStudy study(std::make_unique<TpeSearch>(plane(), 3, options));
  double sum = 0;
  for (int i = 0; i < 60; ++i) {
    study.ask(1);
    const TrialId id{i};
    const Config config = study.configs().back();
    const auto report = [&](Steps step, double value) {
      study.step(
          Signal(Reported{{{.trial = id, .launch = LaunchId{i}, .step = step, .value = value}}}),
          0);
    };
    report(1, -10 - number(config, "x"));
    report(9, bowl(config));
    study.step(Signal(Exited{.trial = id, .launch = LaunchId{i}}), 0);
    if (i >= 40) sum += std::sqrt(bowl(config)) / 20;
  }
  return sum;
}

TEST(TpeSearch, ByRungsLearnsFromTheHighestThatEnoughTrialsHaveComeTo) {
  EXPECT_LT(astray({.rungs = {1, 9}}), 0.2);
  EXPECT_GT(astray({.rungs = {1, 27}}), 0.4) << "nobody comes to step 27";
  EXPECT_GT(astray({}), 0.4) << "the best of a trial is its value at step 1";
}

TEST(TpeSearch, APartIsDrawnAtRandomWhereThatIsSaid) {
  EXPECT_GT(astray({.random_fraction = 1, .rungs = {1, 9}}), 0.3);
}

}  // namespace
}  // namespace clavier::search
