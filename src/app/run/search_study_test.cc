#include <gtest/gtest.h>

#include "app/file/study_file.h"
#include "app/file/study_folder.h"
#include "app/registry/registry.h"
#include "app/run/simulate_study.h"
#include "app/run/study_check.h"
#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

constexpr const char* kStudy = R"(
[study]
name = "searched"
metric = "val_loss"
mode = "min"
trials = 40
[space]
optimizer.lr = { loguniform = [1e-4, 1] }
optimizer.name = { choice = ["sgd", "adam"] }
optimizer.momentum = { uniform = [0, 0.99], when = { "optimizer.name" = "sgd" } }
layers = { int = [1, 8] }
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

/// Trials at once, failures, early stops: and every suggestion is found again.
TEST(SearchStudy, RunsToItsEndAndItsSuggestionsAreFoundAgain) {
  for (const std::string& searcher : algorithm_names(Family::kSearcher))
    for (const char* scheduler : {"fifo", "asha", "hyperband"}) {
      const bool by_rungs = traits_of(Family::kSearcher, {searcher}).by_rungs;
      if (by_rungs && std::string_view(scheduler) == "fifo") continue;
      const ScratchDirectory home;
      const auto spec = parse_study(kStudy, "searched.toml",
                                    std::vector<Override>{{"search.algorithm", searcher},
                                                          {"scheduler.algorithm", scheduler}});
      ASSERT_TRUE(spec.ok()) << spec.error().message;
      const auto folder = make_study_folder(home.path(), "searched");
      const auto done = simulate_study(*spec, {.folder = folder->root});
      ASSERT_TRUE(done.ok()) << searcher << ": " << done.error().message;
      EXPECT_EQ(done->state.trials().size(), 40U) << searcher;
      const auto verified = verify_study(folder->root);
      EXPECT_TRUE(verified.ok()) << searcher << ": " << verified.error().message;
    }
}

TEST(SearchStudy, OneBegunWhenRandomWasTheDefaultGoesOnAsItWas) {
  const ScratchDirectory home;
  const auto before = parse_logged_study(kStudy, "searched.toml");
  ASSERT_TRUE(before.ok()) << before.error().message;
  const auto folder = make_study_folder(home.path(), "searched");
  ASSERT_TRUE(simulate_study(*before, {.folder = folder->root}).ok());
  EXPECT_TRUE(verify_study(folder->root).ok());
  const auto log = store::StepLog::open_to_read(folder->database());
  ASSERT_TRUE(log.ok()) << log.error().message;

  auto now = parse_study(kStudy, "searched.toml");
  ASSERT_TRUE(now.ok());
  ASSERT_EQ(now->search.algorithm, "auto");
  const auto kept = keep_searcher(*log, *now);
  ASSERT_TRUE(kept.ok()) << kept.error().message;
  EXPECT_TRUE(*kept);
  EXPECT_EQ(now->search.algorithm, "random");
  EXPECT_TRUE(check_goes_on(kStudy, *now).ok());
  EXPECT_EQ(parse_logged_study(now->text, "searched.toml")->search.algorithm, "random");

  const std::vector<Override> said{{"search.algorithm", "auto"}};
  auto other = parse_study(kStudy, "searched.toml", said);
  EXPECT_FALSE(*keep_searcher(*log, *other));
  EXPECT_NE(check_goes_on(kStudy, *other).error().message.find("search.algorithm was"),
            std::string::npos);
}

TEST(SearchStudy, AutoSaysWhomItAsksAndWhy) {
  const auto spec = parse_study(kStudy, "searched.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  const State begun(spec->objective, spec->trial.retries);
  EXPECT_EQ(
      explain_search(*spec, begun),
      "auto: gp (4 parameters, and fewer than 300 trials have ended; the first are Sobol points)");
  const auto stopping =
      parse_study(kStudy, "searched.toml", std::vector<Override>{{"scheduler.algorithm", "asha"}});
  EXPECT_TRUE(explain_search(*stopping, begun).starts_with("auto: tpe (the scheduler stops"));
  const auto plain =
      parse_study(kStudy, "searched.toml", std::vector<Override>{{"search.algorithm", "sobol"}});
  EXPECT_EQ(explain_search(*plain, begun), "sobol");
}

}  // namespace
}  // namespace clavier::app
