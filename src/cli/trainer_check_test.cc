#include "cli/trainer_check.h"

#include <gtest/gtest.h>

#include <fstream>

#include "app/study_file.h"
#include "app/trainer.h"
#include "tests/support/scratch_directory.h"

namespace clavier::cli {
namespace {

class TrainerChecks : public testing::Test {
 protected:
  /// A study with these lines of [trainer], and whatever else stands behind them.
  app::StudySpec study(const std::string& trainer, const std::string& metric = "loss") {
    auto spec = app::parse_study(
        "[study]\nmetric = \"" + metric + "\"\nmode = \"min\"\ntrials = 3\n[trainer]\n" + trainer,
        "s.toml");
    EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
    spec->working_directory = scratch_.path();
    EXPECT_TRUE(app::resolve_trainer(*spec).ok());
    return *std::move(spec);
  }
  static std::string text(const train::KeyProblems& found) {
    std::string out;
    for (const auto& each : found) out += each.key + ": " + each.message + "\n";
    return out;
  }
  std::string wrong(const std::string& trainer, const std::string& metric = "loss") {
    return text(check_trainer(study(trainer, metric)).wrong);
  }
  ScratchDirectory scratch_;
};

constexpr const char* kVectors =
    "data = { source = \"synthetic\", synthetic = { shape = [20], kind = \"teacher\" } }\n";

TEST_F(TrainerChecks, AMetricThatIsNeverReportedIsNamedWithWhatIs) {
  EXPECT_EQ(wrong("", "val_loss"),
            "study.metric: the built-in trainer does not report \"val_loss\"; it reports loss, "
            "accuracy, train_loss, lr; did you mean \"loss\"?\n");
  EXPECT_EQ(wrong("", "accuracy"), "");
  EXPECT_EQ(wrong("", "time_train_s"), "");
  EXPECT_EQ(wrong("[trial.stop]\nacuracy = 0.9\n"),
            "trial.stop: the built-in trainer does not report \"acuracy\"; it reports loss, "
            "accuracy, train_loss, lr; did you mean \"accuracy\"?\n");
  const std::string regression =
      "loss = \"mse\"\nmodel = \"mlp\"\ndata = { source = \"synthetic\", synthetic = { shape = "
      "[20], kind = \"teacher\", classes = 0 } }\n";
  EXPECT_EQ(wrong(regression), "");
  EXPECT_EQ(wrong(regression, "accuracy"),
            "study.metric: the built-in trainer does not report \"accuracy\"; it reports loss, "
            "train_loss, lr\n");
}

TEST_F(TrainerChecks, AWholeNumberDrawnFromRealsIsRefusedEvenWhereTheMiddleIsWhole) {
  EXPECT_TRUE(wrong("[space]\nbatch_size = { uniform = [16, 64] }\n")
                  .starts_with(
                      "space.batch_size: trainer.batch_size must be a whole number ≥ 1, but is 2"));
  EXPECT_NE(wrong("[space]\nbatch_size = { uniform = [16, 64] }\n").find("draw it by int"),
            std::string::npos);
  EXPECT_EQ(wrong("[space]\nbatch_size = { int = [16, 64] }\n"), "");
  EXPECT_EQ(wrong("[space]\nbatch_size = { quniform = [16, 64, 16] }\n"), "");
  EXPECT_TRUE(wrong("[space]\noptimizer = { choice = [\"lion\", \"sgd\", \"adam\"] }\n")
                  .starts_with("space.optimizer: trainer.optimizer must be one of sgd, adam"));
}

TEST_F(TrainerChecks, WhatValuesDoToEachOtherIsForTheTrialsToFindOut) {
  EXPECT_EQ(wrong("nesterov = true\n[space]\nmomentum = { uniform = [0, 0.99] }\n"), "");
}

TEST_F(TrainerChecks, AModelThatDoesNotFitTheDataIsRefused) {
  EXPECT_NE(wrong("data = { source = \"synthetic\", synthetic = { shape = [3, 4, 4] } }\n")
                .find("trainer.model: layer 'conv1'"),
            std::string::npos);
  EXPECT_NE(wrong(kVectors).find("trainer.model: layer"), std::string::npos)
      << "convolutions want images";
  EXPECT_EQ(wrong("model = \"mlp\"\n" + std::string(kVectors)), "");
}

TEST_F(TrainerChecks, OneThatFitsOnlyForSomeValuesIsTold) {
  const auto found = check_trainer(
      study("model = \"cnn\"\ndata = \"digits\"\n[space]\ndepth = { int = [1, 7] }\n"));
  EXPECT_EQ(text(found.wrong), "");
  EXPECT_TRUE(text(found.notes).starts_with("space.depth: trials with depth = 6 fail: l"));
}

TEST_F(TrainerChecks, WithoutAValidationPartThereIsNothingToCompareOn) {
  EXPECT_TRUE(
      wrong("data = { source = \"digits\", validation = 0.0 }\n")
          .starts_with("trainer.data: trainer.data.validation = 0 leaves nothing to compare tri"));
  EXPECT_EQ(wrong("data = { source = \"digits\", validation = 0.1 }\n"), "");
}

TEST_F(TrainerChecks, OwnDataAreReadWhereTheyAreSmall) {
  std::ofstream table(scratch_.path() / "own.csv");
  table << "a,b,label\n";
  for (int i = 0; i < 40; ++i) table << i << "," << i * i << "," << 0.5 * i << "\n";
  table.close();
  EXPECT_TRUE(wrong("model = \"mlp\"\ndata = \"own.csv\"\n")
                  .starts_with("trainer.data: the data have no classes: trainer"));
  EXPECT_EQ(wrong("model = \"mlp\"\nloss = \"mse\"\ndata = \"own.csv\"\n"), "");
  EXPECT_NE(wrong("model = \"mlp\"\ndata = { source = \"own.csv\", labels = \"lable\" }\n")
                .find("trainer.data: "),
            std::string::npos);
}

TEST_F(TrainerChecks, AGpuThatIsNotThereOrNotSeenIsRefused) {
  const std::string cuda = "device = \"cuda\"\n";
  EXPECT_EQ(text(check_device(study(cuda), 0)),
            "trainer.device: trainer.device is \"cuda\", and this machine has no GPU: use \"auto\" "
            "or \"cpu\"\n");
  EXPECT_EQ(text(check_device(study(cuda), 2)),
            "trainer.device: trainer.device is \"cuda\", and trials see no GPU: set [trial] gpus = "
            "1, or use \"auto\"\n");
  EXPECT_EQ(text(check_device(study(cuda + "[trial]\ngpus = 1\n"), 2)), "");
  EXPECT_EQ(text(check_device(study(""), 0)), "");
}

}  // namespace
}  // namespace clavier::cli
