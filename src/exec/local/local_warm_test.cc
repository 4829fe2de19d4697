#include "tests/support/executor_rig.h"

namespace clavier::exec {
namespace {

// Workers that speak the protocol, mostly the library's own loop.
class LocalWarmTest : public ExecutorRig {
 protected:
  static double pid_of(const Report& report) { return report.metrics.at(1).value; }
};

TEST_F(LocalWarmTest, OneProcessTakesTrialAfterTrial) {
  for (int i = 0; i < 6; i += 2) EXPECT_EQ(run(order(i)).kind, ExitKind::kCompleted);
  const auto reports = reports_seen();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(pid_of(reports[0]), pid_of(reports[2]));
  EXPECT_EQ(executor().counters().workers_started, 1);
  EXPECT_EQ(executor().counters().warm_starts, 2);
}

TEST_F(LocalWarmTest, OutputOfAWarmWorkerGoesToTheTrialThatRuns) {
  for (int i = 0; i < 6; i += 2) run(order(i));
  for (int i = 0; i < 6; i += 2)
    EXPECT_EQ(file("trial_" + std::to_string(i) + "/stdout"),
              "trial " + std::to_string(i) + " begins\n");
}

TEST_F(LocalWarmTest, WithoutWarmthEveryTrialHasItsOwnProcess) {
  options_.warm = false;
  for (int i = 0; i < 4; i += 2) EXPECT_EQ(run(order(i)).kind, ExitKind::kCompleted);
  EXPECT_EQ(executor().counters().workers_started, 2);
}

TEST_F(LocalWarmTest, AWorkerIsReplacedAfterItsLastTrial) {
  options_.max_trials_per_worker = 2;
  for (int i = 0; i < 8; i += 2) EXPECT_EQ(run(order(i)).kind, ExitKind::kCompleted);
  EXPECT_EQ(executor().counters().workers_started, 2);
}

TEST_F(LocalWarmTest, AWorkerIsReplacedAfterACrash) {
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  const Exited crash = run(order(2, mode("crash")));
  EXPECT_EQ(crash.kind, ExitKind::kFailed);
  EXPECT_NE(crash.error.find("SIGABRT"), std::string::npos);
  EXPECT_EQ(run(order(4)).kind, ExitKind::kCompleted);
  EXPECT_EQ(executor().counters().workers_started, 2);
}

TEST_F(LocalWarmTest, ATrialGivenToAWorkerThatIsJustLeavingIsLostNotFailed) {
  shell(R"(echo '{"type":"hello","version":1,"several":true}' >&3; read -r line <&3
           echo '{"type":"exited","kind":"failed","error":"boom"}' >&3
           until test -e go; do sleep 0.01; done; exit 3)");
  options_.working_directory = study_;
  EXPECT_EQ(run(order(0)).kind, ExitKind::kFailed);
  executor().start(order(2));
  std::ofstream(study_ / "go").close();
  const Exited exited = next<Exited>();
  EXPECT_EQ(exited.kind, ExitKind::kLost);
  EXPECT_EQ(exited.error, "the worker left after its last trial with exit status 3");
  EXPECT_EQ(executor().counters().workers_started, 1);
}

TEST_F(LocalWarmTest, AWorkerIsReplacedWhenItsSlotChanges) {
  run(order(0));
  options_.node.slots[0].gpu_ids = {0};
  run(order(2));
  EXPECT_EQ(executor().counters().workers_started, 2);
}

TEST_F(LocalWarmTest, AnExceptionFailsTheTrialButNotTheWorker) {
  const Exited exited = run(order(0, mode("throw")));
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_NE(exited.error.find("layer 3 is broken"), std::string::npos);
  run(order(2));
  EXPECT_EQ(executor().counters().workers_started, 1);
}

TEST_F(LocalWarmTest, OutOfMemoryIsRecognised) {
  EXPECT_TRUE(run(order(0, mode("no memory"))).error.starts_with("out of memory"));
}

TEST_F(LocalWarmTest, ATrialWaitsAtItsUntil) {
  executor().start(order(0, mode("", 3), 1));
  EXPECT_EQ(next_report().step, 1);
  // Nothing comes by itself: the worker waits.
  const auto signals = executor().wait(executor().now() + std::chrono::milliseconds(20));
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Deadline>(signals[0]));
  executor().send(message(0, ContinueTo{2}));
  EXPECT_EQ(next_report().step, 2);
  executor().send(message(0, ContinueTo{}));
  EXPECT_EQ(next_report().step, 3);
  EXPECT_EQ(next<Exited>().kind, ExitKind::kCompleted);
}

TEST_F(LocalWarmTest, APausedTrialResumesFromItsCheckpoint) {
  executor().start(order(0, mode("", 3), 2));
  next_report();
  next_report();
  executor().send(message(0, PauseNow{}));
  const Checkpoint checkpoint = next<CheckpointSaved>().checkpoint;
  EXPECT_EQ(next<Exited>().kind, ExitKind::kPaused);
  EXPECT_EQ(checkpoint.step, 2);
  EXPECT_EQ(checkpoint.launch, LaunchId{100});
  EXPECT_EQ(file(checkpoint.path + "/step"), "2");
  next<LaunchEnded>();

  Order again = order(0, mode("", 3));
  again.launch.id = LaunchId{200};
  again.launch.members[0].attempt = 2;
  again.launch.members[0].from = checkpoint;
  executor().start(again);
  EXPECT_EQ(next_report().step, 3);
  EXPECT_EQ(next<Exited>().kind, ExitKind::kCompleted);
}

TEST_F(LocalWarmTest, AStoppedTrialLeavesItsWorkerWarm) {
  executor().start(order(0, mode("", 0), 1));
  next_report();
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
  next<LaunchEnded>();
  run(order(2));
  EXPECT_EQ(executor().counters().workers_started, 1);
}

TEST_F(LocalWarmTest, AWorkerThatCannotExploitFailsInsteadOfTrainingOn) {
  executor().start(order(0, mode("", 0), 1));
  next_report();
  executor().send(message(0, ExploitFrom{}));
  const Exited exited = next<Exited>();
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_NE(exited.error.find("exploit"), std::string::npos);
}

TEST_F(LocalWarmTest, TwoSlotsRunAtTheSameTime) {
  executor().start(order(0, mode("", 2), 1));
  executor().start(order(1, mode("", 2), 1));
  const double first = pid_of(next_report());
  EXPECT_NE(first, pid_of(next_report()));  // Both wait at step 1, so both are alive.
  executor().send(message(0, ContinueTo{}));
  executor().send(message(1, ContinueTo{}));
  next<LaunchEnded>();
  next<LaunchEnded>();
}

TEST_F(LocalWarmTest, AShellLoopIsAWarmWorker) {
  shell(R"(echo '{"type":"hello","version":1,"several":true}' >&3
           while read -r line; do case $line in
             *'"quit"'*) exit 0;;
             *'"start"'*) echo '{"type":"report","metrics":{"loss":0.5}}' >&3
                          echo '{"type":"exited","kind":"completed"}' >&3;;
           esac; done <&3)");
  for (int i = 0; i < 4; i += 2) EXPECT_EQ(run(order(i)).kind, ExitKind::kCompleted);
  EXPECT_EQ(executor().counters().workers_started, 1);
  EXPECT_EQ(reports_seen().size(), 2u);
}

TEST_F(LocalWarmTest, AWorkerThatSaysItLeavesGetsNoFurtherTrial) {
  shell(R"(echo '{"type":"hello","version":1,"several":true}' >&3; read -r line <&3
           echo '{"type":"report","metrics":{"loss":0.5}}' >&3
           echo '{"type":"exited","kind":"failed","error":"E","leaving":true}' >&3; sleep 0.2)");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(order(i)).kind, ExitKind::kFailed);
  EXPECT_EQ(executor().counters().workers_started, 3);
}

TEST_F(LocalWarmTest, AClientMayEndByItsExitStatus) {
  shell(R"(echo '{"type":"report","metrics":{"loss":0.5}}' >&3; echo '{"loss": 9}')");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  ASSERT_EQ(reports_seen().size(), 1u);  // Its output is only a log.
  EXPECT_EQ(reports_seen()[0].value, 0.5);
}

}  // namespace
}  // namespace clavier::exec
