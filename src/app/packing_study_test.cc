#include <gtest/gtest.h>

#include <algorithm>

#include "app/explain_wait.h"
#include "app/plan_study.h"
#include "app/simulate_study.h"
#include "app/study_file.h"
#include "app/study_folder.h"
#include "tests/support/scratch_directory.h"

/// Trials that share GPUs: the study file, what is simulated and planned of it, and what is said.
namespace clavier::app {
namespace {

std::string text_with(std::string_view slots, std::string_view more = "") {
  return std::string(R"([study]
name = "s"
metric = "loss"
mode = "min"
trials = 24
[space]
lr = { loguniform = [1e-4, 1e-1] }
[worker]
command = ["true"]
[trial]
gpus = 1
[trial.stop]
steps = 30
)") + std::string(more) +
         "[cluster]\nslots = [" + std::string(slots) + "]\n";
}

StudySpec study(std::string_view slots, std::string_view more = "") {
  auto spec = parse_study(text_with(slots, more), "s.toml");
  EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
  return spec.value();
}

Simulated simulated(const StudySpec& spec) {
  auto done = simulate_study(spec, {});
  EXPECT_TRUE(done.ok()) << (done ? "" : done.error().message);
  return *std::move(done);
}

constexpr std::string_view kAlone = "{ count = 2 }";
constexpr std::string_view kGains = "{ count = 2, pack = 4, sharing = [1, 1.9, 2.6, 3.0] }";
constexpr std::string_view kLoses = "{ count = 2, pack = 2, sharing = [1, 0.8] }";
constexpr std::string_view kUnknown = "{ count = 2, pack = 4 }";

TEST(PackingStudy, IsReadAndWrittenBack) {
  const StudySpec spec = study(kGains);
  ASSERT_EQ(spec.cluster.slots.size(), 1u);
  EXPECT_EQ(spec.cluster.slots[0].pack, 4);
  EXPECT_EQ(spec.cluster.slots[0].sharing, (std::vector<double>{1, 1.9, 2.6, 3.0}));
  const auto again = parse_study(to_toml(spec), "s.toml");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->cluster.slots[0].sharing, spec.cluster.slots[0].sharing);
  EXPECT_EQ(to_toml(*again), to_toml(spec));
}

TEST(PackingStudy, EachPlaceHasItsPartOfAllButTheGpus) {
  const StudySpec spec = study("{ cpus = 8, memory_mb = 4000, pack = 4 }");
  const Resources place = resources_of(spec.cluster.slots[0], spec.trial.resources);
  EXPECT_EQ(place, (Resources{.cpus = 2, .gpus = 1, .memory_mb = 1000}));
  const StudySpec silent = study(kUnknown);
  EXPECT_EQ(resources_of(silent.cluster.slots[0], silent.trial.resources).cpus, 1)
      << "what is not said is what each trial asks for";
}

TEST(PackingStudy, WhatCannotBeIsRefusedWithPlaceAndReason) {
  const struct {
    std::string_view slot, error;
  } cases[] = {
      {"{ gpus = 0, pack = 2 }", "pack lets trials share a GPU, and this slot has none"},
      {"{ pack = 0 }", "cluster.slots.pack must be from 1 to 64, not 0"},
      {"{ pack = -3 }", "cluster.slots.pack must be from 1 to 64, not -3"},
      {"{ pack = 1.5 }", "cluster.slots.pack must be a whole number, not 1.5"},
      {"{ pack = 3, sharing = [1, 1.5] }",
       "s.toml:15:10: sharing says what up to 2 trials do, and pack = 3: give 3 numbers"},
      {"{ pack = 2, sharing = [1, 0] }", "cluster.slots.sharing must be above 0, not 0"},
      {"{ pack = 2, sharing = [1, -1] }", "cluster.slots.sharing must be above 0, not -1"},
      {"{ pack = 2, sharing = [1, nan] }", "cluster.slots.sharing must be a number, not nan"},
      {"{ pack = 2, sharing = 2 }", "cluster.slots.sharing must be a list of numbers"},
      {"{ pack = 2, sharing = [2, 3] }", "it begins with 1, not 2"},
      {"{ sharing = [1, 2] }", "set pack as well"},
      {"{ pack = 2, price_per_hour = 3 }", "a slot with pack cannot have a price_per_hour"},
      {"{ cpus = 1, pack = 2 }", "a trial asks for 1 CPUs, each of the slot's 2 places has 0.5"},
  };
  for (const auto& each : cases) {
    const auto spec = parse_study(text_with(each.slot), "s.toml");
    ASSERT_FALSE(spec.ok()) << each.slot;
    EXPECT_NE(spec.error().message.find(each.error), std::string::npos)
        << each.slot << ": " << spec.error().message;
  }
  const auto fraction = parse_study(
      "[study]\nmetric = \"a\"\nmode = \"min\"\n[worker]\ncommand = [\"a\"]\n[cluster]\n"
      "max_per_gpu = 3\nslots = [{ gpus = 0.5, pack = 2 }, { gpus = 1, pack = 4 }]\n",
      "s.toml");
  ASSERT_FALSE(fraction.ok());
  EXPECT_NE(fraction.error().message.find("pack shares whole GPUs, and this slot has 0.5"),
            std::string::npos);
  EXPECT_NE(fraction.error().message.find("pack = 4 is more than cluster.max_per_gpu = 3"),
            std::string::npos);
}

TEST(PackingStudy, EndsSoonerWhereItGainsAndAsSoonWhereItLoses) {
  const Simulated alone = simulated(study(kAlone)), packed = simulated(study(kGains));
  EXPECT_NEAR(alone.makespan(), 360, 1);
  EXPECT_LT(packed.makespan(), alone.makespan() / 2);
  EXPECT_NEAR(packed.bound, 24 * 30 / 6.0, 1e-6) << "3 at a time on each GPU, in total";
  EXPECT_GE(packed.ratio(), 1);
  EXPECT_LE(simulated(study(kLoses)).makespan(), 1.05 * alone.makespan());
  EXPECT_NEAR(simulated(study(kLoses)).bound, alone.bound, 1e-6);
  EXPECT_EQ(simulated(study(kGains)).hash, packed.hash);
}

TEST(PackingStudy, HoldsWithThePlannerThatSharesOutSlots) {
  const std::string_view more = "[planner]\nalgorithm = \"auto\"\n";
  const Simulated alone = simulated(study(kAlone, more)), packed = simulated(study(kGains, more));
  EXPECT_LT(packed.makespan(), alone.makespan() / 2);
  EXPECT_EQ(packed.state.count(TrialStatus::kCompleted), 24u);
  EXPECT_LE(simulated(study(kLoses, more)).makespan(), 1.05 * alone.makespan());
}

TEST(PackingStudy, UnequalGpusAreFilledByWhatOneMoreDoesThere) {
  const Simulated done = simulated(study(
      "{ speed = 4, pack = 2, sharing = [1, 1.5] }, { speed = 1, pack = 2, sharing = [1, 1.5] }"));
  EXPECT_EQ(done.state.count(TrialStatus::kCompleted), 24u);
  EXPECT_NEAR(done.bound, 24 * 30 / 7.5, 1e-6);
  EXPECT_LT(done.ratio(), 1.35);
}

TEST(PackingStudy, WithoutACurveNothingIsGainedAndItSaysSo) {
  std::string warned;
  SimulateOptions options;
  options.warn = [&](const std::string& line) { warned += line; };
  const auto done = simulate_study(study(kUnknown), options);
  ASSERT_TRUE(done.ok());
  EXPECT_NE(warned.find("simulated as if packing gained nothing"), std::string::npos);
  EXPECT_NEAR(done->makespan(), 360, 20);
  const auto plan = plan_study(study(kUnknown), {});
  ASSERT_TRUE(plan.ok());
  EXPECT_NE(plan->source.find("as if packing gained nothing"), std::string::npos);
  const auto known = plan_study(study(kGains), {});
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->source.find("packing"), std::string::npos);
  EXPECT_EQ(known->simulated.makespan(), simulated(study(kGains)).makespan());
}

TEST(PackingStudy, APlanFromAnEarlierStudyKnowsATrialByItself) {
  const ScratchDirectory scratch;
  const StudySpec before = study(kGains, "");
  const auto folder = make_study_folder(scratch.path(), "before");
  ASSERT_TRUE(folder.ok());
  StudySpec slower = before;
  slower.cluster.seconds_per_step = 3;
  ASSERT_TRUE(simulate_study(slower, {.folder = folder->root}).ok());
  const auto plan = plan_study(before, {.home = scratch.path(), .from = "before"});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_NEAR(plan->simulated.bound, 3 * 24 * 30 / 6.0, 1);
  const auto learned = plan_study(study(kUnknown), {.home = scratch.path(), .from = "before"});
  ASSERT_TRUE(learned.ok()) << learned.error().message;
  EXPECT_NEAR(learned->simulated.bound, plan->simulated.bound, 1) << "the curve is learned";
  EXPECT_EQ(learned->source, "measured by the study before");
}

TEST(PackingStudy, ATrialThatWasSentAwayKnowsWhy) {
  const ScratchDirectory scratch;
  const StudySpec spec = study(kLoses);
  const auto whole = make_study_folder(scratch.path(), "whole");
  ASSERT_TRUE(simulate_study(spec, {.folder = whole->root}).ok());
  const auto part = make_study_folder(scratch.path(), "part");
  auto writer = store::StepLog::open(part->database(), {.metric = "loss"});
  State state(spec.objective, spec.trial.retries);
  std::string why;
  const auto log = store::StepLog::open_to_read(whole->database());
  ASSERT_TRUE(log->read(StepId{0}, store::Metrics::kParse,
                        [&](const Step& step) -> Status {
                          state.apply(step);
                          if (!why.empty()) return {};
                          TRY(writer->append({&step, 1}));
                          for (const TrialId id : state.with_status(TrialStatus::kPending))
                            why = TRY(explain_wait(TRY(read_recorded(*part, store::Metrics::kSkip)),
                                                   id, true));
                          return {};
                        })
                  .ok());
  EXPECT_NE(why.find("it left the last one: GPU 0 takes 1 at a time: with 2 it is predicted to do "
                     "0.80 times the work"),
            std::string::npos)
      << why;
  EXPECT_NE(why.find("\n  local: GPU 0 takes 1 at a time"), std::string::npos) << why;
}

}  // namespace
}  // namespace clavier::app
