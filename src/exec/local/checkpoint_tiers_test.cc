#include <signal.h>
#include <sys/stat.h>

#include <algorithm>

#include "exec/local/manifest.h"
#include "tests/support/executor_rig.h"

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

/// Trials whose state is a file of a mebibyte.
class CheckpointTiers : public ExecutorRig {
 protected:
  void SetUp() override {
    ExecutorRig::SetUp();
    options_.command = {CLAVIER_TEST_WORKER, "exploit"};
    options_.checkpoints = {.every = 1, .at_end = false};
  }

  Order state_order(int number, Steps until, std::optional<Checkpoint> from = {}) {
    Order result = order(number, mode("state", 0), until);
    result.launch.id = LaunchId{next_launch_++};
    result.launch.members.front().from = std::move(from);
    return result;
  }
  Message to(const Order& order, decltype(Message::content) content) {
    return {order.launch.id, order.launch.members.front().trial, std::move(content)};
  }
  /// Runs a trial up to `until` and takes it off its slot. Returns its checkpoints.
  std::vector<Checkpoint> trained(int number, Steps until) {
    const Order order = state_order(number, until);
    executor().start(order);
    std::vector<Checkpoint> made;
    while (made.size() < static_cast<std::size_t>(until)) made.push_back(*next_report().checkpoint);
    executor().send(to(order, PauseNow{}));
    EXPECT_EQ(next<Exited>().kind, ExitKind::kPaused);
    next<LaunchEnded>();
    executor().durable().wait_until_idle();
    return made;
  }
  /// Another process comes after this one.
  void reopen() {
    executor_.reset();
    seen_.clear();
    executor();
  }
  double inode(const Checkpoint& checkpoint) const {
    struct stat info {};
    EXPECT_EQ(::stat((study_ / checkpoint.path / "state").c_str(), &info), 0);
    return static_cast<double>(info.st_ino);
  }
  static double inode_of(const Report& report) {
    for (const Metric& metric : report.metrics)
      if (metric.name == "inode") return metric.value;
    return -1;
  }
  /// Of all states in the study's folder.
  std::uintmax_t state_bytes() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(study_))
      if (entry.path().filename() == "state") bytes += entry.file_size();
    return bytes;
  }
  /// Bytes that this process has read and written, whatever from.
  static std::int64_t moved_bytes() {
    std::ifstream io("/proc/self/io");
    std::string word;
    std::int64_t read = 0, written = 0;
    io >> word >> read >> word >> written;
    return read + written;
  }
  void expect_void(const Order& order, const Checkpoint& checkpoint, const std::string& why) {
    executor().start(order);
    const auto gone = next<CheckpointVoid>();
    EXPECT_EQ(gone.checkpoint, checkpoint);
    EXPECT_NE(gone.reason.find(why), std::string::npos) << gone.reason;
    const Exited exited = next<Exited>();
    EXPECT_EQ(exited.kind, ExitKind::kLost);
    EXPECT_EQ(exited.launch, order.launch.id);
    EXPECT_EQ(exited.error, gone.reason);
    EXPECT_EQ(next<LaunchEnded>().launch, order.launch.id);
    EXPECT_TRUE(seen_.empty());
  }
  /// The trial runs one step further from that checkpoint.
  void expect_good(const Checkpoint& checkpoint) {
    executor().start(state_order(0, checkpoint.step + 1, checkpoint));
    const Report report = next_report();
    EXPECT_EQ(report.step, checkpoint.step + 1);
    EXPECT_EQ(inode_of(report), inode(checkpoint));
  }

  static constexpr std::int64_t kStateBytes = 1 << 20;
  std::int64_t next_launch_ = 500;
};

TEST_F(CheckpointTiers, ATrialThatComesBackToItsSlotMovesNoBytes) {
  const Checkpoint checkpoint = trained(0, 1).back();
  options_.checkpoints.every = 0;
  reopen();
  executor().durable().check(checkpoint.path).value();  // Read once, by another process than wrote.
  const auto bytes = state_bytes();
  const std::int64_t moved = moved_bytes();
  for (int again = 0; again < 3; ++again) {
    const Order order = state_order(0, 2, checkpoint);
    executor().start(order);
    EXPECT_EQ(inode_of(next_report()), inode(checkpoint));
    executor().send(to(order, StopNow{}));
    next<LaunchEnded>();
  }
  EXPECT_EQ(state_bytes(), bytes);
  EXPECT_LT(moved_bytes() - moved, kStateBytes / 4);
}

TEST_F(CheckpointTiers, AnExploitIsAReference) {
  const Checkpoint donor = trained(0, 2).back();
  options_.checkpoints.every = 0;
  const Order receiver = state_order(1, 1);
  reopen();
  executor().durable().check(donor.path).value();
  executor().start(receiver);
  EXPECT_EQ(inode_of(next_report()), 0);
  const auto bytes = state_bytes();
  const std::int64_t moved = moved_bytes();
  executor().send(to(receiver, ExploitFrom{donor, mode("state", 0), 3}));
  const Report report = next_report();
  EXPECT_EQ(report.step, 3);
  EXPECT_EQ(inode_of(report), inode(donor));
  EXPECT_EQ(state_bytes(), bytes);
  EXPECT_LT(moved_bytes() - moved, kStateBytes / 4);
}

TEST_F(CheckpointTiers, AFlippedByteIsFoundByTheNextProcessWhichGoesBackOne) {
  const auto made = trained(0, 2);
  {
    std::fstream file(study_ / made[1].path / "state", std::ios::in | std::ios::out);
    file.seekp(kStateBytes / 2);
    file.put('y');
  }
  reopen();
  expect_void(state_order(0, 3, made[1]), made[1], "state has changed");
  expect_good(made[0]);
}

TEST_F(CheckpointTiers, ATruncatedFileIsFoundEvenByTheProcessThatWroteIt) {
  const auto made = trained(0, 2);
  fs::resize_file(study_ / made[1].path / "state", 100);
  expect_void(state_order(0, 3, made[1]), made[1], "state has 100 bytes instead of 1048576");
  expect_good(made[0]);
}

TEST_F(CheckpointTiers, ACheckpointThatIsGoneIsVoid) {
  const auto made = trained(0, 2);
  fs::remove_all(study_ / made[1].path);
  expect_void(state_order(0, 3, made[1]), made[1], "No such file or directory");
  expect_good(made[0]);
}

TEST_F(CheckpointTiers, WithoutAManifestAWholeCheckpointIsUsed) {
  const auto made = trained(0, 1);
  fs::remove(study_ / made[0].path / kManifestName);
  reopen();
  expect_good(made[0]);
}

TEST_F(CheckpointTiers, ADamagedDonorCostsTheReceiverItsLaunchOnly) {
  const Checkpoint donor = trained(0, 2).back();
  fs::resize_file(study_ / donor.path / "state", 7);
  const Order receiver = state_order(1, 1);
  executor().start(receiver);
  const Checkpoint own = *next_report().checkpoint;
  executor().send(to(receiver, ExploitFrom{donor, mode("state", 0), 3}));
  EXPECT_EQ(next<CheckpointVoid>().checkpoint, donor);
  const Exited exited = next<Exited>();
  EXPECT_EQ(exited.kind, ExitKind::kLost);
  EXPECT_NE(exited.error.find("7 bytes"), std::string::npos) << exited.error;
  next<LaunchEnded>();
  EXPECT_EQ(executor().counters().workers_started, 2);
  executor().start(state_order(1, 2, own));
  EXPECT_EQ(inode_of(next_report()), inode(own));
  EXPECT_EQ(executor().counters().workers_started, 2);  // The same process went on.
}

TEST_F(CheckpointTiers, ADonorKilledDuringTheExploitIsNotMissed) {
  const Order donor = state_order(0, 2), receiver = state_order(1, 1);
  executor().start(donor);
  next_report();
  const Checkpoint best = *next_report().checkpoint;
  executor().start(receiver);
  next_report();
  ASSERT_TRUE(executor().worker_pid(donor.launch.id));
  ::kill(static_cast<pid_t>(*executor().worker_pid(donor.launch.id)), SIGKILL);
  executor().send(to(receiver, ExploitFrom{best, mode("state", 0), 3}));
  const Report report = next_report();
  EXPECT_EQ(report.trial, TrialId{1});
  EXPECT_EQ(report.step, 3);
  EXPECT_EQ(inode_of(report), inode(best));
  while (std::ranges::none_of(seen_, [&](const Signal& signal) {
    const auto* exited = std::get_if<Exited>(&signal);
    return exited && exited->trial == TrialId{0} && exited->kind == ExitKind::kLost;
  }))
    next<LaunchEnded>();
}

}  // namespace
}  // namespace clavier::exec
