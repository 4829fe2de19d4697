#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "app/explain_wait.h"
#include "app/simulate_study.h"
#include "app/study_file.h"
#include "app/study_folder.h"
#include "tests/support/scratch_directory.h"

/// Trials that take several slots at once: the study file, what is simulated of it and what is
/// said.
namespace clavier::app {
namespace {

std::string text_with(std::string_view slots, std::string_view more = "") {
  return fmt::format(R"([study]
name = "s"
metric = "loss"
mode = "min"
trials = 24
[space]
lr = {{ loguniform = [1e-4, 1e-1] }}
workers = {{ choice = [1, 2, 4] }}
half = {{ choice = [0.5, 1.0] }}
any = {{ int = [0, 2] }}
sum = {{ expr = "workers + any" }}
[worker]
command = ["true"]
[trial]
slots = {}
[trial.stop]
steps = 30
{})",
                     slots, more);
}

constexpr std::string_view kTwoMachines =
    "[cluster]\nslots = [{ count = 4 }, { count = 4, node = \"b\" }]\n";

StudySpec study(std::string_view slots) {
  auto spec = parse_study(text_with(slots, kTwoMachines), "s.toml");
  EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
  return spec.value();
}

std::string error_of(std::string_view slots, std::string_view more) {
  const auto spec = parse_study(text_with(slots, more), "s.toml");
  return spec ? "no error" : spec.error().message;
}

TEST(GangStudy, IsReadAndWrittenBack) {
  EXPECT_EQ(study("3").trial.gang, GangSize{.number = 3});
  EXPECT_EQ(study("\"workers\"").trial.gang, GangSize{.parameter = "workers"});
  for (const char* slots : {"3", "\"workers\"", "\"sum\""}) {
    const StudySpec spec = study(slots);
    const auto again = parse_study(to_toml(spec), "s.toml");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->trial.gang, spec.trial.gang);
  }
}

TEST(GangStudy, WhatCannotBeIsRefusedWithPlaceAndReason) {
  const struct {
    std::string_view slots, more, error;
  } cases[] = {
      {"0", "", "s.toml:15:9: trial.slots must be from 1 to 1000000, not 0"},
      {"1.5", "", "s.toml:15:9: trial.slots must be a whole number, not 1.5"},
      {"\"worker\"", "",
       "s.toml:15:1: trial.slots: \"worker\" is no parameter of [space]; did you mean "
       "\"workers\"?"},
      {"\"half\"", "", "parameter half may be 0.5, which is no number of slots"},
      {"\"any\"", "", "parameter any may be 0, which is no number of slots"},
      {"\"lr\"", "", "parameter lr may be 0.0001, which is no number of slots"},
      {"\"workers\"", "[cluster]\nslots = [{ count = 3 }, { count = 3, node = \"b\" }]\n",
       "a trial may take 4 slots of one machine at once, and none has more than 3"},
      {"2", "[planner]\nalgorithm = \"auto\"\n",
       "auto gives every trial one slot; several at once go with first-fit"},
      {"2", "[cluster]\nslots = [{ gpus = 1, pack = 2 }]\n", "(pack) cannot be parts of a trial"},
  };
  for (const auto& each : cases)
    EXPECT_NE(error_of(each.slots, each.more).find(each.error), std::string::npos)
        << error_of(each.slots, each.more);
}

TEST(GangStudy, SimulatedTrialsHaveTheSlotsTheyAskFor) {
  const auto done = simulate_study(study("\"workers\""), {});
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done->state.count(TrialStatus::kCompleted), 24u);
  std::map<TrialId, std::int64_t> slots;
  for (const report::Leg& leg : done->timeline.legs()) ++slots[leg.trial];
  for (const Trial& trial : done->state.trials())
    EXPECT_EQ(slots[trial.id], *trial.config.find("workers")->as<std::int64_t>());
  EXPECT_EQ(done->timeline.launches(), 24);
  const double makespan = seconds(done->state.now());
  EXPECT_GE(makespan, done->bound);
  EXPECT_LE(makespan, 2 * done->bound);
}

/// All four slots at once, or two trials of two: 24 trials of 30 steps.
TEST(GangStudy, AFixedNumberSharesOutTheMachines) {
  const auto makespan = [](std::string_view slots) {
    const auto done = simulate_study(study(slots), {});
    return done.ok() ? seconds(done->state.now()) : -1;
  };
  // The first trial runs alone until it has reported.
  EXPECT_NEAR(makespan("4"), 24 / 2 * 30, 1.5);
  EXPECT_NEAR(makespan("2"), 24 / 4 * 30, 1.5);
}

TEST(GangStudy, ExplainsWhatATrialWaitsFor) {
  const ScratchDirectory scratch;
  const StudySpec spec = study("\"workers\"");
  const auto whole = make_study_folder(scratch.path(), "whole");
  ASSERT_TRUE(simulate_study(spec, {.folder = whole->root}).ok());
  const auto part = make_study_folder(scratch.path(), "part");
  auto writer = store::StepLog::open(part->database(), {.metric = "loss"});
  const auto log = store::StepLog::open_to_read(whole->database());
  std::string said;
  ASSERT_TRUE(log->read(StepId{0}, store::Metrics::kParse,
                        [&](const Step& step) -> Status {
                          TRY(writer->append({&step, 1}));
                          if (step.fill.created.empty()) return {};
                          const auto study = TRY(read_recorded(*part, store::Metrics::kSkip));
                          for (const TrialId id : study.state.with_status(TrialStatus::kPending))
                            said += TRY(explain_wait(study, id, true));
                          return {};
                        })
                  .ok());
  for (const char* words : {"waits for a slot: it takes 4 slots at once: ",
                            " of local are free and kept for it, all of them in about ",
                            ", which takes 4 at once\n  slot "})
    EXPECT_NE(said.find(words), std::string::npos) << words << '\n' << said.substr(0, 3000);
}

}  // namespace
}  // namespace clavier::app
