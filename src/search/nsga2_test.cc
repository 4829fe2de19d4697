#include "search/nsga2.h"

#include <gtest/gtest.h>

#include "search/random.h"
#include "search/tpe.h"
#include "study/pareto.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

const Objectives kTwo{{"loss", Mode::kMin}, {{"gain", Mode::kMax}}};

/// Few trials begin, so that the contract reaches the children.
struct MakeNsga2 {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<Nsga2Search>(std::move(space), seed,
                                         Nsga2Options{.population_size = 6});
  }
};
struct MakeNsga2OfTwo : MakeNsga2 {
  static Objectives objective() { return kTwo; }
};
struct MakeTpeOfTwo {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<TpeSearch>(std::move(space), seed);
  }
  static Objectives objective() { return kTwo; }
};

using Kinds = testing::Types<MakeNsga2, MakeNsga2OfTwo, MakeTpeOfTwo>;
INSTANTIATE_TYPED_TEST_SUITE_P(Several, SearcherContract, Kinds);

/// Six real numbers; f1 = x, and f2 falls with it where the others are 0 (ZDT1).
Space unit_space() {
  Space space;
  for (const char* name : {"x", "a", "b", "c", "d", "e"})
    space.parameters.push_back({name, Real{0, 1}});
  return space;
}

std::vector<double> zdt1(const Config& config) {
  double sum = 0;
  for (const char* name : {"a", "b", "c", "d", "e"}) sum += number(config, name);
  const double x = number(config, "x"), g = 1 + 9 * sum / 5;
  return {x, -g * (1 - std::sqrt(x / g))};
}

/// What the trials cover, `pending` at a time; at most 120 2/3 of the box.
double covered(std::unique_ptr<Searcher> searcher, int trials, int pending = 1) {
  SearchedStudy study(std::move(searcher), kTwo);
  std::vector<Scores> points;
  for (TrialId done{0}; std::ssize(study.state().trials()) < trials;) {
    study.ask(pending);
    for (; done < study.next(); ++done.value) {
      const auto values = zdt1(study.state().trial(done).config);
      study.end(done, values);
      points.push_back({values[0], -values[1]});
    }
  }
  return hypervolume(points, {1, 10});
}

double mean_covered(const auto& make, int trials, int pending = 1) {
  double sum = 0;
  for (const std::uint64_t seed : {1U, 2U, 3U})
    sum += covered(make(unit_space(), seed), trials, pending);
  return sum / 3;
}

TEST(SeveralObjectives, LearningCoversMoreThanDrawing) {
  const double drawn = mean_covered(
      [](Space space, std::uint64_t seed) {
        return std::make_unique<RandomSearch>(std::move(space), seed);
      },
      150);
  const auto nsga2 = [](Space space, std::uint64_t seed) {
    return std::make_unique<Nsga2Search>(std::move(space), seed);
  };
  const double bred = mean_covered(nsga2, 150);
  const double bred_together = mean_covered(nsga2, 150, 8);
  const double modelled = mean_covered(MakeTpeOfTwo::make, 150);
  RecordProperty("drawn", std::to_string(drawn));
  RecordProperty("nsga2", std::to_string(bred));
  RecordProperty("nsga2, 8 at once", std::to_string(bred_together));
  RecordProperty("tpe", std::to_string(modelled));
  EXPECT_GT(bred, drawn + 1);
  EXPECT_GT(bred_together, drawn + 1);
  EXPECT_GT(modelled, drawn + 1);
}

TEST(Nsga2Search, FindsTheBestOfOneObjectiveToo) {
  double sum = 0;
  for (const std::uint64_t seed : {1U, 2U, 3U})
    sum += best_of(std::make_unique<Nsga2Search>(plane(), seed), 150, bowl);
  EXPECT_LT(sum / 3, 1e-3);
}

TEST(Nsga2Search, ChildrenHaveWhatTheirConditionsAskFor) {
  Space space;
  space.parameters = {{"kind", Choice{{"a", "b"}}},
                      {"x", Real{0, 1}, {{"kind", {"a"}}}},
                      {"y", Integer{1, 9}, {{"kind", {"b"}}}}};
  SearchedStudy study(std::make_unique<Nsga2Search>(space, 1, Nsga2Options{.population_size = 4}),
                      kTwo);
  std::set<std::string> kinds;
  for (int i = 0; i < 60; ++i) {
    study.ask(1);
    const Config config = study.configs().back();
    const bool a = *config.find("kind") == Value("a");
    EXPECT_EQ(config.find("x") != nullptr, a);
    EXPECT_EQ(config.find("y") != nullptr, !a);
    kinds.insert(a ? "a" : "b");
    study.end(TrialId{i}, {a ? number(config, "x") : 1.0, a ? 0.5 : number(config, "y")});
  }
  EXPECT_EQ(kinds.size(), 2U);
}

TEST(Observations, OfSeveralObjectivesTheBestAreTheFrontOfCompleteTrials) {
  SearchedStudy study(std::make_unique<RandomSearch>(plane(), 1), kTwo);
  study.ask(5);
  study.end(TrialId{0}, {1, 1});
  study.end(TrialId{1}, {2, 2});
  study.end(TrialId{2}, {2, 1});
  study.end(TrialId{3}, {0, 9}, ExitKind::kFailed);
  Observations seen(plane());
  State state(kTwo, {});
  for (const Step& step : study.log()) {
    state.apply(step.turn);
    seen.observe(step.turn, state);
    state.apply(step.fill, step.turn.time);
  }
  seen.follow(state);
  const auto best = seen.best(9, Ties::kCrowding);
  EXPECT_EQ(best, (std::vector<TrialId>{TrialId{0}, TrialId{1}, TrialId{2}, TrialId{3}}))
      << "one that failed with a value was not complete";
  EXPECT_EQ(seen.best(2, Ties::kHypervolume).size(), 2U);
}

}  // namespace
}  // namespace clavier::search
