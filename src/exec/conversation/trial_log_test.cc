#include "exec/conversation/trial_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

class TrialLog : public testing::Test {
 protected:
  void SetUp() override {
    file_ = fs::temp_directory_path() / ("clavier-log-" + std::to_string(::getpid()));
    fs::remove(file_);
  }
  void TearDown() override { fs::remove(file_); }
  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }
  fs::path file_;
};

TEST_F(TrialLog, IsMadeAtItsFirstByte) {
  LogFile log(file_.parent_path(), file_.filename(), 100);
  log.append("");
  EXPECT_FALSE(fs::exists(file_));
  log.append("one\n");
  EXPECT_EQ(content(), "one\n");
}

TEST_F(TrialLog, EndsWithANoticeExactlyAtItsLimit) {
  LogFile log(file_.parent_path(), file_.filename(), 6);
  log.append("abcdef");
  EXPECT_EQ(content(), "abcdef");
  log.append("g");
  const std::string full = content();
  EXPECT_EQ(full, "abcdef\n[clavier] the log ends here: it has reached its limit\n");
  log.append("more");
  EXPECT_EQ(content(), full);
  EXPECT_EQ(log.tail().last_line(), "abcdefgmore");  // The tail goes on.
}

TEST_F(TrialLog, ALaterAttemptGoesOnUnderTheSameLimit) {
  LogFile(file_.parent_path(), file_.filename(), 6).append("abcd");
  LogFile(file_.parent_path(), file_.filename(), 6).append("efgh");
  const std::string full = content();
  EXPECT_EQ(full.substr(0, 7), "abcdef\n");
  LogFile(file_.parent_path(), file_.filename(), 6).append("again");
  EXPECT_EQ(content(), full);
}

TEST_F(TrialLog, NotesAreNotPartOfTheTail) {
  LogFile log(file_.parent_path(), file_.filename(), 100);
  log.append("worker\n");
  log.note("ours\n");
  EXPECT_EQ(content(), "worker\nours\n");
  EXPECT_EQ(log.tail().lines(), "worker");
}

TEST(LogTail, KeepsTheLastLines) {
  LogTail tail;
  for (int i = 0; i < 100; ++i) tail.append("line " + std::to_string(i) + "\n");
  const std::string lines = tail.lines();
  EXPECT_TRUE(lines.starts_with("line 80\n")) << lines;
  EXPECT_TRUE(lines.ends_with("\nline 99"));
  EXPECT_EQ(tail.last_line(), "line 99");
}

TEST(LogTail, IsBoundedInBytesWhateverIsWritten) {
  LogTail tail;
  for (int i = 0; i < 100; ++i) tail.append(std::string(3000, 'x'));
  EXPECT_EQ(tail.lines().size(), LogTail::kMaxBytes);
  EXPECT_EQ(tail.last_line().size(), LogTail::kMaxLineBytes);
  tail.append(std::string(1 << 20, 'y'));
  EXPECT_EQ(tail.lines(), std::string(LogTail::kMaxBytes, 'y'));
}

TEST(LogTail, BlankLinesAtTheEndDoNotHideTheLastWords) {
  LogTail tail;
  EXPECT_EQ(tail.last_line(), "");
  EXPECT_EQ(tail.lines(), "");
  tail.append("  ValueError: bad\n\n \n");
  EXPECT_EQ(tail.last_line(), "ValueError: bad");
}

}  // namespace
}  // namespace clavier::exec
