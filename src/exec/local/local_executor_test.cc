#include <signal.h>

#include "tests/support/executor_rig.h"

namespace clavier::exec {
namespace {

// Bare scripts and what every worker gets.
class LocalExecutorTest : public ExecutorRig {};

TEST_F(LocalExecutorTest, PlainLinesOfAScriptAreReports) {
  shell(
      "echo starting; echo '{\"loss\": 0.5, \"accuracy\": 0.9}'; echo '{\"step\": 7, \"loss\": "
      "0.25}'");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  const auto reports = reports_seen();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].trial, TrialId{0});
  EXPECT_EQ(reports[0].launch, LaunchId{100});
  EXPECT_EQ(reports[0].step, 1);
  EXPECT_EQ(reports[0].value, 0.5);
  EXPECT_EQ(reports[0].metrics.size(), 2u);
  EXPECT_GE(reports[0].seconds, 0);
  EXPECT_EQ(reports[1].step, 7);
  EXPECT_EQ(file("trial_0/stdout").substr(0, 9), "starting\n");
}

TEST_F(LocalExecutorTest, ALastLineWithoutNewlineCounts) {
  shell("printf '{\"loss\": 2}'");
  run(order(0));
  ASSERT_EQ(reports_seen().size(), 1u);
}

TEST_F(LocalExecutorTest, AReportWithoutTheObjectiveHasNoValue) {
  shell("echo '{\"accuracy\": 0.9}'");
  run(order(0));
  ASSERT_EQ(reports_seen().size(), 1u);
  EXPECT_EQ(reports_seen()[0].value, std::nullopt);
}

TEST_F(LocalExecutorTest, ParametersReachTheCommandAndTheEnvironment) {
  options_.command = {
      "sh", "-c",
      "echo {lr} {trial} $CLAVIER_TRIAL $CLAVIER_CONFIG; pwd; test -d {dir} && echo there"};
  options_.working_directory = "/usr";
  Config config;
  config.set("lr", 0.125);
  EXPECT_EQ(run(order(1, config)).kind, ExitKind::kCompleted);
  EXPECT_EQ(file("trial_1/stdout"), "0.125 1 1 {\"lr\": 0.125}\n/usr\nthere\n");
}

TEST_F(LocalExecutorTest, TheSlotLimitsThreadsAndDevices) {
  shell("echo $OMP_NUM_THREADS $OMP_WAIT_POLICY [$CUDA_VISIBLE_DEVICES] $PYTHONUNBUFFERED $EXTRA");
  options_.environment = {{"EXTRA", "more{trial}"}};
  options_.node.slots[0].resources = {.cpus = 3};
  options_.node.slots[0].gpu_ids = {1};
  run(order(0));
  EXPECT_EQ(file("trial_0/stdout"), "3 PASSIVE [1] 1 more0\n");
}

TEST_F(LocalExecutorTest, AFailingScriptIsExplainedByItsLastErrorLine) {
  shell("echo progress; echo one >&2; echo 'ValueError: lr is negative' >&2; exit 3");
  const Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_EQ(exited.error, "ValueError: lr is negative (exit status 3)");
  EXPECT_EQ(exited.log_tail, "one\nValueError: lr is negative");
  EXPECT_EQ(file("trial_0/stderr"), "one\nValueError: lr is negative\n");
}

TEST_F(LocalExecutorTest, AScriptIsStoppedByASignal) {
  shell("echo '{\"loss\": 1}'; sleep 100");
  executor().start(order(0));
  next_report();
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
  next<LaunchEnded>();
}

TEST_F(LocalExecutorTest, AScriptIsPausedByASignal) {
  shell("echo '{\"loss\": 1}'; sleep 100");
  executor().start(order(0));
  next_report();
  executor().send(message(0, PauseNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kPaused);
  next<LaunchEnded>();
}

TEST_F(LocalExecutorTest, AMissingProgramIsRefusedByName) {
  options_.command = {"no-such-trainer"};
  const Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kRefused);
  EXPECT_NE(exited.error.find("'no-such-trainer'"), std::string::npos) << exited.error;
}

TEST_F(LocalExecutorTest, AnUnknownParameterIsRefused) {
  options_.command = {"echo", "{no_such_parameter}"};
  const Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kRefused);
  EXPECT_NE(exited.error.find("no_such_parameter"), std::string::npos) << exited.error;
}

TEST_F(LocalExecutorTest, SeveralTrialsInOneLaunchAreRefused) {
  Order two = order(0);
  two.launch.members.push_back({.trial = TrialId{1}});
  two.members.push_back({.directory = "trial_1"});
  executor().start(two);
  EXPECT_EQ(next<Exited>().kind, ExitKind::kRefused);
  EXPECT_EQ(next<Exited>().trial, TrialId{1});
  EXPECT_EQ(next<LaunchEnded>().launch, LaunchId{100});
}

TEST_F(LocalExecutorTest, TheTimeLimitOfAnAttemptFailsIt) {
  shell("sleep 100");
  options_.time_limit = std::chrono::milliseconds(50);
  const Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_NE(exited.error.find("time limit of 0.05 s"), std::string::npos) << exited.error;
}

TEST_F(LocalExecutorTest, TheDeadlineIsASignalAndNeverEarly) {
  const StudyTime deadline = executor().now() + std::chrono::milliseconds(5);
  const auto signals = executor().wait(deadline);
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Deadline>(signals[0]));
  EXPECT_GE(executor().now(), deadline);
}

TEST_F(LocalExecutorTest, TheWakerEndsAWaitWithNothing) {
  executor();
  waker_.wake();
  EXPECT_TRUE(executor().wait(kNever).empty());
}

TEST_F(LocalExecutorTest, MessagesToATrialThatLeftAreDropped) {
  shell("true");
  run(order(0));
  executor().send(message(0, StopNow{}));
  executor().send(message(5, PauseNow{}));
  EXPECT_EQ(executor().counters().ignored, 0);
}

TEST_F(LocalExecutorTest, CheckpointsAreDiscardedInsideTheStudyOnly) {
  namespace fs = std::filesystem;
  const fs::path outside = study_.string() + "-outside";
  fs::create_directories(outside / "precious" / "deep");
  fs::create_directories(study_ / "trial_0" / "checkpoint_000001_0");
  fs::create_directories(study_ / "trial_0" / "keep");
  fs::create_directory_symlink(outside, study_ / "link");
  executor().discard("trial_0/checkpoint_000001_0");
  EXPECT_FALSE(fs::exists(study_ / "trial_0" / "checkpoint_000001_0"));
  for (const std::string& path :
       {"../" + outside.filename().string() + "/precious", (outside / "precious").string(),
        std::string("link/precious"), std::string("trial_0"), std::string("trial_0/.."),
        std::string("."), std::string(""), std::string("trial_0/"), std::string("x/../trial_0")})
    executor().discard(path);
  EXPECT_TRUE(fs::exists(outside / "precious" / "deep"));
  EXPECT_TRUE(fs::exists(study_ / "trial_0" / "keep"));
  EXPECT_NE(file("workers.log").find("will not delete"), std::string::npos);
  fs::remove_all(outside);
}

/// Slots a thousand times as fast as one that takes two seconds for a step.
class PacedExecutorTest : public ExecutorRig {
 protected:
  void SetUp() override {
    ExecutorRig::SetUp();
    options_.seconds_per_step = 2;
    for (Slot& slot : options_.node.slots) {
      slot.speed = 1000;
      slot.emulated = true;
    }
  }
  void expect_refused(const std::string& why) {
    const Exited exited = run(order(0));
    EXPECT_EQ(exited.kind, ExitKind::kRefused);
    EXPECT_NE(exited.error.find(why), std::string::npos) << exited.error;
    EXPECT_TRUE(reports_seen().empty());
  }
};

TEST_F(PacedExecutorTest, NoStepIsFasterThanTheEmulatedSpeed) {
  for (int trial = 0; trial < 2; ++trial) {
    seen_.clear();
    const StudyTime begin = executor().now();
    EXPECT_EQ(run(order(2 * trial, mode("", 5))).kind, ExitKind::kCompleted);
    EXPECT_GE(executor().now() - begin, from_seconds(5 * 0.002));
    double sum = 0;
    for (const Report& report : reports_seen()) {
      sum += report.seconds;
      EXPECT_GE(sum, 0.002 * static_cast<double>(report.step) - 1e-9);
    }
  }
  EXPECT_EQ(executor().counters().warm_starts, 1);
}

TEST_F(PacedExecutorTest, ASlotThatEmulatesNothingIsNotPaced) {
  options_.node.slots[0].emulated = false;
  options_.seconds_per_step = 1e9;
  EXPECT_EQ(run(order(0, mode("", 5))).kind, ExitKind::kCompleted);
}

TEST_F(PacedExecutorTest, APlainCommandIsRefusedAtItsFirstReport) {
  shell("echo '{\"loss\": 1}'; sleep 100");
  expect_refused("this command has said no hello");
}

TEST_F(PacedExecutorTest, APlainCommandIsRefusedAtItsEnd) {
  shell("true");
  expect_refused("slot 0 emulates a speed of 1000");
}

TEST_F(PacedExecutorTest, AClientWithoutAHelloIsRefused) {
  shell(R"(echo '{"type":"report","metrics":{"loss":1}}' >&3; sleep 100)");
  expect_refused("this command has said no hello");
}

TEST_F(PacedExecutorTest, AHelloThatDoesNotPromiseToKeepThePaceIsRefused) {
  shell(R"(echo '{"type":"hello","version":1,"resume":true}' >&3; sleep 100)");
  expect_refused("does not say 'paced'");
}

TEST_F(PacedExecutorTest, AProgramThatCannotBeStartedIsRefusedForThat) {
  options_.command = {"/no/such/program"};
  expect_refused("/no/such/program");
}

TEST_F(PacedExecutorTest, ASpeedThatIsNoneIsRefused) {
  options_.node.slots[0].speed = 0;
  expect_refused("it must be above 0");
}

TEST_F(LocalExecutorTest, DestructionKillsWhatStillRuns) {
  shell("trap '' TERM; echo $$ > {dir}/pid; echo '{\"loss\": 1}'; while :; do sleep 100; done");
  executor().start(order(0));
  next_report();
  executor_.reset();
  EXPECT_EQ(::kill(std::stoi(file("trial_0/pid")), 0), -1);
}

}  // namespace
}  // namespace clavier::exec
