#include "exec/local/worker_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "exec/local/worker_process.h"
#include "tests/support/scratch_directory.h"

namespace clavier::exec {
namespace {

/// A guarded worker whose processes write their numbers, one a line, into a pipe that all of them
/// hold: its end-of-file shows that none is left.
class WorkerTreeTest : public testing::Test {
 protected:
  /// Each LEAF of the script is a program that says so once it runs, and then sleeps.
  void start(std::string script) {
    const std::string leaf = (study_.path() / "leaf").string();
    std::ofstream(leaf) << "#!/bin/sh\necho up\nexec /bin/sleep 1000\n";
    std::filesystem::permissions(leaf, std::filesystem::perms::owner_all);
    int leaves = 0;
    for (std::size_t at = 0; (at = script.find("LEAF", at)) != script.npos; ++leaves)
      script.replace(at, 4, leaf);
    auto started =
        WorkerProcess::start({.guard = CLAVIER_GUARD,
                              .order = {.command = {"sh", "-c", "echo $PPID; " + script}},
                              .environment = {"PATH=/usr/bin:/bin"},
                              .working_directory = {},
                              .mark = run_mark(study_.path()) + "0/"});
    ASSERT_TRUE(started.ok());
    worker_.emplace(std::move(started).value());
    guard_ = std::stoi(line());
    for (; leaves > 0; --leaves) ASSERT_EQ(line(), "up");
  }
  std::string line() {
    std::string text;
    char byte = 0;
    while (readable() && ::read(worker_->output.get(), &byte, 1) == 1 && byte != '\n') text += byte;
    return text;
  }
  bool readable() {
    pollfd wanted{worker_->output.get(), POLLIN, 0};
    return ::poll(&wanted, 1, 10'000) > 0;
  }
  /// Kills the guard as a stranger would, and waits for its end.
  void kill_guard() {
    ::kill(guard_, SIGKILL);
    pollfd end{worker_->end_fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&end, 1, 10'000), 1);
  }
  bool nobody_is_left() {
    char byte = 0;
    while (readable())
      if (::read(worker_->output.get(), &byte, 1) <= 0) return true;
    return false;
  }

  ScratchDirectory study_;
  std::optional<WorkerProcess> worker_;
  pid_t guard_ = 0;
};

// All of them say first who their guard is.
const std::vector<std::string> kFamilies{
    "LEAF; true",                                   // A child that is waited for,
    "LEAF & LEAF & wait",                           // those of a data loader,
    "setsid LEAF & LEAF; true",                     // one in its own session,
    "(setsid sh -c 'LEAF & LEAF' &) ; LEAF; true",  // a daemon,
    "setsid sh -c 'env -i LEAF; true'; true"};      // one behind another.

TEST_F(WorkerTreeTest, AKilledGuardsTreeIsKilledByTheTuner) {
  for (const std::string& script : kFamilies) {
    start("(" + script + ") & env -i LEAF; true");  // And one without an environment.
    kill_guard();
    EXPECT_FALSE(worker_->take_report()) << script;
    EXPECT_TRUE(nobody_is_left()) << script;
  }
}

TEST_F(WorkerTreeTest, TheNextRunKillsWhatTunerAndGuardHaveLeft) {
  for (const std::string& script : kFamilies) {
    start(script);
    kill_guard();  // Nobody takes its report: the tuner is dead as well.
    const auto others = run_mark(std::filesystem::temp_directory_path());
    EXPECT_EQ(kill_marked(others), 0);
    EXPECT_EQ(kill_marked(study_mark(study_.path())), 0) << script;
    EXPECT_TRUE(nobody_is_left()) << script;
  }
}

TEST_F(WorkerTreeTest, AStoppedGuardDoesItsWorkWhenTheTunerLeaves) {
  start("setsid LEAF & LEAF; true");
  ::kill(guard_, SIGSTOP);
  const Fd output(::fcntl(worker_->output.get(), F_DUPFD_CLOEXEC, 0));
  worker_.reset();
  EXPECT_NE(::kill(guard_, 0), 0);
  char byte = 0;
  EXPECT_EQ(::read(output.get(), &byte, 1), 0);
}

TEST_F(WorkerTreeTest, MarksOfRunsDiffer) {
  const std::string study = study_mark(study_.path());
  const std::string one = run_mark(study_.path());
  const std::string two = run_mark(study_.path());
  EXPECT_NE(one, two);
  EXPECT_TRUE(one.starts_with(study) && two.starts_with(study));
  EXPECT_EQ(study_mark(study_.path() / "missing"), "");
}

}  // namespace
}  // namespace clavier::exec
