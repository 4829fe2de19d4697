#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "app/file/study_file.h"
#include "app/file/study_file_fields.h"
#include "app/file/study_file_space.h"
#include "app/file/trainer.h"
#include "app/registry/registry.h"
#include "train/spec/keys.h"
#include "train/spec/model_spec.h"

namespace clavier::app {
namespace {

std::string manual() {
  std::ifstream in(CLAVIER_STUDY_FILE_MANUAL);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(StudyFileManual, NamesEveryKeyPrimitiveAlgorithmAndOption) {
  const std::string text = manual();
  const auto expect_named = [&](const std::string& word) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  };
  const auto expect_table = [&](const std::string& name, const auto& spec) {
    expect_named("## [" + name + "]");
    for (const auto& field : fields_of(spec)) expect_named("`" + std::string(field.key) + "`");
  };
  expect_table("study", StudySpec{});
  expect_table("worker", WorkerSpec{});
  expect_table("trial", TrialSpec{});
  expect_table("trial", TrialStop{});
  for (const auto& field : fields_of(Patience{})) expect_named(std::string(field.key) + " = ");
  for (const auto& field : fields_of(Threshold{})) expect_named(std::string(field.key));
  for (const auto& field : fields_of(Wilcoxon{})) expect_named(std::string(field.key) + " = ");
  expect_table("stop", StudyStop{});
  for (const auto& field : fields_of(Plateau{})) expect_named(std::string(field.key) + " = ");
  expect_table("fusion", FusionSpec{});
  expect_table("checkpoint", CheckpointSpec{});
  expect_table("report", ReportSpec{});
  expect_table("cluster", ClusterSpec{});
  expect_table("cluster", SlotSpec{});
  expect_table("simulate", SimulateSpec{});
  expect_table("simulate", SimulateEvent{});
  for (const std::string& name : primitive_names()) expect_named("{ " + name + " = ");
  for (const Family family : {Family::kSearcher, Family::kScheduler, Family::kPlanner}) {
    expect_named("## [" + std::string(table_of(family)) + "]");
    for (const AlgorithmInfo* info : algorithms(family)) {
      expect_named(std::string(info->name));
      expect_named(std::string(info->variant));
      for (const OptionSpec& option : info->options)
        expect_named("`" + std::string(option.name) + "`");
    }
  }
}

TEST(StudyFileManual, NamesEveryKeyAndModelOfTheTrainer) {
  const std::string text = manual();
  const std::string table = text.substr(text.find("| key of `[trainer]`"));
  for (const train::Key& key : train::keys())
    EXPECT_NE(table.find("`" + std::string(key.key) + "`"), std::string::npos) << key.key;
  for (const std::string& model : train::model_names())
    EXPECT_NE(table.find("`" + model + "`"), std::string::npos) << model;
}

/// The examples in TOML, in their order.
std::vector<std::string> examples() {
  const std::string text = manual();
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find("```toml\n", at)) != std::string::npos;) {
    const std::size_t begin = at + 8;
    at = text.find("```", begin);
    found.push_back(text.substr(begin, at - begin));
  }
  return found;
}

TEST(StudyFileManual, ItsExampleIsAStudyFile) {
  const auto spec = parse_study(examples().front(), "manual.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->space.parameters.size(), 4u);
}

TEST(StudyFileManual, ItsTrainersAreWhatTheTrainerTakes) {
  int trainers = 0;
  for (const std::string& example : examples()) {
    if (!example.starts_with("[trainer]")) continue;
    auto spec =
        parse_study("[study]\nmetric = \"loss\"\nmode = \"min\"\n" + example, "manual.toml");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    const Status resolved = resolve_trainer(*spec);
    EXPECT_TRUE(resolved.ok()) << resolved.error().message;
    ++trainers;
  }
  EXPECT_EQ(trainers, 2);
}

}  // namespace
}  // namespace clavier::app
