#include <gtest/gtest.h>

#include "app/file/recorded_study.h"
#include "app/file/study_file.h"
#include "app/file/study_folder.h"
#include "app/registry/registry.h"
#include "app/run/simulate_study.h"
#include "app/run/study_check.h"
#include "app/tuning.h"
#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

std::string text(std::string_view objective) {
  return "[study]\nname = 'several'\n" + std::string(objective) + R"(
trials = 40
[space]
lr = { loguniform = [1e-4, 1] }
name = { choice = ["sgd", "adam"] }
momentum = { uniform = [0, 0.99], when = { name = "sgd" } }
[trial.stop]
steps = 9
[worker]
command = ["true"]
[cluster]
workers = 4
discover = true
[simulate]
failure_probability = 0.01
)";
}

constexpr std::string_view kTwo =
    "metrics = [{ name = 'accuracy', mode = 'max' }, { name = 'latency', mode = 'min' }]";

std::string problem(std::string_view objective, const std::string& more = "") {
  const auto spec = parse_study(text(objective) + more, "s.toml");
  return spec ? "none" : spec.error().message;
}

TEST(SeveralMetrics, AreReadInTheirOrderAndWrittenBack) {
  const auto spec = parse_study(text(kTwo), "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->objective, Objectives({"accuracy", Mode::kMax}, {{"latency", Mode::kMin}}));
  const auto again = parse_study(to_toml(*spec), "s.toml");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->objective, spec->objective);
}

TEST(SeveralMetrics, OneInAListIsTheSameAsMetricAndMode) {
  const auto listed = parse_study(text("metrics = [{ name = 'loss', mode = 'min' }]"), "s.toml");
  const auto single = parse_study(text("metric = 'loss'\nmode = 'min'"), "s.toml");
  ASSERT_TRUE(listed.ok() && single.ok());
  EXPECT_EQ(listed->objective, single->objective);
  EXPECT_EQ(to_toml(*listed), to_toml(*single));
  EXPECT_TRUE(check_unchanged(*single, *listed).ok());
}

TEST(SeveralMetrics, WhatIsWrongWithThemIsToldWithItsPlace) {
  EXPECT_EQ(problem("metric = 'a'\nmetrics = [{ name = 'b', mode = 'min' }]"),
            "s.toml:3:1: [study] has metrics, which say name and mode of each: leave metric out");
  const std::string place = "s.toml:3:11: study.metrics";
  EXPECT_EQ(problem("metrics = []"),
            place + " must be a list of 1 to 6 tables with name and mode, not a list");
  EXPECT_EQ(problem("metrics = ['loss']"),
            place + ": each is a table such as { name = \"loss\", mode = \"min\" }");
  EXPECT_EQ(problem("metrics = [{ name = 'a' }]"), place + ": each needs mode");
  EXPECT_EQ(problem("metrics = [{ name = 'a', mod = 'min' }]"),
            place + ": unknown key \"mod\"; did you mean \"mode\"?");
  EXPECT_EQ(problem("metrics = [{ name = 'a', mode = 'least' }]"),
            place + ": mode must be \"min\" or \"max\", not \"least\"");
  EXPECT_EQ(problem("metrics = [{ name = 'a', mode = 'min' }, { name = 'a', mode = 'max' }]"),
            place + ": \"a\" is there twice");
}

TEST(SeveralMetrics, WhatComparesOneNumberIsRefusedWithWhatDoesNot) {
  EXPECT_EQ(problem(kTwo, "[search]\nalgorithm = 'gp'\n"),
            "s.toml:3:1: search.algorithm: gp compares trials by one metric, and study.metrics has "
            "2; these take several: auto, random, grid, sobol, tpe, nsga2");
  EXPECT_EQ(
      problem(kTwo, "[scheduler]\nalgorithm = 'median'\n"),
      "s.toml:3:1: scheduler.algorithm: median (variant sound) compares trials by one metric, "
      "and study.metrics has 2; these take several: fifo, asha (variant stopping)");
  EXPECT_EQ(problem(kTwo, "[stop]\nmetric = 0.9\n"),
            "s.toml:3:1: stop.metric asks for the best value of one metric, and study.metrics has "
            "2; use time, trials or cost of [stop]");
}

TEST(SeveralMetrics, SoAreRulesOfTrialsThatCompareOneNumber) {
  const std::vector<Override> rule = {{"trial.stop.patience", "{ steps = 3 }"}};
  const auto spec = parse_study(text(kTwo), "s.toml", rule);
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().message,
            "s.toml:3:1: trial.stop.patience compares trials by one metric, and study.metrics has "
            "2; use threshold of [trial.stop], or algorithm = \"asha\" in [scheduler]");
}

TEST(SeveralMetrics, TrialsOfOtherStudiesAreSaidToHaveNoEffect) {
  const auto spec = parse_study(text(kTwo) + "[search]\nwarm_start = 'other'\n", "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_EQ(spec->notes.size(), 1U);
  EXPECT_NE(spec->notes[0].find("search.warm_start has no effect"), std::string::npos);
  const auto copied = parse_study(
      text(kTwo) + "[search]\nwarm_start_trials = [{ config = { x = 0.5 }, value = 1 }]\n",
      "s.toml");
  ASSERT_TRUE(copied.ok()) << copied.error().message;
  EXPECT_TRUE(copied->space.known.empty());
}

TEST(SeveralMetrics, ACheckpointAtEachBestStepIsSaidToHaveNoEffect) {
  const auto spec = parse_study(text(kTwo) + "[checkpoint]\nbest = true\n", "s.toml");
  ASSERT_TRUE(spec.ok());
  ASSERT_EQ(spec->notes.size(), 1U);
  EXPECT_NE(spec->notes[0].find("checkpoint.best has no effect"), std::string::npos);
}

TEST(SeveralMetrics, ChangingThemUnderWayIsNamed) {
  const auto before = parse_study(text(kTwo), "s.toml");
  const auto now = parse_study(text("metric = 'accuracy'\nmode = 'max'"), "s.toml");
  ASSERT_TRUE(before.ok() && now.ok());
  const Status changed = check_unchanged(*before, *now);
  ASSERT_FALSE(changed.ok());
  EXPECT_NE(changed.error().message.find("study.metrics was "), std::string::npos)
      << changed.error().message;
}

/// Trials at once, failures, early stops: and every suggestion and decision is found again.
TEST(SeveralMetrics, AStudyRunsToItsEndAndIsFoundAgainByEverySearcherAndScheduler) {
  for (const AlgorithmInfo* searcher : algorithms(Family::kSearcher))
    for (const char* scheduler : {"fifo", "asha"}) {
      if (!searcher->traits.several || searcher->traits.enumerates) continue;
      const ScratchDirectory home;
      std::vector<Override> choice{{"search.algorithm", std::string(searcher->name)},
                                   {"scheduler.algorithm", scheduler}};
      if (searcher->name == "nsga2") choice.push_back({"search.population_size", "8"});
      const auto spec = parse_study(text(kTwo), "s.toml", choice);
      ASSERT_TRUE(spec.ok()) << spec.error().message;
      const auto folder = make_study_folder(home.path(), "several");
      const auto done = simulate_study(*spec, {.folder = folder->root});
      ASSERT_TRUE(done.ok()) << searcher->name << ": " << done.error().message;
      EXPECT_EQ(done->state.trials().size(), 40U) << searcher->name;
      EXPECT_GT(done->state.front().size(), 1U) << "each metric has its own best configuration";
      EXPECT_FALSE(done->state.best());
      const auto verified = verify_study(folder->root);
      EXPECT_TRUE(verified.ok()) << searcher->name << ": " << verified.error().message;
      // Also whoever wants no metrics of the log has the front.
      const auto skimmed = read_recorded(*folder, store::Metrics::kSkip);
      ASSERT_TRUE(skimmed.ok());
      EXPECT_EQ(skimmed->state.front(), done->state.front());
    }
}

TEST(SeveralMetrics, ARecordedStudyOfThemIsAWorldForAnotherOne) {
  const ScratchDirectory home;
  const auto spec = parse_study(text(kTwo), "s.toml");
  const auto folder = make_study_folder(home.path(), "several");
  const auto done = simulate_study(*spec, {.folder = folder->root});
  ASSERT_TRUE(done.ok()) << done.error().message;
  const auto again =
      parse_study(text(kTwo) + "curve = 'study'\nfrom = '" + folder->root.string() + "'\n",
                  "s.toml", std::vector<Override>{{"simulate.failure_probability", "0"}});
  ASSERT_TRUE(again.ok()) << again.error().message;
  const auto repeated = simulate_study(*again, {});
  ASSERT_TRUE(repeated.ok()) << repeated.error().message;
  for (const TrialId id : repeated->state.front())
    EXPECT_EQ(repeated->state.trial(id).best->further.size(), 1U);
  EXPECT_FALSE(repeated->state.front().empty());
}

TEST(SeveralMetrics, AProgramAsksAndTellsThem) {
  Tuning tuning;
  tuning.objective = {{"loss", Mode::kMin}, {{"size", Mode::kMin}}};
  tuning.space.parameters = {{"x", uniform(0, 1)}};
  tuning.search = {"nsga2"};
  tuning.trials = 3;
  auto study = AskTell::create(tuning);
  ASSERT_TRUE(study.ok()) << study.error().message;
  const double values[][2] = {{1, 3}, {2, 2}, {3, 3}};
  for (const auto& [loss, size] : values) {
    const auto asked = study->ask();
    ASSERT_TRUE(asked.ok());
    ASSERT_TRUE(study->tell(asked->trial, {{"loss", loss}, {"size", size}}).ok());
  }
  EXPECT_EQ(study->state().front(), (std::vector<TrialId>{TrialId{0}, TrialId{1}}));
  tuning.search = {"cmaes"};
  EXPECT_FALSE(AskTell::create(tuning).ok());
}

}  // namespace
}  // namespace clavier::app
