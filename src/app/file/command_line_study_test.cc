#include <gtest/gtest.h>

#include "app/file/study_file.h"

namespace clavier::app {
namespace {

TEST(CommandLineStudy, StandsForAStudyFile) {
  const auto spec = from_command_line(
      {.space = {"lr=loguniform(1e-5,1e-1)", "optimizer = choice(sgd, adam)", "wd=.1", "n=3",
                 "layers=choice([64,64],[128])", "twice=expr(2 * n)", "o.eps=1e-8"},
       .objective = {"val_loss", Mode::kMin},
       .trials = 30,
       .command = {"python", "src/train.py", "--lr", "{lr}", "say \"x\""}});
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->text, R"([study]
name = "train"
metric = "val_loss"
mode = "min"
trials = 30

[space]
lr = { loguniform = [1e-5, 1e-1] }
optimizer = { choice = ["sgd", "adam"] }
wd = 0.1
n = 3
layers = { choice = [[64,64], [128]] }
twice = { expr = "2 * n" }
o.eps = 1e-8

[worker]
command = ["python", "src/train.py", "--lr", "{lr}", "say \"x\""]
[search]
algorithm = "auto"
)");
  EXPECT_EQ(spec->trials, 30);
  EXPECT_EQ(spec->working_directory, std::filesystem::current_path());
}

TEST(CommandLineStudy, TakesOverridesAndNamesItselfAfterTheProgram) {
  const auto spec =
      from_command_line({.space = {}, .objective = {"loss", Mode::kMin}, .command = {"bin/sim"}},
                        std::vector<Override>{{"study.trials", "2"}});
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->name, "sim");
  EXPECT_EQ(spec->trials, 2);
}

TEST(CommandLineStudy, RefusesWhatIsNoDistribution) {
  const auto error = [](std::string space) {
    const auto spec = from_command_line(
        {.space = {std::move(space)}, .objective = {"loss", Mode::kMin}, .command = {"a"}});
    return spec ? "no error" : spec.error().message;
  };
  EXPECT_EQ(error("lr"),
            "--space lr: write NAME=DISTRIBUTION, for example lr=loguniform(1e-5,1e-1)");
  EXPECT_EQ(error("lr=logunifrom(1e-5,1e-1)"),
            "--space lr=logunifrom(1e-5,1e-1): unknown distribution \"logunifrom\"; did you mean "
            "\"loguniform\"?");
  EXPECT_EQ(error("lr=loguni(1e-5,1e-1)"),
            "--space lr=loguni(1e-5,1e-1): unknown distribution \"loguni\"; did you mean "
            "\"loguniform\"?");
  EXPECT_EQ(error("lr=loguniform(1e-5,1e-1"),
            "--space lr=loguniform(1e-5,1e-1: a distribution is written loguniform(...), with both "
            "parentheses");
  EXPECT_EQ(error("lr=1e-4,1e-1"),
            "--space lr=1e-4,1e-1: several values need a distribution: uniform(low,high), "
            "choice(a,b); a text with a comma needs quotes");
  EXPECT_EQ(error("text=\"a,b\""), "no error");
  EXPECT_EQ(error("lr=uniform [0,1]"),
            "--space lr=uniform [0,1]: a distribution is written uniform(...), with both "
            "parentheses");
  EXPECT_EQ(error("lr=uniform(1)"),
            "command line:7:18: lr: uniform takes numbers [low, high], not 1 items");
  EXPECT_EQ(from_command_line({.space = {"lr=1", "lr=2"}, .command = {"a"}}).error().message,
            "--space lr=2: this parameter is there twice");
  EXPECT_EQ(from_command_line({}).error().message,
            "no command: put it behind --, for example -- python3 train.py --lr {lr}");
}

}  // namespace
}  // namespace clavier::app
