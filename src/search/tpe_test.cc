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
  Space space;
  space.parameters = {{"kind", Choice{{"a", "b", "c"}}},
                      {"u", Real{0, 1}, {{"kind", {"a"}}}},
                      {"v", Real{0, 1}, {{"kind", {"b"}}}}};
  const auto loss = [](const Config& config) {
    const auto& kind = *config.find("kind")->as<std::string>();
    if (kind == "a") return 0.2 + std::pow(number(config, "u") - 0.5, 2);
    return kind == "b" ? std::pow(number(config, "v") - 0.2, 2) : 0.5;
  };
  EXPECT_LT(median([&](auto seed) {
              return best_of(std::make_unique<TpeSearch>(space, seed), 80, loss);
            }),
            0.01);
}

TEST(TpeSearch, WhereTrialsFailItLooksElsewhere) {
  SearchedStudy study(std::make_unique<TpeSearch>(plane(), 3));
  int failed = 0;
  for (int i = 0; i < 100; ++i) {
    study.ask(1);
    const Config config = study.configs().back();
    const bool fails = number(config, "x") > 0.5;
    if (i >= 50) failed += fails;
    study.end(TrialId{i}, fails ? std::nan("") : bowl(config));
  }
  EXPECT_LT(failed, 10);
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
