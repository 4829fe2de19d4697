#include <gtest/gtest.h>

#include "app/file/study_file.h"
#include "app/file/study_folder.h"
#include "app/run/simulate_study.h"
#include "app/run/study_check.h"
#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

constexpr const char* kStudy = R"(
[study]
name = "bandits"
metric = "val_loss"
mode = "min"
trials = 8
[space]
optimizer.lr = { loguniform = [1e-4, 1] }
optimizer.momentum = { uniform = [0, 0.99] }
layers = { int = [1, 8] }
[search]
algorithm = "random"
[scheduler]
algorithm = "pb2"
interval = 5
[trial.stop]
steps = 30
[worker]
command = ["true"]
[[cluster.slots]]
count = 2
speed = 3
[[cluster.slots]]
count = 2
speed = 1
[simulate]
failure_probability = 0.01
)";

TEST(Pb2Study, RunsToItsEndAndItsDecisionsAreFoundAgain) {
  for (const char* planner : {"first-fit", "auto"}) {
    const ScratchDirectory home;
    const auto spec = parse_study(
        std::string(kStudy) + "[planner]\nalgorithm = \"" + planner + "\"\n", "bandits.toml");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    EXPECT_EQ(spec->checkpoint.every, 5);
    const auto folder = make_study_folder(home.path(), "bandits");
    const auto done = simulate_study(*spec, {.folder = folder->root});
    ASSERT_TRUE(done.ok()) << done.error().message;
    std::size_t exploits = 0;
    for (const Trial& trial : done->state.trials()) {
      exploits += trial.takeovers.size();
      EXPECT_TRUE(ended(trial.status));
    }
    EXPECT_GT(exploits, 3u) << planner;
    const auto verified = verify_study(folder->root);
    EXPECT_TRUE(verified.ok()) << verified.error().message;
  }
}

TEST(Pb2Study, SynchronousTrialsExchangeTogether) {
  const auto spec =
      parse_study(kStudy, "bandits.toml", std::vector<Override>{{"scheduler.synch", "true"}});
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  const auto done = simulate_study(*spec, {});
  ASSERT_TRUE(done.ok()) << done.error().message;
  for (const Trial& trial : done->state.trials())
    for (const Takeover& each : trial.takeovers) EXPECT_EQ(each.at, each.donor.step);
}

}  // namespace
}  // namespace clavier::app
