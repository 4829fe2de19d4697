#include "exec/local/oom_counter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

class OomCounter : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("clavier-oom-" + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void file(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST_F(OomCounter, ReadsTheUnifiedHierarchy) {
  file("proc/self/cgroup", "0::/job/a\n");
  file("sys/fs/cgroup/job/a/memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n");
  EXPECT_EQ(oom_kills(root_.string()), 4);
}

TEST_F(OomCounter, ReadsTheOldMemoryController) {
  file("proc/self/cgroup", "9:name=systemd:/\n4:memory:/job\n0::/\n");
  file("sys/fs/cgroup/memory/job/memory.oom_control",
       "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  EXPECT_EQ(oom_kills(root_.string()), 2);
}

TEST_F(OomCounter, IsZeroWhereNothingCanBeRead) { EXPECT_EQ(oom_kills(root_.string()), 0); }

}  // namespace
}  // namespace clavier::exec
