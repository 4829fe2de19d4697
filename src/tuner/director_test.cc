#include "tuner/director.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "cluster/first_fit.h"
#include "tests/support/scheduler_fake.h"
#include "tests/support/searcher_fake.h"

namespace clavier::tuner {
namespace {

/// A director with scripted policies, fed by hand.
class DirectorTest : public testing::Test {
 protected:
  DirectorTest() { options_.trials = 100; }

  void open(int slots, std::int64_t configurations = 100, const std::vector<int>& gpu_ids = {}) {
    searcher_ = search::FakeSearcher::counting(configurations);
    director_ = std::make_unique<Director>(options_, Policies{searcher_, scheduler_, planner_});
    feed(Opened{.trials = options_.trials});
    Node node{.id = NodeId{0}, .host = "here"};
    for (int i = 0; i < slots; ++i) {
      node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}, .gpu_ids = gpu_ids});
      node.slots.back().resources.gpus = static_cast<double>(gpu_ids.size());
    }
    feed(Signal{NodeJoined{node}});
  }

  Step feed(Input input) {
    Step step;
    const StepId id{next_++};
    step.turn = director_->decide(id, study_time(id.value * 1000), std::move(input));
    step.fill = director_->fill(step.turn, Capacity::kUse);
    return step;
  }
  Step report(std::int64_t trial, Steps at, double value) {
    Report report{.trial = TrialId{trial}, .launch = state().trial(TrialId{trial}).launch};
    report.step = at;
    report.value = value;
    report.seconds = 0.001;
    report.metrics = {{"loss", value}};
    return feed(Signal{Reported{{report}}});
  }
  Step exit(std::int64_t trial, ExitKind kind, std::string error = {}) {
    const LaunchId launch = state().trial(TrialId{trial}).launch;
    feed(Signal{Exited{TrialId{trial}, launch, kind, std::move(error)}});
    return feed(Signal{LaunchEnded{launch}});
  }
  const State& state() const { return director_->state(); }
  TrialStatus status(std::int64_t trial) const { return state().trial(TrialId{trial}).status; }
  std::size_t running() const { return state().count(TrialStatus::kRunning); }

  StudyOptions options_{.objective = {"loss", Mode::kMin}};
  search::FakeSearcher searcher_{{}};
  sched::ScriptedScheduler scheduler_;
  cluster::FirstFit planner_;
  std::unique_ptr<Director> director_;
  std::int64_t next_ = 0;
};

TEST_F(DirectorTest, TheFirstTrialRunsAloneUntilSomethingHasWorked) {
  scheduler_.until = 3;
  open(4);
  EXPECT_EQ(running(), 1u);
  report(0, 1, 0.5);
  EXPECT_EQ(running(), 4u);
}

TEST_F(DirectorTest, AStudyOfOneTrialFinishesAndNamesTheBest) {
  options_.trials = 1;
  open(1);
  EXPECT_EQ(report(0, 1, 0.5).turn.decisions.size(), 1u);
  const Step last = exit(0, ExitKind::kStopped);
  ASSERT_TRUE(last.fill.finished);
  EXPECT_EQ(last.fill.finished->best, TrialId{0});
  EXPECT_EQ(status(0), TrialStatus::kCompleted);
}

TEST_F(DirectorTest, EndsWhenTheSearcherIsExhaustedAfterNoneOneOrFive) {
  for (const std::int64_t configurations : {0, 1, 5}) {
    next_ = 0;
    open(2, configurations);
    for (std::int64_t trial = 0; trial < configurations; ++trial) {
      report(trial, 1, 1.0);
      exit(trial, ExitKind::kStopped);
    }
    ASSERT_TRUE(state().finished()) << configurations;
    EXPECT_EQ(static_cast<std::int64_t>(state().trials().size()), configurations);
  }
}

/// Wants the population whole before anybody goes on.
struct NewFirst : sched::Scheduler {
  sched::ScriptedScheduler script;
  std::vector<sched::Runnable> next(const State& state, std::size_t appetite) const override {
    if (!state.exhausted()) return std::vector<sched::Runnable>(appetite, sched::New{.until = 2});
    return script.next(state, appetite);
  }
  std::vector<Decision> decide(const Turn& turn, const State& state) const override {
    return script.decide(turn, state);
  }
  void observe(const Turn& turn, const State& state) override { script.observe(turn, state); }
  bool finished(const State& state) const override { return script.finished(state); }
};

TEST_F(DirectorTest, PausedTrialsGoOnWhereTheSearcherHasNothingLeft) {
  NewFirst scheduler;
  scheduler.script.until = 5;
  scheduler.script.answers[{TrialId{0}, 2}] = {Pause{TrialId{0}}, "others first"};
  options_.restart_paused = true;
  searcher_ = search::FakeSearcher::counting(1);
  director_ = std::make_unique<Director>(options_, Policies{searcher_, scheduler, planner_});
  feed(Opened{.trials = options_.trials});
  Node node{.id = NodeId{0}, .host = "here"};
  node.slots.push_back({.id = SlotId{0}, .node = NodeId{0}});
  feed(Signal{NodeJoined{node}});
  report(0, 2, 0.5);
  exit(0, ExitKind::kPaused);
  EXPECT_FALSE(state().finished());
  EXPECT_EQ(status(0), TrialStatus::kRunning);
}

TEST_F(DirectorTest, AFailureIsRetriedFromTheLastCheckpointUpToTheLimit) {
  options_.retries.max_failures = 1;
  options_.trials = 1;
  scheduler_.until = 5;
  open(1);
  Report saved{.trial = TrialId{0}, .launch = LaunchId{0}, .step = 2, .value = 0.1};
  saved.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, 2, "t/checkpoint_000002_0"};
  feed(Signal{Reported{{saved}}});
  const Step again = exit(0, ExitKind::kFailed, "boom");
  ASSERT_EQ(again.fill.launches.size(), 1u);
  ASSERT_TRUE(again.fill.launches[0].members[0].from);
  EXPECT_EQ(again.fill.launches[0].members[0].from->step, 2);
  EXPECT_EQ(again.fill.launches[0].members[0].attempt, 2);
  exit(0, ExitKind::kFailed, "boom");
  EXPECT_EQ(status(0), TrialStatus::kFailed);
  EXPECT_TRUE(state().finished());
}

TEST_F(DirectorTest, WhereNothingHasWorkedThreeFailuresEndTheStudy) {
  open(1);
  exit(0, ExitKind::kFailed, "cannot open data-17.csv");
  exit(1, ExitKind::kFailed, "out of memory");
  EXPECT_FALSE(state().finished());
  exit(2, ExitKind::kFailed, "cannot open data-19.csv");
  ASSERT_TRUE(state().finished());
  EXPECT_EQ(state().finished()->kind, FinishKind::kFailure);
}

TEST_F(DirectorTest, WhatRunsWhenAFailureEndsTheStudyGoesOnAfterwards) {
  scheduler_.until = 9;
  options_.fail_fast = true;
  open(2);
  report(0, 1, 0.5);
  exit(1, ExitKind::kFailed, "boom");
  ASSERT_TRUE(state().finished());
  exit(0, ExitKind::kPaused);
  EXPECT_EQ(status(0), TrialStatus::kPending);
  EXPECT_FALSE(director_->over());
  EXPECT_EQ(director_->to_retry(), std::vector<TrialId>{TrialId{1}});
}

TEST_F(DirectorTest, ATrialThatIsRetriedGoesOnFromItsCheckpointWithAllItsRetries) {
  options_.trials = 1;
  scheduler_.until = 5;
  open(1);
  Report saved{.trial = TrialId{0}, .launch = LaunchId{0}, .step = 2, .value = 0.1};
  saved.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, 2, "t/checkpoint_000002_0"};
  feed(Signal{Reported{{saved}}});
  exit(0, ExitKind::kFailed, "boom");
  ASSERT_TRUE(state().finished());
  const Step again = feed(UserCommand{Retry{{TrialId{0}}}});
  EXPECT_FALSE(state().finished());
  ASSERT_EQ(again.fill.launches.size(), 1u);
  ASSERT_TRUE(again.fill.launches[0].members[0].from);
  EXPECT_EQ(state().trial(TrialId{0}).failures, 0);
}

TEST_F(DirectorTest, ATrialThatWasStoppedWhereItWaitedGoesOnFromThere) {
  options_.trials = 1;
  scheduler_.until = 2;
  scheduler_.answers[{TrialId{0}, 2}] = {Stop{TrialId{0}}, "rung"};
  open(1);
  Report saved{.trial = TrialId{0}, .launch = LaunchId{0}, .step = 2, .value = 0.1};
  saved.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, 2, "t/checkpoint_000002_0"};
  feed(Signal{Reported{{saved}}});
  exit(0, ExitKind::kStopped);
  ASSERT_EQ(status(0), TrialStatus::kStopped);
  const Step again = feed(UserCommand{Retry{{TrialId{0}, TrialId{0}, TrialId{7}}}});
  ASSERT_EQ(again.fill.launches.size(), 1u);
  const Member& member = again.fill.launches[0].members[0];
  ASSERT_TRUE(member.from);
  EXPECT_EQ(member.from->step, 2);
  EXPECT_EQ(member.until, 3);
}

TEST_F(DirectorTest, AStudyThatItsUserEndedGoesOnWhenItIsRetried) {
  scheduler_.until = 5;
  open(1);
  report(0, 1, 0.5);
  feed(UserCommand{StopStudy{}});
  exit(0, ExitKind::kStopped);
  ASSERT_TRUE(director_->over());
  const Step again = feed(UserCommand{Retry{}});
  EXPECT_FALSE(director_->over());
  EXPECT_EQ(status(0), TrialStatus::kStopped);
  EXPECT_EQ(again.fill.launches.size(), 1u) << "of a new trial";
}

TEST_F(DirectorTest, DifferentFailuresDoNotEndAStudyInWhichSomethingHasWorked) {
  open(1);
  report(0, 1, 0.5);
  exit(0, ExitKind::kStopped);
  for (const char* error : {"out of memory", "no such file", "out of memory", "no such file"})
    exit(running() ? state().with_status(TrialStatus::kRunning).begin()->value : 0,
         ExitKind::kFailed, error);
  EXPECT_FALSE(state().finished());
}

TEST_F(DirectorTest, WhoRunsOutOfMemoryBesideOthersStartsAgainAloneAndHasNotFailed) {
  options_.trials = 2;
  scheduler_.until = 9;
  open(2, 2, {0});
  for (Steps step = 1; step <= 3; ++step) report(0, step, 0.5);
  EXPECT_EQ(running(), 2u) << "two are tried";
  exit(1, ExitKind::kFailed, "out of memory: CUDA error");
  EXPECT_EQ(status(1), TrialStatus::kPending);
  EXPECT_EQ(state().trial(TrialId{1}).losses, 1);
  EXPECT_EQ(running(), 1u) << "and not again";
  exit(0, ExitKind::kFailed, "out of memory: CUDA error");
  EXPECT_EQ(status(0), TrialStatus::kFailed) << "alone it is its own fault";
  EXPECT_EQ(status(1), TrialStatus::kRunning);
}

TEST_F(DirectorTest, WhoFindsNoRoomOnADiskStartsAgainAndHasNotFailed) {
  open(1);
  exit(0, ExitKind::kFailed,
       "OSError: [Errno 28] No space left on device: '/scratch/x' (exit status 1)");
  EXPECT_EQ(status(0), TrialStatus::kRunning) << "it has started again";
  EXPECT_EQ(state().trial(TrialId{0}).failures, 0);
  EXPECT_EQ(state().trial(TrialId{0}).losses, 1);
  exit(0, ExitKind::kFailed, "OSError: [Errno 13] Permission denied (exit status 1)");
  EXPECT_EQ(status(0), TrialStatus::kFailed);
}

TEST_F(DirectorTest, WhereTheDiskStaysFullATrialIsGivenUpInTheEnd) {
  options_.retries.max_losses = 3;
  open(1);
  for (int i = 0; i < 4; ++i) exit(0, ExitKind::kFailed, "No space left on device (exit status 1)");
  EXPECT_EQ(status(0), TrialStatus::kFailed);
}

TEST_F(DirectorTest, AMetricThatIsNeverReportedEndsTheStudyAndNamesTheReportedOnes) {
  scheduler_.until = 9;
  open(1);
  Report other{.trial = TrialId{0}, .launch = LaunchId{0}, .step = 1};
  other.metrics = {{"val_loss", 0.5}, {"accuracy", 0.9}};
  feed(Signal{Reported{{other}}});
  exit(0, ExitKind::kCompleted);
  ASSERT_TRUE(state().finished());
  EXPECT_EQ(state().finished()->kind, FinishKind::kFailure);
  EXPECT_NE(state().finished()->reason.find("it reported val_loss, accuracy"), std::string::npos);
}

TEST_F(DirectorTest, APausedTrialWithoutACheckpointEndsTheStudyUnlessTheUserAgrees) {
  for (const bool agreed : {false, true}) {
    options_.restart_paused = agreed;
    next_ = 0;
    scheduler_.until = 5;
    scheduler_.answers[{TrialId{0}, 1}] = {Pause{TrialId{0}}, "rung"};
    open(1);
    report(0, 1, 0.5);
    exit(0, ExitKind::kPaused);
    EXPECT_EQ(state().finished().has_value(), !agreed);
  }
}

TEST_F(DirectorTest, ATrialThatARuleEndedBeforeItsFirstReportEndsNothing) {
  options_.trial_rules.time = from_seconds(0.001);
  options_.trials = 2;
  open(1);
  feed(Signal{Deadline{}});
  exit(0, ExitKind::kStopped);
  EXPECT_EQ(status(0), TrialStatus::kCompleted);
  EXPECT_FALSE(state().finished());
  EXPECT_EQ(running(), 1u);
}

TEST_F(DirectorTest, ThreeTrialsWithoutASingleReportEndTheStudy) {
  open(4);
  for (std::int64_t trial = 0; trial < 3; ++trial) {
    EXPECT_EQ(running(), 1u) << "nothing has worked yet";
    EXPECT_FALSE(state().finished());
    exit(trial, ExitKind::kCompleted);
  }
  ASSERT_TRUE(state().finished());
  EXPECT_EQ(state().finished()->kind, FinishKind::kFailure);
}

TEST_F(DirectorTest, LossesAreRetriedWithoutCountingAsFailures) {
  options_.trials = 1;
  open(1);
  for (int i = 0; i < 5; ++i) exit(0, ExitKind::kLost, "worker killed");
  EXPECT_EQ(status(0), TrialStatus::kRunning);
  EXPECT_EQ(state().trial(TrialId{0}).failures, 0);
}

TEST_F(DirectorTest, ReportsAfterADecisionAreLateAndNotShownToPolicies) {
  scheduler_.until = 2;
  open(1);
  report(0, 2, 0.5);
  const Step late = report(0, 3, 0.1);
  EXPECT_TRUE(late.turn.late);
  EXPECT_EQ(state().trial(TrialId{0}).step, 2);
  EXPECT_EQ(state().trial(TrialId{0}).best->value, 0.5);
}

TEST_F(DirectorTest, WhatATrialReportsWhileItIsBeingPausedCounts) {
  scheduler_.until = 3;
  options_.trials = 1;
  open(1);
  feed(UserCommand{PauseStudy{}});
  const Step crossing = report(0, 1, 0.5);
  EXPECT_FALSE(crossing.turn.late);
  EXPECT_EQ(state().trial(TrialId{0}).step, 1);
  EXPECT_EQ(state().trial(TrialId{0}).best->value, 0.5);
  exit(0, ExitKind::kPaused);
  EXPECT_EQ(status(0), TrialStatus::kPending);
}

TEST_F(DirectorTest, WhatIsDecidedOnTheWayOutTakesThePlaceOfThePause) {
  for (const Action& action : {Action{Complete{TrialId{0}}}, Action{Stop{TrialId{0}}}}) {
    scheduler_.until = 9;
    scheduler_.answers[{TrialId{0}, 2}] = {action, "decided"};
    open(1);
    feed(UserCommand{PauseStudy{}});
    report(0, 2, 0.5);
    EXPECT_TRUE(report(0, 3, 0.1).turn.late);
    exit(0, ExitKind::kPaused);
    EXPECT_EQ(status(0), std::holds_alternative<Stop>(action) ? TrialStatus::kStopped
                                                              : TrialStatus::kCompleted);
    next_ = 0;
  }
}

TEST_F(DirectorTest, WhereItWaitsNextIsKnownBeforeItIsStartedAgain) {
  scheduler_.first_until = 2;
  scheduler_.until = 5;
  options_.trials = 1;
  open(1);
  feed(UserCommand{PauseStudy{}});
  report(0, 2, 0.5);
  feed(Signal{CheckpointSaved{{TrialId{0}, LaunchId{0}, 2, "c2"}}});
  exit(0, ExitKind::kPaused);
  const Step again = feed(Opened{.trials = 1, .rebuilt = true});
  ASSERT_EQ(again.fill.launches.size(), 1u);
  EXPECT_EQ(again.fill.launches[0].members[0].from->step, 2);
  EXPECT_EQ(again.fill.launches[0].members[0].until, 5);
}

TEST_F(DirectorTest, ASchedulersPauseOutlivesTheUsers) {
  for (const bool paused_by_scheduler : {true, false}) {
    scheduler_ = {};
    scheduler_.until = 5;
    scheduler_.resumes = false;
    if (paused_by_scheduler) scheduler_.answers[{TrialId{0}, 2}] = {Pause{TrialId{0}}, "rung"};
    options_.trials = 2;
    options_.restart_paused = true;
    open(1);
    feed(UserCommand{PauseTrial{TrialId{0}}});
    report(0, 2, 0.5);
    exit(0, ExitKind::kPaused);
    EXPECT_EQ(status(0), TrialStatus::kPaused);
    EXPECT_TRUE(state().trial(TrialId{0}).held);
    feed(UserCommand{ResumeTrial{TrialId{0}}});
    EXPECT_EQ(status(0), paused_by_scheduler ? TrialStatus::kPaused : TrialStatus::kPending);
    EXPECT_FALSE(state().trial(TrialId{0}).held);
    next_ = 0;
  }
}

TEST_F(DirectorTest, AUserMayThinkBetterOfAPauseBeforeItIsObeyed) {
  scheduler_.until = 5;
  open(1);
  feed(UserCommand{PauseTrial{TrialId{0}}});
  feed(UserCommand{ResumeTrial{TrialId{0}}});
  exit(0, ExitKind::kPaused);
  EXPECT_FALSE(state().trial(TrialId{0}).held);
  EXPECT_NE(status(0), TrialStatus::kPaused);
}

TEST_F(DirectorTest, AUsersPauseDoesNotBringBackWhatHasEnded) {
  scheduler_.until = 1;
  open(1);
  report(0, 1, 0.5);
  EXPECT_TRUE(feed(UserCommand{PauseTrial{TrialId{0}}}).turn.decisions.empty());
  EXPECT_TRUE(feed(UserCommand{StopTrial{TrialId{0}}}).turn.decisions.empty());
  exit(0, ExitKind::kStopped);
  EXPECT_EQ(status(0), TrialStatus::kCompleted);
}

TEST_F(DirectorTest, ATrialThatEndedBeforeItHeardOfThePauseIsComplete) {
  scheduler_.until = 9;
  open(1);
  report(0, 1, 0.5);
  feed(UserCommand{PauseStudy{}});
  exit(0, ExitKind::kCompleted);
  EXPECT_EQ(status(0), TrialStatus::kCompleted);
}

TEST_F(DirectorTest, TheEndOfTheStudyReachesTrialsThatAreBeingPaused) {
  options_.study_rules.metric = 0.1;
  scheduler_.until = 9;
  open(2);
  report(0, 1, 0.5);
  feed(UserCommand{PauseStudy{}});
  report(0, 2, 0.05);
  for (const std::int64_t trial : {0, 1}) exit(trial, ExitKind::kPaused);
  EXPECT_EQ(state().count(TrialStatus::kStopped), 2u);
}

TEST_F(DirectorTest, ACheckpointFromWhereItWasToBeDecidedUponIsPassedOver) {
  scheduler_.first_until = 4;
  scheduler_.until = 9;
  options_.trials = 1;
  open(1);
  Report saved{.trial = TrialId{0}, .launch = LaunchId{0}, .step = 3, .value = 0.1};
  saved.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, 3, "c3"};
  feed(Signal{Reported{{saved}}});
  // Its report did not count.
  feed(Signal{CheckpointSaved{{TrialId{0}, LaunchId{0}, 4, "c4"}}});
  const Step again = exit(0, ExitKind::kLost);
  ASSERT_EQ(again.fill.launches.size(), 1u);
  EXPECT_EQ(again.fill.launches[0].members[0].from->step, 3);
}

TEST_F(DirectorTest, AReportOfAnOlderAttemptIsLate) {
  scheduler_.until = 9;
  options_.retries.max_failures = 3;
  open(1);
  report(0, 1, 0.5);
  Report old{.trial = TrialId{0}, .launch = state().trial(TrialId{0}).launch, .step = 2};
  exit(0, ExitKind::kFailed, "x");
  EXPECT_TRUE(feed(Signal{Reported{{old}}}).turn.late);
}

TEST_F(DirectorTest, ATrialThatNobodyAnswersIsCompletedAndNotLeftWaiting) {
  scheduler_.until = 10;
  scheduler_.first_until = 2;
  scheduler_.answers[{TrialId{0}, 2}] = {Continue{TrialId{1}, 3}};
  open(2);
  report(0, 1, 0.5);
  const Step step = report(0, 2, 0.5);
  const bool completed = std::ranges::any_of(step.turn.decisions, [](const Decision& each) {
    return std::holds_alternative<Complete>(each.action) && subject(each.action) == TrialId{0};
  });
  EXPECT_TRUE(completed);
}

TEST_F(DirectorTest, AThresholdCompletesATrialInTheObjectivesDirection) {
  options_.trial_rules.metrics = {{"loss", 0.2}};
  scheduler_.until = 9;
  open(1);
  EXPECT_TRUE(report(0, 1, 0.3).turn.decisions.empty());
  const Step reached = report(0, 2, 0.2);
  ASSERT_EQ(reached.turn.decisions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Complete>(reached.turn.decisions[0].action));
  EXPECT_EQ(reached.turn.decisions[0].reason, "loss reached 0.2");
}

TEST_F(DirectorTest, WhoDivergesIsStoppedWhereARuleSaysSoAndItsBestFiniteValueStands) {
  options_.trial_rules.non_finite = true;
  options_.retries.max_failures = 3;
  scheduler_.until = 9;
  open(1);
  report(0, 1, 0.5);
  const Step step = report(0, 2, std::numeric_limits<double>::quiet_NaN());
  ASSERT_EQ(step.turn.decisions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Stop>(step.turn.decisions[0].action));
  EXPECT_EQ(step.turn.decisions[0].reason, "loss is nan at step 2");
  exit(0, ExitKind::kStopped);
  EXPECT_EQ(status(0), TrialStatus::kStopped);
  EXPECT_EQ(state().trial(TrialId{0}).best->value, 0.5);
  EXPECT_EQ(state().trial(TrialId{0}).failures, 0);
  EXPECT_EQ(status(1), TrialStatus::kRunning) << "the study goes on";
  report(1, 1, -std::numeric_limits<double>::infinity());
  exit(1, ExitKind::kStopped);
  EXPECT_EQ(status(1), TrialStatus::kStopped);
}

TEST_F(DirectorTest, ALossTellsOfDivergenceWhereTheMetricIsAnotherOneAndOtherMetricsDoNot) {
  options_.objective = {"accuracy", Mode::kMax};
  options_.trial_rules.non_finite = true;
  scheduler_.until = 9;
  open(1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto tell = [&](Steps at, const char* name) {
    Report report{.trial = TrialId{0}, .launch = state().trial(TrialId{0}).launch, .step = at};
    report.value = 0.1;
    report.metrics = {{"accuracy", 0.1}, {name, nan}};
    return feed(Signal{Reported{{report}}}).turn.decisions.size();
  };
  EXPECT_EQ(tell(1, "precision"), 0u);
  EXPECT_EQ(tell(2, "train_loss"), 1u);
}

TEST_F(DirectorTest, ARuleThatStopsSpeaksBeforeTheScheduler) {
  options_.trial_rules.patience = Patience{.steps = 1};
  scheduler_.until = 9;
  scheduler_.answers[{TrialId{0}, 2}] = {Complete{TrialId{0}}, "the scheduler's"};
  open(1);
  report(0, 1, 0.5);
  const Step step = report(0, 2, 0.6);
  ASSERT_EQ(step.turn.decisions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Stop>(step.turn.decisions[0].action));
  EXPECT_EQ(step.turn.decisions[0].reason, "patience: no better loss in the last 1 step");
}

TEST_F(DirectorTest, WhoMeetsItsGoalOrComesToItsEndIsCompleteHoweverBad) {
  options_.trial_rules.metrics = {{"loss", 0.7}};
  options_.trial_rules.thresholds = {{.metric = "loss", .lower = 0.65, .upper = 0.85}};
  options_.trial_length = scheduler_.until = 3;
  open(2);
  const Step met = report(0, 1, 0.6);
  ASSERT_EQ(met.turn.decisions.size(), 1u);
  EXPECT_EQ(met.turn.decisions[0].reason, "loss reached 0.7");
  exit(0, ExitKind::kCompleted);
  const Step ended = report(1, 3, 0.9);
  ASSERT_EQ(ended.turn.decisions.size(), 1u);
  EXPECT_EQ(ended.turn.decisions[0].reason, "scripted end");
}

TEST_F(DirectorTest, WithoutTheRuleADivergedTrialGoesOn) {
  scheduler_.until = 9;
  open(1);
  EXPECT_TRUE(report(0, 1, std::numeric_limits<double>::quiet_NaN()).turn.decisions.empty());
}

TEST_F(DirectorTest, AStudyRuleStopsEverythingThatRuns) {
  options_.study_rules.metric = 0.1;
  scheduler_.until = 9;
  open(3);
  report(0, 1, 0.5);
  const Step end = report(1, 1, 0.05);
  EXPECT_EQ(end.turn.decisions.size(), 3u);
  ASSERT_TRUE(end.fill.finished);
  EXPECT_EQ(end.fill.finished->kind, FinishKind::kStopRule);
  EXPECT_EQ(end.fill.finished->best, TrialId{1});
}

TEST_F(DirectorTest, ATrialsTimeIsADeadlineOfItsOwn) {
  options_.trial_rules.time = from_seconds(1);
  scheduler_.until = 9;
  open(1);
  const StudyTime due = director_->deadline();
  ASSERT_NE(due, kNever);
  const Turn turn = director_->decide(StepId{next_++}, due, Signal{Deadline{}});
  ASSERT_EQ(turn.decisions.size(), 1u);
  EXPECT_EQ(turn.decisions[0].reason, "its time is up");
}

TEST_F(DirectorTest, ACostEndsTheStudyWhenItIsReachedAndNotOnlyAtTheNextEvent) {
  options_.study_rules.cost = 1;
  scheduler_.until = 1000;
  open(0);
  Node node{.id = NodeId{1}, .host = "there"};
  for (int i = 0; i < 2; ++i)
    node.slots.push_back({.id = SlotId{i}, .node = NodeId{1}, .price_per_hour = 3600});
  feed(Signal{NodeJoined{node}});
  const StudyTime joined = state().now();
  // One slot at work at 1 a second, soon two.
  EXPECT_EQ(director_->deadline(), joined + std::chrono::seconds(1));
  report(0, 1, 0.5);
  const auto second_began = state().now() - joined;
  EXPECT_EQ(running(), 2u);
  const StudyTime end = state().now() + (std::chrono::seconds(1) - second_began) / 2;
  EXPECT_LE((director_->deadline() - end).count(), 1);
  EXPECT_GE(director_->deadline(), end);

  const Turn early = director_->decide(StepId{next_++}, end - StudyDuration(2), Signal{Deadline{}});
  EXPECT_TRUE(early.decisions.empty());
  const Turn last = director_->decide(StepId{next_++}, director_->deadline(), Signal{Deadline{}});
  EXPECT_EQ(last.decisions.size(), 2u);
  const Fill fill = director_->fill(last, Capacity::kUse);
  ASSERT_TRUE(fill.finished);
  EXPECT_EQ(fill.finished->reason, "it has cost 1");
  EXPECT_EQ(director_->deadline(), kNever);
}

TEST_F(DirectorTest, APlateauEndsTheStudy) {
  options_.study_rules.plateau_trials = 2;
  open(1);
  for (std::int64_t trial = 0; trial < 3; ++trial) {
    report(trial, 1, 0.5);
    exit(trial, ExitKind::kStopped);
  }
  ASSERT_TRUE(state().finished());
  EXPECT_EQ(state().finished()->kind, FinishKind::kStopRule);
}

TEST_F(DirectorTest, ClosingTheRunRequeuesWhatRunsAndStartsNothing) {
  scheduler_.until = 9;
  open(2);
  report(0, 1, 0.5);
  feed(UserCommand{PauseStudy{}});
  exit(0, ExitKind::kPaused);
  EXPECT_TRUE(exit(1, ExitKind::kPaused).fill.launches.empty());
  EXPECT_EQ(status(0), TrialStatus::kPending);
  EXPECT_FALSE(state().finished());
  EXPECT_TRUE(director_->closing());
}

TEST_F(DirectorTest, AHeldTrialWaitsForTheUser) {
  options_.trials = 1;
  scheduler_.until = 9;
  open(1);
  report(0, 1, 0.5);
  feed(UserCommand{PauseTrial{TrialId{0}}});
  EXPECT_TRUE(exit(0, ExitKind::kPaused).fill.launches.empty());
  EXPECT_EQ(status(0), TrialStatus::kPaused);
  EXPECT_FALSE(state().finished());
  EXPECT_TRUE(director_->closing());
}

TEST_F(DirectorTest, AResumedTrialRunsAgain) {
  options_.trials = 2;
  scheduler_.until = 9;
  open(2);
  report(0, 1, 0.5);
  feed(UserCommand{PauseTrial{TrialId{0}}});
  exit(0, ExitKind::kPaused);
  EXPECT_EQ(feed(UserCommand{ResumeTrial{TrialId{0}}}).fill.launches.size(), 1u);
}

TEST_F(DirectorTest, RaisingTheLimitLetsMoreTrialsRun) {
  options_.trials = 1;
  scheduler_.until = 9;
  open(2);
  report(0, 1, 0.5);
  EXPECT_EQ(running(), 1u);
  feed(UserCommand{RaiseTrials{2}});
  EXPECT_EQ(running(), 2u);
}

TEST_F(DirectorTest, OnlyTheNewestAndTheBestCheckpointAreKept) {
  options_.keep.keep = 1;
  scheduler_.until = 9;
  open(1);
  std::vector<Steps> discarded;
  const double values[] = {0.5, 0.1, 0.4, 0.3};
  for (Steps step = 1; step <= 4; ++step) {
    Report report{.trial = TrialId{0}, .launch = LaunchId{0}, .step = step};
    report.value = values[step - 1];
    report.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, step, "c" + std::to_string(step)};
    for (const auto& each : feed(Signal{Reported{{report}}}).fill.discards)
      discarded.push_back(each.step);
  }
  EXPECT_EQ(discarded, (std::vector<Steps>{1, 3}));
}

TEST_F(DirectorTest, SoIsTheBestByAnotherMetric) {
  options_.keep = {.keep = 1, .best_by = "accuracy", .best_mode = Mode::kMax};
  scheduler_.until = 9;
  open(1);
  std::vector<Steps> discarded;
  const double losses[] = {0.1, 0.3, 0.2, 0.4}, accuracies[] = {0.5, 0.6, 0.9, 0.8};
  for (Steps step = 1; step <= 4; ++step) {
    Report report{.trial = TrialId{0}, .launch = LaunchId{0}, .step = step};
    report.value = losses[step - 1];
    report.metrics = {{"loss", losses[step - 1]}, {"accuracy", accuracies[step - 1]}};
    report.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, step, "c" + std::to_string(step)};
    for (const auto& each : feed(Signal{Reported{{report}}}).fill.discards)
      discarded.push_back(each.step);
  }
  EXPECT_EQ(discarded, (std::vector<Steps>{2})) << "1 has the least loss, 3 the most accuracy";
}

TEST_F(DirectorTest, AnInfiniteValueMeetsNoThreshold) {
  options_.trial_rules.metrics = {{"loss", 0.2}};
  options_.study_rules.metric = 0.2;
  scheduler_.until = 9;
  open(1);
  EXPECT_TRUE(report(0, 1, -std::numeric_limits<double>::infinity()).turn.decisions.empty());
  EXPECT_FALSE(state().finished());
}

TEST_F(DirectorTest, TheCheckpointThatOthersMayTakeOverIsKeptBesidesTheNewest) {
  options_.keep = {.keep = 1, .best_by = "absent", .boundary = 2};
  scheduler_.until = 9;
  open(1);
  std::vector<std::pair<Steps, Steps>> discarded;  // At which step, and which.
  for (Steps step = 1; step <= 6; ++step) {
    Report report{.trial = TrialId{0}, .launch = LaunchId{0}, .step = step};
    report.checkpoint = Checkpoint{TrialId{0}, LaunchId{0}, step, "c" + std::to_string(step)};
    for (const auto& each : feed(Signal{Reported{{report}}}).fill.discards)
      discarded.emplace_back(step, each.step);
  }
  EXPECT_EQ(discarded,
            (std::vector<std::pair<Steps, Steps>>{{2, 1}, {4, 2}, {4, 3}, {6, 4}, {6, 5}}));
}

TEST_F(DirectorTest, ReplayingEveryStepArrivesAtTheSameState) {
  scheduler_.until = 3;
  open(2, 5);
  std::vector<Step> steps;
  next_ = 0;
  director_ = std::make_unique<Director>(options_, Policies{searcher_, scheduler_, planner_});
  steps.push_back(feed(Opened{.trials = 5}));
  Node node{.id = NodeId{0}, .host = "here", .slots = {{.id = SlotId{0}, .node = NodeId{0}}}};
  steps.push_back(feed(Signal{NodeJoined{node}}));
  for (std::int64_t trial = 0; trial < 5; ++trial)
    for (Steps at = 1; at <= 3; ++at) {
      steps.push_back(report(trial, at, 1.0 / static_cast<double>(at + trial)));
      if (at < 3) continue;
      const LaunchId launch = state().trial(TrialId{trial}).launch;
      steps.push_back(feed(Signal{Exited{TrialId{trial}, launch, ExitKind::kStopped}}));
      steps.push_back(feed(Signal{LaunchEnded{launch}}));
    }
  ASSERT_TRUE(state().finished());
  search::FakeSearcher searcher = search::FakeSearcher::counting(5);
  Director fresh(options_, {searcher, scheduler_, planner_});
  for (const Step& step : steps) ASSERT_TRUE(fresh.replay(step).ok());
  EXPECT_EQ(fresh.state().best(), state().best());
  EXPECT_EQ(fresh.state().reports(), state().reports());
  EXPECT_EQ(fresh.state().count(TrialStatus::kCompleted), 5u);
  EXPECT_TRUE(fresh.state().finished());
}

}  // namespace
}  // namespace clavier::tuner
