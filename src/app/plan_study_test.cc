#include "app/plan_study.h"

#include <gtest/gtest.h>

#include <utility>

#include "app/explain_wait.h"
#include "app/study_folder.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/study_fixtures.h"

namespace clavier::app {
namespace {

constexpr const char* kSlots =
    "[[cluster.slots]]\nspeed = 4\n[[cluster.slots]]\n[[cluster.slots]]\nnode = \"b\"\n";

TEST(Plan, NamesItsSourceAndLeavesOutNoiseAndFailures) {
  const std::string rough = "[simulate]\nnoise = 0.5\nfailure_probability = 0.01\n";
  const auto rough_plan = plan_study(study(kSlots + rough), {});
  const auto plan = plan_study(study(kSlots), {});
  ASSERT_TRUE(plan.ok() && rough_plan.ok());
  EXPECT_EQ(plan->simulated.makespan(), rough_plan->simulated.makespan());
  EXPECT_TRUE(plan->measured);
  EXPECT_EQ(plan->source, "the speeds of [[cluster.slots]], 1 s per step at speed 1");
  EXPECT_NEAR(plan->simulated.bound, 60, 1e-6);
  const auto unknown = plan_study(study("[[cluster.slots]]\n"), {});
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(unknown->measured);
}

TEST(Plan, TakesDurationsFromAnEarlierStudy) {
  const ScratchDirectory scratch;
  const StudySpec before = study(std::string("[cluster]\nseconds_per_step = 3\n") + kSlots);
  const auto folder = make_study_folder(scratch.path(), "before");
  ASSERT_TRUE(folder.ok());
  const auto ran = simulate_study(before, {.folder = folder->root});
  ASSERT_TRUE(ran.ok());
  const auto plan =
      plan_study(study("[[cluster.slots]]\ncount = 2\n[[cluster.slots]]\nnode = \"b\"\n"),
                 {.home = scratch.path(), .from = "before"});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->source, "measured by the study before");
  EXPECT_NEAR(plan->simulated.bound, 180, 1);
}

TEST(Plan, CountsWhatAnEarlierStudyTookToStart) {
  const ScratchDirectory scratch;
  const StudySpec before = study(std::string(kSlots) + "[simulate]\nstart_seconds = 8\n");
  const auto folder = make_study_folder(scratch.path(), "before");
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(simulate_study(before, {.folder = folder->root}).ok());
  const auto without = plan_study(study(kSlots), {});
  const auto plan = plan_study(study(kSlots), {.home = scratch.path(), .from = "before"});
  ASSERT_TRUE(without.ok() && plan.ok());
  EXPECT_GT(plan->simulated.makespan(), without->simulated.makespan() + 2);
  EXPECT_EQ(without->starts,
            "the start of workers is not counted; --from STUDY and --probe measure it");
  EXPECT_TRUE(plan->starts.starts_with("a launch takes ") && plan->starts.ends_with("as measured"))
      << plan->starts;
  EXPECT_EQ(plan_study(before, {})->starts,
            "a launch takes 6 s to start in the mean of the slots, by [simulate] start_seconds");
}

TEST(Plan, AdvisesHowOftenToSaveWhereSavesCostTimeAndNodesFail) {
  EXPECT_FALSE(plan_study(study(kSlots), {})->advice);
  const std::string failing = "[simulate]\nsave_seconds = 1\nmtbf = 450\n";
  const auto plan = plan_study(study(kSlots + failing), {});
  ASSERT_TRUE(plan.ok() && plan->advice);
  // Young: 30 s, at 0.5 s per step (360 steps in the time of 3 slots of speeds 4, 1 and 1).
  EXPECT_NEAR(static_cast<double>(plan->advice->every), 60, 5);
  EXPECT_NEAR(plan->advice->loss, 0.066, 0.005);
  EXPECT_GE(plan->advice->loss_now, plan->advice->loss);
}

TEST(Plan, LongStudiesArePlannedInCoarserSteps) {
  StudySpec spec = study(kSlots);
  spec.trial.stop.steps = 1'000'000;
  spec.planner = {"first-fit"};
  const auto plan = plan_study(spec, {.most_events = 10'000});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_LT(plan->simulated.events, 20'000);
  EXPECT_GT(plan->simulated.ratio(), 1);
}

TEST(Plan, WithoutLimitsItSaysWhatIsMissing) {
  StudySpec spec = study(kSlots);
  spec.trials = kForever;
  EXPECT_EQ(plan_study(spec, {}).error().message,
            "nothing limits the number of trials: set [study] trials to plan them");
}

/// What is said of a trial at every step of a simulated study.
TEST(Why, EveryMomentOfATrialHasAReason) {
  const ScratchDirectory scratch;
  const StudySpec spec =
      study(std::string(kSlots) + "[[simulate.events]]\nat = 20\nnode = \"b\"\nhere = false\n");
  State state(spec.objective, spec.trial.retries);
  const auto whole = make_study_folder(scratch.path(), "whole");
  ASSERT_TRUE(simulate_study(spec, {.folder = whole->root}).ok());
  std::vector<Step> steps;
  const auto log = store::StepLog::open_to_read(whole->database());
  ASSERT_TRUE(log->read(StepId{0}, store::Metrics::kParse,
                        [&](const Step& step) -> Status {
                          steps.push_back(step);
                          return {};
                        })
                  .ok());
  const auto part = make_study_folder(scratch.path(), "part");
  std::string said;
  std::size_t pending_before = 0;
  int looked = 0;
  auto writer = store::StepLog::open(part->database(), {.metric = "loss"});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    ASSERT_TRUE(writer->append({&steps[i], 1}).ok());
    state.apply(steps[i]);
    const std::size_t pending = state.count(TrialStatus::kPending);
    const bool waits = pending > std::exchange(pending_before, pending);
    if (i % 100 != 0 && (!waits || ++looked > 12) && i + 1 != steps.size()) continue;
    const auto study = read_recorded(*part, store::Metrics::kSkip);
    ASSERT_TRUE(study.ok());
    for (const Trial& trial : study->state.trials()) {
      const auto why = explain_wait(*study, trial.id, true);
      ASSERT_TRUE(why.ok()) << why.error().message;
      said += *why;
    }
  }
  for (const char* const words :
       {" runs in slot ", "; its planner is asked at step ", " waits for a slot",
        "to go on from step", "(it left the last one: ", "  slot 0: trial ",
        " has ended, completed at step 60: "})
    EXPECT_NE(said.find(words), std::string::npos) << words << '\n' << said.substr(0, 4000);
  const auto study = read_recorded(*part, store::Metrics::kSkip);
  EXPECT_EQ(study->state.count(TrialStatus::kCompleted), 6u);
}

}  // namespace
}  // namespace clavier::app
