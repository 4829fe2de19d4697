#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>

#include "exec/local/worker_tree.h"
#include "tests/support/executor_rig.h"

namespace clavier::exec {
namespace {

bool lives(pid_t pid) {
  return std::ranges::any_of(living_processes(), [&](auto& each) { return each.pid == pid; });
}

// Workers that misbehave.
class LocalRobustnessTest : public ExecutorRig {};

TEST_F(LocalRobustnessTest, GarbageOnTheWireIsIgnoredCountedAndWrittenDown) {
  shell(R"(head -c 20000 /dev/urandom >&3; echo >&3; echo '{"type":"nonsense"}' >&3
           echo '{"type":"report","metrics":{"loss":1}}' >&3)");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(reports_seen().size(), 1u);
  EXPECT_GE(executor().counters().ignored, 2);
  EXPECT_NE(file("trial_0/stderr").find("[clavier] ignored"), std::string::npos);
}

TEST_F(LocalRobustnessTest, GarbageOnTheOutputIsTheLog) {
  shell("head -c 20000 /dev/urandom; echo; echo '{\"loss\": 1}'");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(reports_seen().size(), 1u);
  EXPECT_GT(std::filesystem::file_size(study_ / "trial_0/stdout"), 20000u);
}

TEST_F(LocalRobustnessTest, ALineThatWasMeantToBeAReportIsExplainedInTheLog) {
  shell(R"(echo "{'loss': 0.5}"; echo 'loss: 0.5'; echo '{"note": "x"}')");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(reports_seen().size(), 0u);
  EXPECT_EQ(file("trial_0/stderr"),
            "[clavier] ignored a report: names stand in double quotes in JSON: print "
            "json.dumps(…): {'loss': 0.5}\n");
}

TEST_F(LocalRobustnessTest, TenMegabyteLinesAreDroppedWhole) {
  shell(R"(head -c 10000000 /dev/zero | tr '\0' x >&3; echo >&3
           head -c 10000000 /dev/zero | tr '\0' y; echo
           echo '{"type":"report","metrics":{"loss":1}}' >&3)");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(reports_seen().size(), 1u);
  EXPECT_EQ(executor().counters().ignored, 1);
}

TEST_F(LocalRobustnessTest, NotANumberIsAValue) {
  EXPECT_EQ(run(order(0, mode("nan"))).kind, ExitKind::kCompleted);
  ASSERT_EQ(reports_seen().size(), 1u);
  ASSERT_TRUE(reports_seen()[0].value);
  EXPECT_TRUE(std::isnan(*reports_seen()[0].value));
}

TEST_F(LocalRobustnessTest, ReportsForAStrangersTrialAreIgnored) {
  shell(R"(echo '{"type":"report","trial":9,"launch":100,"metrics":{"loss":1}}' >&3
           echo '{"type":"report","trial":0,"launch":9,"metrics":{"loss":2}}' >&3
           echo '{"type":"exited","trial":9,"kind":"failed"}' >&3
           echo '{"type":"report","trial":0,"launch":100,"metrics":{"loss":3}}' >&3)");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  ASSERT_EQ(reports_seen().size(), 1u);
  EXPECT_EQ(reports_seen()[0].value, 3);
  EXPECT_EQ(executor().counters().ignored, 3);
  EXPECT_NE(file("trial_0/stderr").find("trial 9"), std::string::npos);
}

TEST_F(LocalRobustnessTest, ReportsAfterTheTrialsEndAreIgnored) {
  shell(R"(echo '{"type":"exited","kind":"completed"}' >&3
           echo '{"type":"report","metrics":{"loss":1}}' >&3
           echo '{"type":"exited","kind":"failed"}' >&3)");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(reports_seen().size(), 0u);
  EXPECT_EQ(executor().counters().ignored, 2);
}

TEST_F(LocalRobustnessTest, AWorkerThatIgnoresStopAndSigtermIsKilled) {
  shell(R"(trap '' TERM; echo '{"type":"report","metrics":{"loss":1}}' >&3
           while :; do sleep 100; done)");
  options_.obey_stop = options_.grace = std::chrono::milliseconds(30);
  executor().start(order(0));
  next_report();
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
  EXPECT_EQ(next<LaunchEnded>().launch, LaunchId{100});
}

TEST_F(LocalRobustnessTest, AWorkerThatDoesNotLeaveAfterItsTrialIsKilled) {
  shell(R"(echo '{"type":"exited","kind":"completed"}' >&3; sleep 100)");
  options_.leave = options_.grace = std::chrono::milliseconds(30);
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
}

TEST_F(LocalRobustnessTest, ALoopThatIgnoresItsVerdictIsKilled) {
  options_.obey_stop = std::chrono::milliseconds(30);
  executor().start(order(0, mode("deaf", 0)));
  next_report();
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
}

TEST_F(LocalRobustnessTest, ChildrenThatSurviveTheirWorkerAreKilled) {
  shell(
      "setsid sh -c 'echo $$ > {dir}/daemon; exec sleep 100' & while [ ! -s {dir}/daemon ]; do :; "
      "done");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  const int daemon = std::stoi(file("trial_0/daemon"));
  EXPECT_EQ(::kill(daemon, 0), -1);
}

TEST_F(LocalRobustnessTest, AFloodedLogIsCutAndNeverBlocksTheWorker) {
  options_.log_limit_bytes = 1000;
  shell("yes spam | head -c 3000000; yes err | head -c 3000000 >&2; echo '{\"loss\": 1}'");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  EXPECT_EQ(reports_seen().size(), 1u);
  for (const char* name : {"trial_0/stdout", "trial_0/stderr"}) {
    EXPECT_LT(file(name).size(), 1100u);
    EXPECT_NE(file(name).find("reached its limit"), std::string::npos);
  }
}

TEST_F(LocalRobustnessTest, AWorkerKilledFromOutsideIsLost) {
  const Exited exited = run(order(0, mode("die")));
  EXPECT_EQ(exited.kind, ExitKind::kLost);
  EXPECT_NE(exited.error.find("SIGKILL"), std::string::npos);
  EXPECT_EQ(run(order(2)).kind, ExitKind::kCompleted);
}

TEST_F(LocalRobustnessTest, AKilledGuardLosesTheTrialAndLeavesNobodyBehind) {
  shell("echo '{\"loss\": 1}'; echo $PPID > {dir}/guard; sleep 1000 & echo $! > {dir}/child; wait");
  executor().start(order(0));
  next_report();
  while (file("trial_0/child").find('\n') == std::string::npos) {
  }
  ::kill(std::stoi(file("trial_0/guard")), SIGKILL);
  const Exited exited = next<Exited>();
  EXPECT_EQ(exited.kind, ExitKind::kLost);
  EXPECT_EQ(exited.error, "the worker's guard was killed");
  EXPECT_EQ(next<LaunchEnded>().launch, LaunchId{100});
  EXPECT_FALSE(lives(std::stoi(file("trial_0/child"))));
}

TEST_F(LocalRobustnessTest, AStoppedGuardObeysAStop) {
  shell("echo '{\"loss\": 1}'; echo $PPID > {dir}/guard; echo '{\"loss\": 1}'; sleep 1000; true");
  executor().start(order(0));
  next_report();
  next_report();
  ::kill(std::stoi(file("trial_0/guard")), SIGSTOP);
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
}

TEST_F(LocalRobustnessTest, WhoSaysNoHelloOnASlotWithASpeedIsJudgedByItsEnd) {
  options_.node.slots[0].emulated = options_.node.slots[1].emulated = true;
  shell("echo 'no module named x' >&2; exit 1");
  Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_EQ(exited.error, "no module named x (exit status 1)");
  executor_.reset();
  shell("kill -9 $$");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kLost);
  executor_.reset();
  shell("exit 0");
  exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kRefused);
  EXPECT_NE(exited.error.find("said no hello"), std::string::npos);
}

TEST_F(LocalRobustnessTest, AWarmWorkerThatLeavesInTheMiddleHasFailed) {
  EXPECT_EQ(run(order(0, mode("leave"))).kind, ExitKind::kFailed);
  EXPECT_EQ(run(order(2, mode("exit 5"))).kind, ExitKind::kFailed);
}

TEST_F(LocalRobustnessTest, MemoryIsLimitedAndItsWantRecognised) {
  options_.node.slots[0].resources.memory_mb = 64;
  shell("dd if=/dev/zero of=/dev/null bs=512M count=1");
  const Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_TRUE(exited.error.starts_with("out of memory")) << exited.error;
}

TEST_F(LocalRobustnessTest, ANewerProtocolIsRefused) {
  shell(R"(echo '{"type":"hello","version":99}' >&3; sleep 100)");
  const Exited exited = run(order(0));
  EXPECT_EQ(exited.kind, ExitKind::kRefused);
  EXPECT_NE(exited.error.find("99"), std::string::npos);
}

TEST_F(LocalRobustnessTest, CheckpointsAreOnlyDirectoriesOfTheTrialEachNamedOnce) {
  shell(R"(mkdir {dir}/good; ln -s /usr {dir}/link; : > {dir}/file
           for name in /usr ../other .hidden link file missing good good; do
             echo '{"type":"report","metrics":{"loss":1},"checkpoint":"'$name'"}' >&3
           done)");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
  std::vector<std::string> kept;
  for (const Report& report : reports_seen())
    if (report.checkpoint) kept.push_back(report.checkpoint->path);
  EXPECT_EQ(kept, (std::vector<std::string>{"trial_0/good"}));
  EXPECT_GE(executor().counters().ignored, 7);
}

TEST_F(LocalRobustnessTest, AWorkerThatClosesItsWireGoesOnUntilItsExit) {
  shell("exec 3>&-; echo '{\"loss\": 1}'; exit 4");
  EXPECT_EQ(run(order(0)).error, "the worker ended with exit status 4");
  EXPECT_EQ(reports_seen().size(), 1u);
}

TEST_F(LocalRobustnessTest, AnOutputHeldOpenDoesNotDelayTheEnd) {
  shell("exec 1>&- 2>&-; exit 0");
  EXPECT_EQ(run(order(0)).kind, ExitKind::kCompleted);
}

TEST_F(LocalRobustnessTest, NoDescriptorIsLeftBehind) {
  const auto open = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  options_.warm = false;
  executor();
  const auto before = open();
  for (int i = 0; i < 6; ++i) run(order(i));
  EXPECT_EQ(open(), before);
}

TEST_F(LocalRobustnessTest, AWorkerInheritsNothingOfOurs) {
  const Fd leaky(::open("/dev/null", O_RDONLY));  // On purpose without O_CLOEXEC.
  shell("ls /proc/self/fd");
  run(order(0));
  EXPECT_EQ(file("trial_0/stdout"), "0\n1\n2\n3\n4\n");  // 4 is the listing's own.
}

/// Leaves so many descriptors, as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t left) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const Fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit tight{static_cast<rlim_t>(next.get()) + left, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(LocalRobustnessTest, ALaunchWithoutDescriptorsWaitsForThem) {
  std::vector<std::string> warnings;
  options_.warn = [&](const std::string& line) { warnings.push_back(line); };
  executor();
  {
    const FewDescriptors few(3);
    executor().start(order(0));
    executor().start(order(1));
    const auto waiting = next<Waiting>();
    EXPECT_EQ(waiting.launch, LaunchId{100});
    EXPECT_NE(waiting.reason.find("Too many open files"), std::string::npos) << waiting.reason;
    EXPECT_EQ(next<Waiting>().launch, LaunchId{101});
  }
  EXPECT_EQ(next<Exited>().kind, ExitKind::kCompleted);
  EXPECT_EQ(next<Exited>().kind, ExitKind::kCompleted);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST_F(LocalRobustnessTest, ALaunchWithoutDescriptorsStartsWhenAnotherHasEnded) {
  shell("echo '{\"loss\": 1}'; read line <&3; read line <&3; exit 0");
  executor().start(order(0));
  next_report();
  const FewDescriptors few(20);  // Enough for it, but not beside others.
  executor().start(order(1));
  EXPECT_EQ(next<Waiting>().launch, LaunchId{101});
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().launch, LaunchId{100});
  EXPECT_EQ(next_report().trial, TrialId{1});
  executor().send(message(1, StopNow{}));
}

TEST_F(LocalRobustnessTest, ALaunchThatWaitsForRoomCanBeStoppedAndPaused) {
  executor();
  const FewDescriptors few(3);
  executor().start(order(0));
  executor().start(order(1));
  executor().send(message(1, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
  EXPECT_EQ(next<LaunchEnded>().launch, LaunchId{101});
  executor().send(message(0, PauseNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kPaused);
  EXPECT_EQ(next<LaunchEnded>().launch, LaunchId{100});
}

TEST_F(LocalRobustnessTest, WhatItsGuardHasNoRoomForIsTriedAgain) {
  const auto guard = study_ / "guard.sh";
  std::ofstream(guard) << "#!/bin/sh\n[ -e " << study_ << "/tried ] && exec " << CLAVIER_GUARD
                       << " \"$@\"\n: >" << study_ << "/tried\nprintf 'no-room too many' >&3\n";
  std::filesystem::permissions(guard, std::filesystem::perms::owner_all);
  options_.guard = guard.string();
  executor().start(order(0));
  EXPECT_EQ(next<Waiting>().reason, "too many");
  EXPECT_EQ(next<Exited>().kind, ExitKind::kCompleted);
}

TEST_F(LocalRobustnessTest, AfterAFullDiskNothingIsStartedUntilACheckpointFits) {
  shell(R"(echo '{"type":"checkpoint","step":1,"error":"No space left on device"}' >&3
           echo '{"type":"report","metrics":{"loss":1}}' >&3
           read line <&3; read line <&3; mkdir {dir}/fits
           echo '{"type":"checkpoint","step":1,"checkpoint":"fits"}' >&3; read line <&3)");
  std::vector<std::string> warnings;
  options_.warn = [&](const std::string& line) { warnings.push_back(line); };
  executor().start(order(0));
  next_report();
  EXPECT_EQ(warnings.size(), 1u);
  // Room for everything that fits on this machine would not do.
  executor().start(order(1));
  EXPECT_NE(next<Waiting>().reason.find("disk is full"), std::string::npos);
  executor().send(message(0, ContinueTo{5}));
  next<CheckpointSaved>();
  EXPECT_EQ(next_report().trial, TrialId{1});
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_NE(file("trial_0/stderr").find("No space left"), std::string::npos);
}

TEST_F(LocalRobustnessTest, OfReportsAfterAStopOnlySomeAreTaken) {
  shell(R"(trap '' TERM; echo '{"type":"report","metrics":{"loss":1}}' >&3
           read line <&3; read line <&3; i=0
           while [ $i -lt 1500 ]; do i=$((i+1)); echo '{"type":"report","metrics":{"loss":1}}' >&3
           done)");
  executor().start(order(0));
  next_report();
  executor().send(message(0, StopNow{}));
  next<LaunchEnded>();
  EXPECT_EQ(reports_seen().size(), static_cast<std::size_t>(kMaxLateReports));
  EXPECT_NE(file("workers.log").find("trial 0: 500 reports dropped"), std::string::npos);
}

TEST_F(LocalRobustnessTest, ATrialDirectoryThatCannotBeMadeRefusesTheLaunch) {
  std::ofstream(study_ / "blocked") << "a file";
  Order blocked = order(0);
  blocked.members[0].directory = "blocked/trial";
  const Exited exited = run(blocked);
  EXPECT_EQ(exited.kind, ExitKind::kRefused);
  EXPECT_NE(exited.error.find("blocked/trial"), std::string::npos);
}

TEST_F(LocalRobustnessTest, AScriptThatNeverReadsIsNotDrownedInMessages) {
  shell("echo '{\"loss\": 1}'; sleep 100");
  executor().start(order(0));
  next_report();
  for (int i = 0; i < 50'000; ++i) executor().send(message(0, ContinueTo{i}));
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
}

TEST_F(LocalRobustnessTest, AClientThatNeverReadsFailsOnceItsQueueIsFull) {
  shell(R"(echo '{"type":"report","metrics":{"loss":1}}' >&3; sleep 100)");
  executor().start(order(0));
  next_report();
  for (int i = 0; i < 50'000; ++i) executor().send(message(0, ContinueTo{i}));
  const Exited exited = next<Exited>();
  EXPECT_EQ(exited.kind, ExitKind::kFailed);
  EXPECT_NE(exited.error.find("does not read"), std::string::npos);
}

}  // namespace
}  // namespace clavier::exec
