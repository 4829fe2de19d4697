#include "app/run/asked_study.h"

#include <gtest/gtest.h>

#include "app/file/recorded_study.h"
#include "app/file/study_file.h"
#include "app/run/study_check.h"
#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

constexpr const char* kStudy = R"([study]
metric = "loss"
mode = "min"
trials = 4
[space]
x = { uniform = [-1, 1] }
)";

StudySpec spec_of(const std::string& more = "") {
  auto spec = parse_study(kStudy + more, "s.toml");
  EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
  return *spec;
}

/// As one process after another has it.
class SharedStudy : public testing::Test {
 protected:
  AskedStudy open(const std::string& more = "") {
    auto study = AskedStudy::open(spec_of(more), AskedStudy::Trials::kShared, home_ / "s");
    CHECK(study.ok());
    return *std::move(study);
  }
  Result<TrialId> ask(const std::string& more = "") { return open(more).ask(); }
  RecordedStudy recorded() {
    auto study = read_recorded({home_ / "s"}, store::Metrics::kParse);
    CHECK(study.ok());
    return *std::move(study);
  }
  ScratchDirectory home_;
};

TEST_F(SharedStudy, TrialsStayOutFromOneProcessToTheNextAndMayComeBackInAnyOrder) {
  for (int i = 0; i < 3; ++i) {
    const auto trial = ask();
    ASSERT_TRUE(trial.ok()) << trial.error().message;
    EXPECT_EQ(trial->value, i);
  }
  ASSERT_TRUE(open().tell(TrialId{2}, {{"loss", 0.25}, {"epochs", 3}}).ok());
  ASSERT_TRUE(open().tell(TrialId{0}, {{"loss", 0.5}}).ok());
  const RecordedStudy study = recorded();
  EXPECT_EQ(study.state.trial(TrialId{1}).status, TrialStatus::kRunning);
  EXPECT_EQ(study.state.trial(TrialId{0}).status, TrialStatus::kCompleted);
  EXPECT_EQ(study.state.best(), TrialId{2});
  EXPECT_EQ(study.state.runs(), 1);
  EXPECT_TRUE(study.state.asked());
  EXPECT_TRUE(verify_study(home_ / "s").ok());
}

TEST_F(SharedStudy, IsOverWithItsLastTrialAndGoesOnWithAFileThatHasMore) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ask().ok());
  const auto none = ask();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message, "no further trial: all 4 trials have been asked for; 4 are out");
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(open().tell(TrialId{i}, {{"loss", 0.1 * i}}).ok());
  EXPECT_TRUE(recorded().state.finished());
  EXPECT_EQ(ask().error().message, "all 4 trials have run");
  const std::string text = std::string(kStudy) + "# more\n";
  auto more = parse_study(std::string(kStudy).replace(text.find("= 4"), 3, "= 5"), "s.toml");
  auto study = AskedStudy::open(*more, AskedStudy::Trials::kShared, home_ / "s");
  ASSERT_TRUE(study.ok());
  EXPECT_EQ(study->ask().value(), TrialId{4});
  EXPECT_TRUE(verify_study(home_ / "s").ok());
}

TEST_F(SharedStudy, NothingBeginsUnaskedAfterAFruitlessQuestion) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ask().ok());
  EXPECT_FALSE(ask().ok());
  ASSERT_TRUE(append_command(home_ / "s", RaiseTrials{6}).ok());
  ASSERT_TRUE(open().tell(TrialId{0}, {{"loss", 0.5}}).ok());
  EXPECT_EQ(recorded().state.trials().size(), 4U);
}

TEST_F(SharedStudy, AKilledQuestionLeavesNoSlotInWhichSomethingWouldBegin) {
  ASSERT_TRUE(ask().ok());
  {
    // What a process had written that was killed after its offer and before its trial.
    auto log = store::StepLog::open(home_ / "s" / "study.db", {.metric = "loss"});
    ASSERT_TRUE(log.ok());
    Node node{.id = NodeId{0}, .host = "caller"};
    node.slots = {{.id = SlotId{0}, .node = NodeId{0}}, {.id = SlotId{1}, .node = NodeId{0}}};
    Step step;
    step.turn.id = StepId{log->last().value + 1};
    step.turn.time = recorded().state.now();
    step.turn.input = Signal{NodeJoined{node}};
    ASSERT_TRUE(log->append({&step, 1}).ok());
  }
  ASSERT_TRUE(open().tell(TrialId{0}, {{"loss", 0.5}}).ok());
  EXPECT_EQ(recorded().state.trials().size(), 1U);
  EXPECT_EQ(ask().value(), TrialId{1});
}

TEST_F(SharedStudy, AReportSaysWhetherToGoOnAndWhoIsStoppedLeaves) {
  const std::string asha = "[scheduler]\nalgorithm = \"asha\"\nmax_steps = 9\nreduction = 3\n";
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ask(asha).ok());
    EXPECT_EQ(open(asha).report(TrialId{i}, {{"loss", 0.1 * i}}, 1).value(), i == 0) << i;
    if (i == 0) continue;
    ASSERT_TRUE(open(asha).leave(TrialId{i}).ok());
    EXPECT_EQ(recorded().state.trial(TrialId{i}).status, TrialStatus::kStopped);
  }
  EXPECT_FALSE(open(asha).report(TrialId{1}, {{"loss", 0}}, 2).ok());
  EXPECT_TRUE(verify_study(home_ / "s").ok());
}

TEST_F(SharedStudy, WhatIsLostIsAskedForAgainAndWhatHasFailedIsNot) {
  ASSERT_TRUE(ask().ok());
  ASSERT_TRUE(open().give_up(TrialId{0}, ExitKind::kLost, "power cut").ok());
  EXPECT_EQ(ask().value(), TrialId{0});
  ASSERT_TRUE(open().give_up(TrialId{0}, ExitKind::kFailed, "diverged").ok());
  EXPECT_EQ(recorded().state.trial(TrialId{0}).status, TrialStatus::kFailed);
  EXPECT_EQ(ask().value(), TrialId{1});
}

TEST_F(SharedStudy, ThatFailuresHaveEndedGoesOnOnlyWhenTheyAreRetried) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(ask().ok());
    ASSERT_TRUE(open().give_up(TrialId{i}, ExitKind::kFailed, "no such file").ok());
  }
  const auto refused = ask();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("clavier retry s"), std::string::npos)
      << refused.error().message;
  ASSERT_TRUE(append_command(home_ / "s", Retry{{TrialId{1}}}).ok());
  EXPECT_EQ(ask().value(), TrialId{1});
}

TEST_F(SharedStudy, WithASchedulerThatNeedsCheckpointsIsRefused) {
  for (const char* scheduler : {"algorithm = \"asha\"\nvariant = \"promotion\"\nmax_steps = 9",
                                "algorithm = \"pbt\"\nmax_steps = 9\ninterval = 3"}) {
    const auto refused = ask(std::string("[scheduler]\n") + scheduler + "\n");
    ASSERT_FALSE(refused.ok()) << scheduler;
    EXPECT_NE(refused.error().message.find("needs checkpoints"), std::string::npos);
  }
}

}  // namespace
}  // namespace clavier::app
