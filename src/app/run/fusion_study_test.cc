#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/file/study_file.h"
#include "app/file/study_folder.h"
#include "app/file/trainer.h"
#include "app/run/explain_wait.h"
#include "app/run/simulate_study.h"
#include "app/run/study_check.h"
#include "tests/support/scratch_directory.h"

/// Arrays of trials: the study file, what is simulated of it and what is said.
namespace clavier::app {
namespace {

std::string text_with(std::string_view fusion, std::string_view more = "",
                      std::string_view work = "[worker]\ncommand = [\"true\"]\n") {
  return fmt::format(R"([study]
name = "s"
metric = "loss"
mode = "min"
trials = 60
[space]
lr = {{ loguniform = [1e-4, 1e-1] }}
batch_size = {{ choice = [16, 32] }}
epochs = 30
[fusion]
{}
[trial.stop]
steps = 30
{}{})",
                     fusion, work, more);
}

constexpr std::string_view kTwoSlots = "[cluster]\nslots = [{ count = 2 }]\n";
constexpr std::string_view kEight = "members = 8\nshared = [\"batch_size\"]";

StudySpec study(std::string_view fusion, std::string_view more) {
  auto spec = parse_study(text_with(fusion, more), "s.toml");
  EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
  return spec.value();
}

std::string error_of(std::string_view fusion, std::string_view more = "") {
  const auto spec = parse_study(text_with(fusion, more), "s.toml");
  return spec ? "no error" : spec.error().message;
}

TEST(FusionStudy, IsReadAndWrittenBack) {
  for (const std::string_view fusion : {kEight, std::string_view("members = \"auto\"\nshared = []"),
                                        std::string_view("members = 1")}) {
    const StudySpec spec = study(fusion, kTwoSlots);
    const auto again = parse_study(to_toml(spec), "s.toml");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(fusion_of(*again), fusion_of(spec));
    EXPECT_EQ(again->fusion.shared, spec.fusion.shared);
  }
  EXPECT_EQ(fusion_of(study(kEight, kTwoSlots)), (Fusion{.members = 8, .shared = {"batch_size"}}));
  EXPECT_TRUE(fusion_of(study("members = \"auto\"\nshared = []", kTwoSlots)).learned);
  EXPECT_FALSE(fusion_of(study("", kTwoSlots)).on());
}

TEST(FusionStudy, TheBuiltInTrainerSaysItselfWhatIsShared) {
  const auto spec =
      parse_study(text_with("members = 4", "[trainer]\nmodel = \"mlp\"\n", ""), "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(fusion_of(*spec).shared, std::vector<std::string>{"batch_size"});
}

TEST(FusionStudy, WhatCannotBeIsRefusedWithPlaceAndReason) {
  const struct {
    std::string_view fusion, more, error;
  } cases[] = {
      {"members = 0", "", "s.toml:11:11: fusion.members must be from 1 to 1024, not 0"},
      {"members = \"many\"", "", "fusion.members must be a number or \"auto\", not \"many\""},
      {"member = 4", "", "unknown key \"member\" in [fusion]; did you mean \"members\"?"},
      {"members = 4", "",
       "s.toml:11:1: fusion.members: only you know which parameters must be equal"},
      {"members = 4\nshared = [\"batchsize\"]", "",
       "s.toml:12:1: fusion.shared: \"batchsize\" is no parameter of [space]; did you mean "
       "\"batch_size\"?"},
      {kEight, "[planner]\nalgorithm = \"auto\"\n",
       "fusion.members: auto moves single trials from slot to slot"},
      {kEight, "[trial]\nslots = 2\n", "a trial takes several slots (trial.slots)"},
      {kEight, "[simulate]\narrays = [2, 3]\n",
       "simulate.arrays is relative to one trial: it begins with 1, not 2"},
  };
  for (const auto& each : cases)
    EXPECT_NE(error_of(each.fusion, each.more).find(each.error), std::string::npos)
        << error_of(each.fusion, each.more);
}

double makespan(std::string_view fusion, std::string_view arrays, std::string* warned = nullptr) {
  SimulateOptions options;
  options.warn = [&](const std::string& line) {
    if (warned) *warned += line;
  };
  const auto done = simulate_study(study(fusion, fmt::format("{}{}", kTwoSlots, arrays)), options);
  EXPECT_TRUE(done.ok()) << (done ? "" : done.error().message);
  if (!done) return -1;
  EXPECT_EQ(done->state.count(TrialStatus::kCompleted), 60u);
  EXPECT_GE(done->makespan(), done->bound);
  return done->makespan();
}

TEST(FusionStudy, EndsSoonerWhereArraysGain) {
  constexpr std::string_view kGains = "[simulate]\narrays = [1, 1.8, 2.4, 3, 3.3, 3.6, 3.8, 4]\n";
  const double alone = makespan("", kGains);
  EXPECT_NEAR(alone, 60 * 30 / 2, 1);
  EXPECT_LT(makespan(kEight, kGains), alone / 2.5);
  EXPECT_LT(makespan("members = \"auto\"\nshared = [\"batch_size\"]", kGains), alone / 2);
}

TEST(FusionStudy, WhatLosesIsGivenUpAtASmallPrice) {
  constexpr std::string_view kLoses = "[simulate]\narrays = [1, 0.8, 0.7]\n";
  const double alone = makespan("", kLoses);
  EXPECT_LT(makespan("members = \"auto\"\nshared = []", kLoses), 1.06 * alone);
  EXPECT_GT(makespan("members = 2\nshared = []", kLoses), 1.2 * alone);
}

TEST(FusionStudy, WithoutACurveNothingIsGainedAndItSaysSo) {
  std::string warned;
  EXPECT_GE(makespan(kEight, "", &warned), 60 * 30 / 2);
  EXPECT_NE(warned.find("as if they gained nothing"), std::string::npos);
}

TEST(FusionStudy, ItsDecisionsAreComputedAgainAndWhySaysWhoSharesAnArray) {
  const ScratchDirectory scratch;
  for (const std::string_view fusion :
       {kEight, std::string_view("members = \"auto\"\nshared = [\"batch_size\"]")}) {
    const auto folder = make_study_folder(scratch.path(), fusion == kEight ? "a" : "b");
    ASSERT_TRUE(simulate_study(study(fusion, kTwoSlots), {.folder = folder->root}).ok());
    const auto verified = verify_study(folder->root);
    EXPECT_TRUE(verified.ok()) << verified.error().message;
  }
  const auto part = make_study_folder(scratch.path(), "part");
  auto writer = store::StepLog::open(part->database(), {.metric = "loss"});
  const auto log = store::StepLog::open_to_read(scratch.path() / "a" / "study.db");
  std::string running, waiting;
  const auto look = [&](const Step& step) -> Status {
    TRY(writer->append({&step, 1}));
    std::size_t most = 0;
    for (const Launch& launch : step.fill.launches) most = std::max(most, launch.members.size());
    if (most < 2 || !running.empty()) return ok_status();
    const auto recorded = TRY(read_recorded(*part, store::Metrics::kSkip));
    running = TRY(explain_wait(recorded, step.fill.launches[0].members[0].trial, true));
    const auto& pending = recorded.state.with_status(TrialStatus::kPending);
    if (!pending.empty()) waiting = TRY(explain_wait(recorded, *pending.begin(), true));
    return ok_status();
  };
  ASSERT_TRUE(log->read(StepId{0}, store::Metrics::kParse, look).ok());
  EXPECT_NE(running.find(", as one with trial"), std::string::npos) << running;
  EXPECT_NE(waiting.find("it waits for a slot"), std::string::npos) << waiting;
}

}  // namespace
}  // namespace clavier::app
