#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "tests/support/trainer_script.h"
#include "train/trainer/device.h"
#include "train/trainer/run_trial.h"

/// Trials of one launch against the same trials alone, in double precision.
namespace clavier::train {
namespace {

using std::filesystem::path;
using testing::Script;
using testing::ScriptedLaunch;

/// All that a member could get wrong: norms, dropout, augmentation, momentum, schedules in epochs.
constexpr const char* kSpec = R"({"dtype": "float64", "batch_size": 8, "eval_batch_size": 16,
    "crop_padding": 2, "flip": true, "cutout": 3, "schedule": "cosine", "epochs": 4,
    "data": {"source": "synthetic", "synthetic": {"shape": [2, 12, 12], "classes": 4,
             "train": 50, "validation": 20, "test": 20}},
    "model": {"drop": 0.2, "channels": 4, "layers": [
       {"conv2d": "channels", "kernel": 3}, "batch_norm", "relu", {"max_pool": 2},
       {"conv2d": 6, "kernel": 3}, "relu", {"max_pool": 2}, "flatten", {"dropout": "drop"},
       {"linear": "outputs"}]})";

using Settings = std::vector<std::pair<const char*, Value>>;
/// What members of an array may differ in, each of these in something else.
const std::vector<Settings> kMembers = {
    {{"lr", 0.05}, {"momentum", 0.9}, {"drop", 0.0}, {"clip_norm", 0.5}},
    {{"lr", 0.01}, {"momentum", 0.5}, {"nesterov", true}, {"weight_decay", 0.01}},
    {{"lr", 0.1}, {"momentum", 0.0}, {"schedule", "step"}, {"step_size", 2}, {"gamma", 0.3}},
    {{"lr", 0.03}, {"warmup", 1}, {"label_smoothing", 0.1}, {"epochs", 3}, {"seed", 7}},
    {{"lr", 0.02}, {"schedule", "one_cycle"}, {"dampening", 0.3}, {"drop", 0.5}}};

class ArrayTrialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 ("clavier_array_" + std::to_string(::getpid()) + "_" + test->name());
    use_few_threads();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static Trainer trainer(const std::string& more = "}") {
    auto spec = parse_trainer(std::string(kSpec) + more);
    EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
    return Trainer(*std::move(spec), {});
  }
  std::unique_ptr<Script> member(std::int64_t id, const Settings& settings,
                                 const std::string& run) const {
    auto script = std::make_unique<Script>(directory_ / (run + std::to_string(id)), Steps{99}, id);
    for (const auto& [name, value] : settings) script->config_.set(name, value);
    return script;
  }
  using Scripts = std::vector<std::unique_ptr<Script>>;
  Scripts all(const std::string& run) const {
    Scripts scripts;
    for (const Settings& settings : kMembers)
      scripts.push_back(member(std::ssize(scripts), settings, run));
    return scripts;
  }
  static ScriptedLaunch launch(const Scripts& scripts) {
    std::vector<Script*> trials;
    for (const auto& each : scripts) trials.push_back(each.get());
    return ScriptedLaunch(trials);
  }
  /// The same trials, each alone.
  Scripts alone(const std::function<void(Script&)>& change = {}) const {
    Trainer solo = trainer();
    Scripts scripts = all("alone");
    for (const auto& each : scripts) {
      if (change) change(*each);
      testing::run(solo, *each);
    }
    return scripts;
  }
  static void expect_same(const Script& one, const Script& other, std::size_t from = 0) {
    ASSERT_EQ(one.steps_, std::vector<Steps>(other.steps_.begin() + static_cast<long>(from),
                                             other.steps_.end()));
    for (std::size_t i = 0; i < one.steps_.size(); ++i) {
      const auto a = one.results(i), b = other.results(i + from);
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t k = 0; k < a.size(); ++k)
        EXPECT_NEAR(a[k].value, b[k].value, 1e-8)
            << "trial " << one.trial_.value << " step " << one.steps_[i] << " " << a[k].name;
    }
  }

  path directory_;
};

TEST_F(ArrayTrialTest, EveryMemberReportsWhatItWouldAlone) {
  const Scripts scripts = all("array");
  ScriptedLaunch together = launch(scripts);
  trainer().run(together);
  EXPECT_EQ(together.boundaries_, 4) << "what is reported together comes together";
  EXPECT_TRUE(together.members().empty());
  const Scripts expected = alone();
  for (std::size_t i = 0; i < scripts.size(); ++i) expect_same(*scripts[i], *expected[i]);
  EXPECT_EQ(scripts[3]->steps_.size(), 3u) << "its own length";
  EXPECT_NE(scripts[0]->value(3, "loss"), scripts[1]->value(3, "loss"));
}

TEST_F(ArrayTrialTest, WhoLeavesGoesOnAloneOrInAnotherArrayAndTheOthersDoNotNotice) {
  const Scripts scripts = all("array");
  for (const std::size_t i : {0, 2, 4}) scripts[i]->stop_ = 2;
  ScriptedLaunch together = launch(scripts);
  Trainer trains = trainer();
  trains.run(together);
  const Scripts expected = alone();
  for (const std::size_t i : {1, 3}) expect_same(*scripts[i], *expected[i]);
  Scripts later;
  for (const std::size_t i : {0, 2, 4}) {
    EXPECT_EQ(scripts[i]->steps_, (std::vector<Steps>{1, 2}));
    later.push_back(member(static_cast<std::int64_t>(i), kMembers[i], "later"));
    later.back()->checkpoint_ = scripts[i]->saved_;
  }
  testing::run(trains, *later[0]);
  expect_same(*later[0], *expected[0], 2);
  ScriptedLaunch again({later[1].get(), later[2].get()});
  trains.run(again);
  expect_same(*later[1], *expected[2], 2);
  expect_same(*later[2], *expected[4], 2);
}

TEST_F(ArrayTrialTest, ATrialThatBeganAloneGoesOnInAnArray) {
  const auto stop = [](Script& script) { script.stop_ = 1; };
  const Scripts begun = alone(stop);
  Scripts scripts = all("array");
  for (std::size_t i = 0; i < scripts.size(); ++i) scripts[i]->checkpoint_ = begun[i]->saved_;
  ScriptedLaunch together = launch(scripts);
  trainer().run(together);
  const Scripts expected = alone();
  for (std::size_t i = 0; i < scripts.size(); ++i) expect_same(*scripts[i], *expected[i], 1);
}

TEST_F(ArrayTrialTest, AMemberOfNaNsTouchesNobody) {
  Scripts scripts = all("array");
  scripts[2]->config_.set("lr", 1e200);
  ScriptedLaunch together = launch(scripts);
  trainer().run(together);
  EXPECT_FALSE(std::isfinite(scripts[2]->value(3, "loss")));
  const Scripts expected = alone();
  for (const std::size_t i : {0, 1, 3, 4}) expect_same(*scripts[i], *expected[i]);
}

TEST_F(ArrayTrialTest, WhoCannotBeginFailsAndTheOthersGoOn) {
  const Scripts begun = alone([](Script& script) { script.stop_ = 2; });
  std::filesystem::resize_file(begun[1]->saved_ / "model.safetensors", 100);
  std::filesystem::remove(begun[4]->saved_ / "trainer.json");
  Scripts scripts = all("array");
  for (std::size_t i = 0; i < scripts.size(); ++i) scripts[i]->checkpoint_ = begun[i]->saved_;
  scripts[2]->config_.set("lrr", 1.0);
  ScriptedLaunch together = launch(scripts);
  trainer().run(together);
  ASSERT_EQ(together.failed_.size(), 3u);
  EXPECT_NE(together.failed_[1].find("model.safetensors"), std::string::npos);
  EXPECT_NE(together.failed_[2].find("lrr"), std::string::npos);
  EXPECT_NE(together.failed_[4].find("trainer.json"), std::string::npos);
  const Scripts expected = alone();
  for (const std::size_t i : {0, 3}) expect_same(*scripts[i], *expected[i], 2);
}

TEST_F(ArrayTrialTest, WhoDoesNotFitIsTrainedBesideTheOthers) {
  Scripts scripts = all("array");
  scripts[1]->config_.set("batch_size", 16);
  scripts[4]->config_.set("channels", 3);
  ScriptedLaunch together = launch(scripts);
  trainer().run(together);
  EXPECT_EQ(together.boundaries_, 12);
  const Scripts expected = alone([](Script& script) {
    if (script.trial_ == TrialId{1}) script.config_.set("batch_size", 16);
    if (script.trial_ == TrialId{4}) script.config_.set("channels", 3);
  });
  for (std::size_t i = 0; i < scripts.size(); ++i) expect_same(*scripts[i], *expected[i]);
}

constexpr const char* kInBatches = R"(, "unit": "batch", "report_every": 5, "batches": 20})";

TEST_F(ArrayTrialTest, AMemberReportsWhereTheStudyWaitsForItAndWhenItIsToldToLeave) {
  Scripts scripts = all("array");
  scripts[1]->until_ = 7;
  scripts[2]->told_at_ = 4;
  scripts[2]->stop_ = 1;
  Trainer trains = trainer(kInBatches);
  ScriptedLaunch together = launch(scripts);
  trains.run(together);
  EXPECT_EQ(scripts[0]->steps_, (std::vector<Steps>{5, 10, 15, 20}));
  // Nobody answers it: so it reports each step from there.
  EXPECT_EQ((std::vector<Steps>(scripts[1]->steps_.begin(), scripts[1]->steps_.begin() + 3)),
            (std::vector<Steps>{5, 7, 8}));
  EXPECT_EQ(scripts[2]->steps_, std::vector<Steps>{4});
  const auto expected = member(0, kMembers[0], "alone");
  testing::run(trains, *expected);
  expect_same(*scripts[0], *expected);
}

TEST_F(ArrayTrialTest, ATakeOverWithinAnArrayGoesOnAsTheDonorWouldAndCatchesUp) {
  Trainer trains = trainer(kInBatches);
  Scripts scripts = all("array");
  Config explored = scripts[1]->config_;
  explored.set("lr", 0.07);
  // At step 10 trial 3 takes over what trial 1 had at step 5, and trial 4 what it has at step 10.
  const path donor = directory_ / "array1";
  scripts[3]->on_report_ = [&](Steps step) {
    if (step == 10 && scripts[3]->takeovers_ == 0)
      scripts[3]->exploit_ = {donor / "at_5", explored};
  };
  scripts[4]->on_report_ = [&](Steps step) {
    if (step == 10) scripts[4]->exploit_ = {donor / "at_10", explored};
  };
  ScriptedLaunch together = launch(scripts);
  trains.run(together);
  EXPECT_EQ(scripts[3]->steps_, (std::vector<Steps>{5, 10, 10, 15, 20}));
  EXPECT_EQ(scripts[4]->steps_, (std::vector<Steps>{5, 10, 15, 20}));
  EXPECT_EQ(together.boundaries_, 5) << "who has caught up is one of them again";
  for (const std::size_t i : {3, 4}) {
    const auto expected = member(static_cast<std::int64_t>(i), {}, "alone");
    expected->config_ = explored;
    expected->checkpoint_ = donor / (i == 3 ? "at_5" : "at_10");
    testing::run(trains, *expected);
    const std::size_t kept = scripts[i]->steps_.size() - expected->steps_.size();
    expect_same(*expected, *scripts[i], kept);
  }
}

}  // namespace
}  // namespace clavier::train
