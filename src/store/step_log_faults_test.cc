#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "base/rng.h"
#include "store/step_log.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/step_log_fixtures.h"

namespace clavier::store {
namespace {

namespace fs = std::filesystem;

fs::path wal_of(const fs::path& file) { return file.string() + "-wal"; }

/// What a crash leaves: the files as they are now, without the memory shared by processes.
void copy_study(const fs::path& from, const fs::path& to) {
  fs::remove_all(to.parent_path());
  fs::create_directories(to.parent_path());
  fs::copy_file(from, to);
  if (fs::exists(wal_of(from))) fs::copy_file(wal_of(from), wal_of(to));
}

class StepLogFaults : public testing::Test {
 protected:
  fs::path file() const { return scratch_ / "study" / "study.db"; }
  fs::path crashed() const { return scratch_ / "crashed" / "study.db"; }
  void SetUp() override { fs::create_directories(file().parent_path()); }
  ScratchDirectory scratch_;
};

TEST_F(StepLogFaults, NothingIsLostByACrashAfterAnyCommit) {
  const std::vector<Step> steps = random_steps(31, 40);
  StepLog log = StepLog::open(file(), kOptions).value();
  for (std::size_t done = 0, size = 1; done < steps.size(); size = size % 4 + 1) {
    const std::size_t count = std::min(size, steps.size() - done);
    ASSERT_TRUE(log.append(std::span(steps).subspan(done, count)).ok());
    done += count;
    copy_study(file(), crashed());
    StepLog back = StepLog::open(crashed(), kOptions).value();
    ASSERT_EQ(read_all(back), std::vector(steps.begin(), steps.begin() + static_cast<long>(done)));
    append_in_batches(back, std::span(steps).subspan(done));
    ASSERT_EQ(read_all(back), steps);
  }
}

TEST_F(StepLogFaults, AWalCutAnywhereLoadsWholeTransactionsOnly) {
  const std::vector<Step> steps = random_steps(32, 30);
  StepLog log = StepLog::open(file(), kOptions).value();
  std::set<std::size_t> boundaries = {0};
  for (std::size_t done = 0; done < steps.size(); done += 3) {
    ASSERT_TRUE(log.append(std::span(steps).subspan(done, 3)).ok());
    boundaries.insert(done + 3);
  }
  const auto whole = fs::file_size(wal_of(file()));
  std::size_t longest = 0;
  for (std::uintmax_t cut = 0; cut <= whole; cut += cut < 200 ? 7 : 1009) {
    copy_study(file(), crashed());
    fs::resize_file(wal_of(crashed()), cut);
    const auto reader = StepLog::open_to_read(crashed());
    if (!reader.ok()) {
      // The table itself may be in the part that was cut.
      EXPECT_EQ(reader.error().code, ErrorCode::kNotFound) << reader.error().message;
      continue;
    }
    const std::vector<Step> back = read_all(*reader);
    EXPECT_TRUE(boundaries.contains(back.size())) << back.size();
    EXPECT_TRUE(std::equal(back.begin(), back.end(), steps.begin()));
    EXPECT_GE(back.size(), longest);
    longest = back.size();
  }
  EXPECT_GT(longest, 20u);
}

TEST_F(StepLogFaults, DamagedBytesNeverDoMoreThanFail) {
  append_in_batches(*StepLog::open(file(), kOptions), random_steps(33, 60));
  Rng rng(34);
  int failed = 0;
  for (int round = 0; round < 150; ++round) {
    copy_study(file(), crashed());
    const auto size = fs::file_size(crashed());
    std::fstream bytes(crashed(), std::ios::in | std::ios::out | std::ios::binary);
    for (int i = 0; i < 20; ++i) {
      bytes.seekp(static_cast<std::streamoff>(rng.below(round % 3 == 0 ? 2000 : size)));
      bytes.put(static_cast<char>(rng.below(256)));
    }
    bytes.close();
    const auto check = [&](const Error& error) {
      ++failed;
      EXPECT_NE(error.message.find("study.db"), std::string::npos) << error.message;
    };
    const auto reader = StepLog::open_to_read(crashed());
    if (!reader.ok()) {
      check(reader.error());
      continue;
    }
    const Status read = reader->read({0}, Metrics::kParse, [](const Step&) { return ok_status(); });
    if (!read.ok()) check(read.error());
  }
  EXPECT_GT(failed, 50);
}

/// Runs `body` in a child process; its answer is the child's exit status.
template <typename Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(StepLogFaults, AFullDiskFailsTheAppendAndNothingElse) {
  const std::vector<Step> steps = random_steps(35, 600);
  const int outcome = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    auto log = StepLog::open(file(), kOptions);
    if (!log.ok() || !log->append(std::span(steps).first(10)).ok()) return 1;
    // No file may grow beyond this: the next appends run into it.
    struct rlimit limit {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = fs::file_size(wal_of(file())) + 20'000;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::size_t done = 10;
    Status last = ok_status();
    while (last.ok() && done + 5 <= steps.size()) {
      last = log->append(std::span(steps).subspan(done, 5));
      if (last.ok()) done += 5;
    }
    if (last.ok() || last.error().code != ErrorCode::kIo) return 2;
    if (last.error().message.find("study.db") == std::string::npos) return 3;
    if (log->last().value + 1 != static_cast<std::int64_t>(done)) return 4;
    if (log->append(std::span(steps).subspan(done, 5)).ok()) return 5;
    const auto reader = StepLog::open_to_read(file());
    if (!reader.ok() || read_all(*reader).size() != done) return 6;
    // Once there is room again the same call succeeds.
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    if (!log->append(std::span(steps).subspan(done)).ok()) return 7;
    return read_all(*log) == steps ? 0 : 8;
  });
  EXPECT_EQ(outcome, 0);
  EXPECT_EQ(read_all(*StepLog::open_to_read(file())), steps);
}

TEST_F(StepLogFaults, AKilledWriterLosesNothingItWasToldIsDurableAndItsLock) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const std::vector<Step> steps = random_steps(36, 2000);
  const pid_t child = ::fork();
  if (child == 0) {
    auto log = StepLog::open(file(), kOptions);
    for (const Step& step : steps)
      if (!log->append({&step, 1}).ok() || ::write(pipe[1], "+", 1) != 1) ::_exit(1);
    ::pause();
  }
  ::close(pipe[1]);
  std::size_t durable = 0;
  for (char byte = 0; durable < 100 && ::read(pipe[0], &byte, 1) == 1;) ++durable;
  ASSERT_EQ(durable, 100u);
  const auto turned_away = StepLog::open(file(), kOptions);
  ASSERT_FALSE(turned_away.ok());
  EXPECT_NE(turned_away.error().message.find("process " + std::to_string(child)),
            std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (char byte = 0; ::read(pipe[0], &byte, 1) == 1;) ++durable;
  ::close(pipe[0]);

  StepLog log = StepLog::open(file(), kOptions).value();
  const std::vector<Step> back = read_all(log);
  EXPECT_GE(back.size(), durable);
  EXPECT_TRUE(std::equal(back.begin(), back.end(), steps.begin()));
  append_in_batches(log, std::span(steps).subspan(back.size()));
}

}  // namespace
}  // namespace clavier::store
