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

}  // namespace
}  // namespace clavier::app
