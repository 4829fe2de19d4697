#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "search/cmaes.h"
#include "search/evolution.h"
#include "search/gp.h"
#include "search/nsga2.h"
#include "search/tpe.h"
#include "tests/support/searched_study.h"

// What is known from elsewhere (`Space::known`) before a study has a trial.
namespace clavier::search {
namespace {

Known known(double x, std::optional<double> value, std::int64_t stopped_at = 0) {
  return {config_of({{"x", x}}), value, stopped_at};
}

TEST(KnownTrials, AreObservationsOfTheirStandingBeforeThoseOfTheStudy) {
  Space space;
  space.parameters = {{"x", Real{0, 1}}};
  space.known = {known(0.1, 3), known(0.2, std::nullopt), known(0.3, 5), known(0.4, 4, 7),
                 known(0.6, std::nan(""))};
  Observations observations(space);
  State state({"accuracy", Mode::kMax}, {});
  Fill fill;
  fill.created = {{.id = TrialId{0}, .config = config_of({{"x", 0.5}})}};
  state.apply(fill, state.now());
  observations.follow(state);
  std::vector<std::int64_t> ranked;
  for (const Observation& each : observations.ranking()) ranked.push_back(each.trial.value);
  EXPECT_EQ(ranked, (std::vector<std::int64_t>{-3, -5, -2, -4, -1}));
  EXPECT_EQ(observations.of(TrialId{-3}).value, -5);
  EXPECT_EQ(observations.of(TrialId{-2}).step, 7);
  EXPECT_EQ(observations.of(TrialId{-4}).standing, Standing::kFailed);
  EXPECT_EQ(observations.of(TrialId{-1}).standing, Standing::kFailed);
  EXPECT_EQ(observations.point(TrialId{-5})[0], 0.1);
  EXPECT_EQ(observations.point(TrialId{0})[0], 0.5);
  EXPECT_EQ(observations.known().front(), TrialId{-5});
  EXPECT_EQ(observations.ended_with_value(), 3);
  EXPECT_TRUE(observations.endings().empty());
  EXPECT_EQ(observations.pending(TrialId{1}).size(), 1U);
}

using Make = std::function<std::unique_ptr<Searcher>(Space, std::uint64_t)>;

class Learner : public testing::TestWithParam<Make> {};

INSTANTIATE_TEST_SUITE_P(
    All, Learner,
    testing::Values(
        [](Space space, auto seed) { return std::make_unique<TpeSearch>(std::move(space), seed); },
        [](Space space, auto seed) { return std::make_unique<GpSearch>(std::move(space), seed); },
        [](Space space, auto seed) {
          return std::make_unique<CmaesSearch>(std::move(space), seed);
        },
        [](Space space, auto seed) {
          return std::make_unique<EvolutionSearch>(std::move(space), seed,
                                                   EvolutionOptions{.population_size = 20});
        },
        [](Space space, auto seed) {
          return std::make_unique<Nsga2Search>(std::move(space), seed);
        }));

/// The plane with six times six trials of the bowl.
Space known_plane() {
  Space space = plane();
  for (int i = 0; i < 36; ++i) {
    Config config = config_of({{"x", (i % 6 + 0.5) / 6}, {"y", (i / 6 + 0.5) / 6}});
    const double value = bowl(config);
    space.known.push_back({std::move(config), value});
  }
  return space;
}

TEST_P(Learner, BeginsWhereKnownTrialsWereGood) {
  std::vector<double> with, without;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto mean = [&](const Space& space) {
      SearchedStudy study(GetParam()(space, seed));
      study.ask(4);
      double sum = 0;
      for (const Config& config : study.configs()) sum += bowl(config) / 4;
      return sum;
    };
    with.push_back(mean(known_plane()));
    without.push_back(mean(plane()));
  }
  std::ranges::sort(with);
  std::ranges::sort(without);
  EXPECT_LT(with[2], 0.7 * without[2]);
}

TEST_P(Learner, IsToldTheSameByTheSameLog) {
  SearchedStudy study(GetParam()(known_plane(), 1));
  for (int i = 0; i < 12; ++i) {
    study.ask(1);
    study.end(TrialId{i}, bowl(study.configs().back()));
  }
  auto fresh = GetParam()(known_plane(), 1);
  State state(Objective{"loss", Mode::kMin}, RetryLimits{});
  for (const Step& step : study.log()) {
    state.apply(step.turn);
    fresh->observe(step.turn, state);
    for (const NewTrial& created : step.fill.created)
      EXPECT_TRUE(std::get<Config>(fresh->suggest(state, created.id)) == created.config);
    state.apply(step.fill, step.turn.time);
  }
}

TEST_P(Learner, TriesAgainWhatIsKnownForItIsNoTrialOfTheStudy) {
  Space space;
  space.parameters = {{"units", Integer{1, 2}}};
  for (int i = 0; i < 12; ++i) space.known.push_back({config_of({{"units", 1 + i % 2}}), 0.5});
  SearchedStudy study(GetParam()(space, 1));
  study.ask(1);
  study.end(TrialId{0}, 0.5);
  study.ask(1);
  EXPECT_EQ(study.configs().size(), 2U);
}

}  // namespace
}  // namespace clavier::search
