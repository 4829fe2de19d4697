#include "exec/local/guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "exec/local/worker_process.h"

namespace clavier::exec {
namespace {

WorkerProcessOptions shell(const std::string& script, GuardOrder order = {}) {
  order.command = {"sh", "-c", script};
  return {.guard = CLAVIER_GUARD,
          .order = std::move(order),
          .environment = {"PATH=/usr/bin:/bin"},
          .working_directory = {},
          .mark = "test"};
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 1024> buffer;
  for (pollfd wanted{fd, POLLIN, 0}; ::poll(&wanted, 1, 10'000) > 0;) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text + "(no end within ten seconds)";
}

std::string read_line(int fd) {
  std::string text;
  char byte = 0;
  for (pollfd wanted{fd, POLLIN, 0}; ::poll(&wanted, 1, 10'000) > 0 && ::read(fd, &byte, 1) == 1;)
    if (byte == '\n')
      return text;
    else
      text += byte;
  return text;
}

GuardReport end_of(WorkerProcess& worker) {
  pollfd end{worker.end_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 10'000), 1);
  auto report = worker.take_report();
  CHECK(report.has_value());
  return *report;
}

TEST(Guard, OrdersSurviveTheCommandLine) {
  const GuardOrder order{
      .command = {"python", "-c", ""}, .cpu_ids = {0, 3}, .memory_mb = 512, .grace_ms = 7};
  const auto back = guard_order_from(to_arguments(order));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->command, order.command);
  EXPECT_EQ(back->cpu_ids, order.cpu_ids);
  EXPECT_EQ(back->memory_mb, 512);
  EXPECT_EQ(back->grace_ms, 7);
  EXPECT_FALSE(guard_order_from({"--guard"}).ok());
  EXPECT_FALSE(guard_order_from({"--guard", "0", "x", "", "true"}).ok());
  EXPECT_FALSE(guard_order_from({"--guard", "0", "1", "0,a", "true"}).ok());
}

TEST(Guard, ReportsSurviveThePacket) {
  const auto ended = guard_report_from(to_packet({.end = {.signal = 9}, .out_of_memory = true}));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->end.signal, 9);
  EXPECT_TRUE(ended->out_of_memory);
  const auto refused = guard_report_from(
      to_packet({.kind = GuardReport::Kind::kNotStarted, .error = "no such program"}));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error, "no such program");
  EXPECT_FALSE(guard_report_from("nonsense 1 2"));
}

TEST(Guard, OurEndsNeverBlockAndTheWorkersDo) {
  auto worker = WorkerProcess::start(shell("sleep 100"));
  ASSERT_TRUE(worker.ok());
  for (const Fd* ours : {&worker->wire, &worker->output, &worker->error})
    EXPECT_TRUE(::fcntl(ours->get(), F_GETFL) & O_NONBLOCK);
  auto other =
      WorkerProcess::start(shell("for fd in 1 2 3; do grep flags /proc/self/fdinfo/$fd; done"));
  ASSERT_TRUE(other.ok());
  end_of(*other);
  EXPECT_EQ(read_to_end(other->output.get()), "flags:\t01\nflags:\t01\nflags:\t02\n");
}

TEST(Guard, HandsDownOutputAndStatus) {
  auto worker = WorkerProcess::start(shell("echo out; echo err >&2; exit 4"));
  ASSERT_TRUE(worker.ok());
  EXPECT_EQ(end_of(*worker).end.exit_code, 4);
  EXPECT_EQ(read_to_end(worker->output.get()), "out\n");
  EXPECT_EQ(read_to_end(worker->error.get()), "err\n");
}

TEST(Guard, TheWireIsTheWorkersDescriptorThree) {
  auto worker = WorkerProcess::start(shell("read line <&3; echo \"got $line\" >&3"));
  ASSERT_TRUE(worker.ok());
  ASSERT_TRUE(worker->write("hello\n"));
  EXPECT_EQ(read_line(worker->wire.get()), "got hello");
}

TEST(Guard, AMissingProgramIsReported) {
  WorkerProcessOptions options = shell("");
  options.order.command = {"no-such-trainer"};
  auto worker = WorkerProcess::start(options);
  ASSERT_TRUE(worker.ok());
  const GuardReport report = end_of(*worker);
  EXPECT_EQ(report.kind, GuardReport::Kind::kNotStarted);
  EXPECT_NE(report.error.find("no-such-trainer"), std::string::npos);
}

TEST(Guard, ADaemonisedGrandchildDoesNotSurviveTheWorker) {
  // In a session of its own and orphaned at once, it keeps the pipe open until it is killed.
  auto worker = WorkerProcess::start(shell("setsid sh -c 'sleep 100 & sleep 100' & exit 0"));
  ASSERT_TRUE(worker.ok());
  EXPECT_TRUE(end_of(*worker).end.ok());
  EXPECT_EQ(read_to_end(worker->output.get()), "");
}

TEST(Guard, AStubbornWorkerIsKilledAfterTheGracePeriod) {
  auto worker = WorkerProcess::start(
      shell("trap '' TERM; echo ready; while :; do sleep 100; done", {.grace_ms = 50}));
  ASSERT_TRUE(worker.ok());
  ASSERT_EQ(read_line(worker->output.get()), "ready");
  worker->terminate();
  EXPECT_EQ(end_of(*worker).end.signal, SIGKILL);
}

TEST(Guard, APoliteWorkerMayCleanUpBeforeItLeaves) {
  auto worker =
      WorkerProcess::start(shell("trap 'echo bye; exit 7' TERM; echo ready; sleep 100 & wait"));
  ASSERT_TRUE(worker.ok());
  ASSERT_EQ(read_line(worker->output.get()), "ready");
  worker->terminate();
  EXPECT_EQ(end_of(*worker).end.exit_code, 7);
  EXPECT_EQ(read_line(worker->output.get()), "bye");
}

TEST(Guard, TheDeathOfTheTunerEndsEverything) {
  // A child of ours plays the tuner: it starts a guarded worker and is killed with -9.
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  Fd read(pipe[0]);
  Fd write(pipe[1]);
  const pid_t tuner = ::fork();
  if (tuner == 0) {
    const std::string script =
        "exec 1>/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(write.get()) +
        "; setsid sleep 100 & echo up; trap '' TERM; while :; do sleep 100; done";
    auto worker = WorkerProcess::start(shell(script));
    ::pause();
    ::_exit(worker.ok() ? 0 : 1);
  }
  write.reset();
  EXPECT_EQ(read_line(read.get()), "up");
  ::kill(tuner, SIGKILL);
  // End-of-file comes only when worker and daemon, which hold the pipe, are gone.
  EXPECT_EQ(read_to_end(read.get()), "");
  ::waitpid(tuner, nullptr, 0);
}

TEST(Guard, TheDeathOfTheGuardEndsTheWorker) {
  auto worker = WorkerProcess::start(shell("echo $PPID; exec sleep 100"));
  ASSERT_TRUE(worker.ok());
  ::kill(std::stoi(read_line(worker->output.get())), SIGKILL);
  EXPECT_EQ(read_to_end(worker->output.get()), "");
  EXPECT_FALSE(worker->take_report());
}

TEST(Guard, MemoryIsLimited) {
  auto worker = WorkerProcess::start(
      shell("dd if=/dev/zero of=/dev/null bs=512M count=1", {.memory_mb = 64}));
  ASSERT_TRUE(worker.ok());
  EXPECT_NE(end_of(*worker).end.exit_code, 0);
  EXPECT_NE(read_to_end(worker->error.get()).find("memory exhausted"), std::string::npos);
}

TEST(Guard, AWorkerThatDoesNotReadFillsABoundedQueue) {
  auto worker = WorkerProcess::start(shell("sleep 100"));
  ASSERT_TRUE(worker.ok());
  const std::string line(WorkerProcess::kMaxQueuedBytes / 4, 'x');
  int taken = 0;
  while (taken < 100 && worker->write(line)) ++taken;
  EXPECT_GE(taken, 4);
  EXPECT_LE(taken, 6);  // The socket's own buffer takes some.
}

}  // namespace
}  // namespace clavier::exec
