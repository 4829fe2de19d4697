#include <gtest/gtest.h>

#include "app/file/study_file.h"
#include "app/file/trainer.h"
#include "app/run/study_check.h"

namespace clavier::app {
namespace {

StudySpec study(std::vector<Override> overrides = {}) {
  constexpr std::string_view kText = R"(
[study]
name = "s"
metric = "loss"
mode = "min"
seed = 3
[space]
lr = { loguniform = [1e-4, 1e-1] }
[trial.stop]
steps = 4
[trainer]
model = "mlp"
data = "digits"
batch_size = 16
)";
  auto spec = parse_study(kText, "s.toml", overrides);
  EXPECT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_TRUE(resolve_trainer(*spec).ok());
  return *std::move(spec);
}

/// The differences that are named, a line each.
std::string named(std::vector<Override> overrides) {
  const Status unchanged = check_unchanged(study(), study(std::move(overrides)));
  if (unchanged.ok()) return "";
  const std::string& message = unchanged.error().message;
  const auto from = message.find('\n') + 1;
  return message.substr(from, message.rfind('\n') - from);
}

TEST(CheckUnchangedTest, EachDifferenceIsNamedByItsKey) {
  EXPECT_EQ(named({{"trainer.batch_size", "32"}}), "  trainer.batch_size was 16 and is now 32");
  EXPECT_EQ(named({{"study.metric", "\"acc\""}, {"study.mode", "\"max\""}}),
            "  study.metric was \"loss\" and is now \"acc\"\n"
            "  study.mode was \"min\" and is now \"max\"");
  EXPECT_EQ(named({{"space.lr", "{ uniform = [0, 1] }"}}),
            "  space.lr was { loguniform = [0.0001, 0.1] } and is now { uniform = [0.0, 1.0] }");
  EXPECT_EQ(named({{"trainer.flip", "true"}}), "  trainer.flip was false and is now true");
  EXPECT_EQ(named({{"search.algorithm", "\"sobol\""}}),
            "  search.algorithm was \"auto\" and is now \"sobol\"");
}

TEST(CheckUnchangedTest, WhatFollowsFromAChangeIsNotNamedBesideIt) {
  EXPECT_EQ(named({{"study.seed", "4"}}), "  study.seed was 3 and is now 4");
  EXPECT_EQ(named({{"trial.stop.steps", "8"}}), "  trial.stop.steps was 4 and is now 8");
  EXPECT_EQ(named({{"scheduler.algorithm", "\"asha\""}}),
            "  scheduler.algorithm was \"fifo\" and is now \"asha\"");
}

TEST(CheckUnchangedTest, LimitsAndRulesMayChange) {
  EXPECT_EQ(named({{"study.trials", "9"}, {"trial.max_failures", "2"}, {"stop.time", "\"1h\""}}),
            "");
}

}  // namespace
}  // namespace clavier::app
