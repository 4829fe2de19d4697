#include "search/auto.h"

#include <gtest/gtest.h>

#include "search/gp.h"
#include "search/sobol.h"
#include "search/tpe.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

struct MakeAuto {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<AutoSearch>(space, seed);
  }
};
struct MakeStopping {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<AutoSearch>(space, seed, AutoFacts{.stops_early = true});
  }
};
struct MakePopulation {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<AutoSearch>(space, seed, AutoFacts{.population = true});
  }
};
using Kinds = testing::Types<MakeAuto, MakeStopping, MakePopulation>;
INSTANTIATE_TYPED_TEST_SUITE_P(Auto, SearcherContract, Kinds);

/// With so many trials allowed, of which some have ended, each so many seconds after the other.
State state_with(std::int64_t limit, int ended, double seconds_each = 60) {
  State state(Objective{"loss", Mode::kMin}, RetryLimits{});
  std::int64_t step = 0;
  const auto turn = [&](Input input, double at) {
    state.apply(
        Turn{.id = StepId{step++}, .time = StudyTime(from_seconds(at)), .input = std::move(input)});
  };
  turn(Opened{.trials = limit}, 0);
  for (int i = 0; i < ended; ++i) {
    Fill fill;
    fill.created.push_back({.id = TrialId{i}});
    fill.launches.push_back(
        {.id = LaunchId{i}, .members = {{.trial = TrialId{i}}}, .shares = {{SlotId{0}, 1}}});
    state.apply(fill, state.now());
    turn(Signal(Exited{.trial = TrialId{i}, .launch = LaunchId{i}}), seconds_each * (i + 1));
  }
  return state;
}

std::string words(const Space& space, const State& state, AutoFacts facts = {}) {
  return AutoRule(space, facts).words(state);
}

Space reals(int count) {
  Space space;
  for (int i = 0; i < count; ++i) space.parameters.push_back({"x" + std::to_string(i), Real{0, 1}});
  return space;
}

TEST(AutoRule, AsksAGaussianProcessUntilManyTrialsHaveEnded) {
  EXPECT_EQ(words(mixed_space(), state_with(1000, 9)),
            "gp (5 parameters, and fewer than 300 trials have ended; the first are Sobol points)");
  EXPECT_EQ(words(mixed_space(), state_with(1000, 20)),
            "gp (5 parameters, and fewer than 300 trials have ended)");
  EXPECT_TRUE(words(mixed_space(), state_with(1000, 300)).starts_with("tpe (300 trials"));
  EXPECT_TRUE(words(reals(3), state_with(1000, 300)).starts_with("cmaes (300 trials"));
}

TEST(AutoRule, AsksTpeWhereTrialsEndTooFastForAGaussianProcess) {
  EXPECT_TRUE(words(mixed_space(), state_with(1000, 20, 0.1)).starts_with("tpe (more than 5"));
  EXPECT_TRUE(words(reals(3), state_with(1000, 200, 0.1)).starts_with("cmaes (200 trials"));
}

TEST(AutoRule, AsksTpeWhereParametersAreManyOrTrialsAreStoppedEarly) {
  EXPECT_TRUE(words(reals(21), state_with(1000, 20)).starts_with("tpe (21 parameters"));
  EXPECT_TRUE(words(reals(101), state_with(1000, 500)).starts_with("tpe (101 parameters"));
  EXPECT_TRUE(words(reals(501), state_with(1000, 500)).starts_with("sobol (501 parameters"));
  Space choices = reals(1);
  std::vector<Value> many;
  for (int i = 0; i < 129; ++i) many.emplace_back(i);
  choices.parameters.push_back({"c", Choice{many}});
  EXPECT_TRUE(words(choices, state_with(1000, 20)).starts_with("tpe (2 parameters with 129"));
  EXPECT_TRUE(words(reals(3), state_with(1000, 20), {.stops_early = true})
                  .starts_with("tpe (the scheduler"));
}

TEST(AutoRule, LearnsNothingWhereAllWillBeTriedOrTrialsTakeOverFromEachOther) {
  EXPECT_EQ(words(small_space(), state_with(12, 3)),
            "sobol (all 12 configurations fit into 12 trials)");
  EXPECT_TRUE(words(small_space(), state_with(11, 3)).starts_with("gp"));
  EXPECT_TRUE(words(small_space(), state_with(kForever, 3)).starts_with("gp"));
  EXPECT_TRUE(words(reals(3), state_with(100, 3), {.population = true}).starts_with("sobol"));
  EXPECT_TRUE(words(Space{}, state_with(100, 0)).starts_with("sobol"));
}

TEST(AutoRule, AsksTpeWhereThereAreSeveralMetrics) {
  EXPECT_EQ(words(reals(2), state_with(100, 20), {.several = true}),
            "tpe (of the models it is the one that knows several metrics)");
  EXPECT_FALSE(AutoRule(reals(2), {.several = true}).ever(AutoRule::Kind::kGp));
}

TEST(AutoSearch, SuggestsWhatTheSearcherThatItNamesWould) {
  SearchedStudy chosen(MakeAuto::make(mixed_space(), 7));
  SearchedStudy gp(std::make_unique<GpSearch>(mixed_space(), 7));
  for (auto* study : {&chosen, &gp}) run_in_disorder(*study, 40);
  EXPECT_TRUE(chosen.configs() == gp.configs());

  SearchedStudy stopping(MakeStopping::make(mixed_space(), 7));
  SearchedStudy tpe(std::make_unique<TpeSearch>(mixed_space(), 7));
  for (auto* study : {&stopping, &tpe}) run_in_disorder(*study, 40);
  EXPECT_TRUE(stopping.configs() == tpe.configs());
}

TEST(AutoSearch, GoesOnWhereTrialsOfALongStudyRunAgain) {
  SearchedStudy study(MakeAuto::make(plane(), 1));
  const int trials = static_cast<int>(2 * AutoRule::kGpTrials);
  study.ask(trials);
  std::vector<TrialId> failed;
  for (int i = 0; i < trials; ++i) {
    const bool fails = i % 3 > 0;
    study.end(TrialId{i}, fails ? std::nan("") : 1.0,
              fails ? ExitKind::kFailed : ExitKind::kCompleted);
    if (fails) failed.push_back(TrialId{i});
  }
  study.step(UserCommand(Retry{failed}), 0);
  ASSERT_TRUE(words(plane(), study.state()).starts_with("gp")) << "which is there no more";
  study.ask(3);
  EXPECT_EQ(study.configs().size(), static_cast<std::size_t>(trials) + 3);
}

TEST(AutoSearch, WhoTakesOverGoesOnFromWhatOthersHaveFound) {
  SearchedStudy study(MakeAuto::make(plane(), 1));
  const int switched = static_cast<int>(AutoRule::kGpTrials);
  study.ask(switched);  // Sobol points: nothing has ended
  for (int i = 0; i < switched; ++i) study.end(TrialId{i}, bowl(study.configs()[size_t(i)]));
  ASSERT_TRUE(words(plane(), study.state()).starts_with("cmaes"));
  double sum = 0;
  for (int i = switched; i < switched + 50; ++i) {
    study.ask(1);
    study.end(TrialId{i}, bowl(study.configs().back()));
    sum += bowl(study.configs().back());
  }
  EXPECT_LT(sum / 50, 0.05) << "it does not begin in the middle";
}

}  // namespace
}  // namespace clavier::search
