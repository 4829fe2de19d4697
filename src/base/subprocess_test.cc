#include "base/subprocess.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/poller.h"

namespace clavier {
namespace {

ProcessEnd wait_for(Process& process) {
  auto poller = Poller::create();
  CHECK(poller->watch(process.end_fd(), 7).ok());
  while (!process.reap()) poller->wait(std::nullopt);
  return *process.reap();
}

struct Pipe {
  Fd read, write;
};
Pipe make_pipe() {
  std::array<int, 2> ends{};
  CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  return text;
}

SpawnOptions shell(const std::string& script) {
  return {.program = "sh",
          .argv = {"sh", "-c", script},
          .environment = {"PATH=/usr/bin:/bin", "GREETING=hello"}};
}

std::string output_of(SpawnOptions options) {
  auto pipe = make_pipe();
  options.descriptors.push_back({pipe.write.get(), 1});
  auto process = Process::spawn(options);
  EXPECT_TRUE(process.ok());
  pipe.write.reset();
  return read_all(pipe.read.get());
}

TEST(Subprocess, AChildsExitStatusIsReportedOnceItEnds) {
  auto process = Process::spawn(shell("exit 3"));
  ASSERT_TRUE(process.ok());
  const ProcessEnd end = wait_for(*process);
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(describe(end), "exit status 3");
}

TEST(Subprocess, AFatalSignalIsNamed) {
  auto process = Process::spawn(shell("kill -SEGV $$"));
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(describe(wait_for(*process)), "signal 11 (SIGSEGV)");
}

TEST(Subprocess, EnvironmentAndDirectoryAreThoseGiven) {
  SpawnOptions options = shell("echo $GREETING $HOME; pwd");
  options.directory = "/usr";
  EXPECT_EQ(output_of(options), "hello\n/usr\n");
}

TEST(Subprocess, DescriptorsAreMappedAndAllOthersClosed) {
  auto pipe = make_pipe();
  const Fd leaky(::open("/dev/null", O_RDONLY));  // On purpose without O_CLOEXEC.
  // The pipe's ends swap numbers with the mapping, which a naive dup2 sequence would break.
  SpawnOptions options = shell("ls /proc/self/fd >&3; echo end >&4");
  options.descriptors = {{pipe.write.get(), 4}, {pipe.write.get(), 3}};
  auto process = Process::spawn(options);
  ASSERT_TRUE(process.ok());
  pipe.write.reset();
  // 5 is the listing's own.
  EXPECT_EQ(read_all(pipe.read.get()), "0\n1\n2\n3\n4\n5\nend\n");
}

TEST(Subprocess, AMissingProgramIsNamed) {
  SpawnOptions options = shell("");
  options.program = "no-such-trainer";
  auto on_path = Process::spawn(options);
  ASSERT_FALSE(on_path.ok());
  EXPECT_EQ(on_path.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(on_path.error().message,
            "cannot start 'no-such-trainer': there is no such program on the PATH");
  options.program = "./no-such-trainer";
  EXPECT_EQ(Process::spawn(options).error().message,
            "cannot start './no-such-trainer': there is no such program");
}

TEST(Subprocess, AFileThatCannotRunSaysWhy) {
  const auto file =
      std::filesystem::temp_directory_path() / ("clavier-subprocess-" + std::to_string(::getpid()));
  SpawnOptions options = shell("");
  options.program = file.string();
  std::ofstream(file) << "#!/no/such/interpreter\n";
  EXPECT_NE(Process::spawn(options).error().message.find("chmod +x"), std::string::npos);
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  EXPECT_EQ(
      Process::spawn(options).error().message,
      "cannot start '" + file.string() +
          "': its first line names \"/no/such/interpreter\" as interpreter, which is missing");
  std::ofstream(file, std::ios::trunc) << "#! /bin/sh\r\necho 1\r\n";
  options.directory = file.parent_path().string();
  options.program = "./" + file.filename().string();
  EXPECT_EQ(
      Process::spawn(options).error().message,
      "cannot start '" + options.program +
          "': its first line names \"/bin/sh\\r\" as interpreter, which is missing; its lines "
          "end as on Windows (try `dos2unix`)");
  std::ofstream(file, std::ios::trunc) << "plain text\n";
  EXPECT_NE(Process::spawn(options).error().message.find("'#!'"), std::string::npos);
  std::filesystem::remove(file);
}

TEST(Subprocess, AMissingWorkingDirectoryIsNamed) {
  SpawnOptions options = shell("true");
  options.directory = "/no/such/place";
  EXPECT_NE(Process::spawn(options).error().message.find("/no/such/place"), std::string::npos);
}

TEST(Subprocess, CoresAndMemoryAreLimited) {
  cpu_set_t ours;
  ASSERT_EQ(::sched_getaffinity(0, sizeof ours, &ours), 0);
  int core = 0;
  while (!CPU_ISSET(core, &ours)) ++core;
  SpawnOptions options = shell("grep Cpus_allowed_list /proc/self/status; ulimit -d");
  options.cpu_ids = {core};
  options.data_limit_bytes = 64 << 20;
  EXPECT_EQ(output_of(options),
            "Cpus_allowed_list:\t" + std::to_string(core) + "\n" + std::to_string(64 << 10) + "\n");
}

TEST(Subprocess, DestroyingARunningProcessKillsItsGroupAndLeavesNoZombie) {
  auto pipe = make_pipe();
  pid_t pid = 0;
  {
    SpawnOptions options = shell("sleep 100 & echo up; sleep 100");
    options.descriptors = {{pipe.write.get(), 1}};
    auto process = Process::spawn(options);
    ASSERT_TRUE(process.ok());
    pid = process->pid();
    std::array<char, 3> line;
    ASSERT_EQ(::read(pipe.read.get(), line.data(), line.size()), 3);
  }
  pipe.write.reset();
  EXPECT_EQ(read_all(pipe.read.get()), "");  // Ends only because nobody holds the pipe any more.
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Subprocess, ASignalReachesTheGroupAndIsNotBlockedThere) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  auto process = Process::spawn(shell("sleep 100"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(process.ok());
  process->signal_group(SIGTERM);
  EXPECT_EQ(wait_for(*process).signal, SIGTERM);
}

TEST(Subprocess, TooManyOpenFilesIsAnErrorNotACrash) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's own check of virtual tables needs a descriptor";
#endif
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const Fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const rlimit tight{static_cast<rlim_t>(next.get()), before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &tight);
  const auto process = Process::spawn(shell("true"));
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(process.ok());
  EXPECT_EQ(process.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(process.error().message.find("Too many open files"), std::string::npos);
}

TEST(Poller, ADeadlineThatHasPassedReturnsNothing) {
  auto poller = Poller::create();
  EXPECT_TRUE(poller->wait(std::chrono::microseconds(1)).empty());
}

TEST(Poller, WhatIsLeftUnreadIsToldAgain) {
  auto pipe = make_pipe();
  auto poller = Poller::create();
  ASSERT_TRUE(poller->watch(pipe.read.get(), 42).ok());
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  for (int i = 0; i < 2; ++i) {
    const auto& events = poller->wait(std::nullopt);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].key, 42u);
    EXPECT_TRUE(events[0].readable);
    EXPECT_FALSE(events[0].writable);
  }
}

}  // namespace
}  // namespace clavier
