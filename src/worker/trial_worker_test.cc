#include "worker/trial_worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <thread>

#include "worker/environment.h"
#include "worker/line_buffer.h"
#include "worker/protocol.h"
#include "worker/socket_link.h"

namespace clavier::worker {
namespace {

/// A tuner on the other end of the socket of a worker that runs on a thread.
class Conversation : public ::testing::Test {
 protected:
  Conversation() { CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()) == 0); }
  ~Conversation() override {
    hang_up();
    if (thread_.joinable()) thread_.join();
    ::close(ends_[1]);
  }

  void serve_on_thread(Trainable train) {
    thread_ = std::thread([this, train] { status_ = serve(ends_[1], train, {.name = "test"}); });
  }
  void hang_up() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(ends_[0], bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void tell(const ToWorker& message) {
    std::string line;
    encode(message, line);
    write(line);
  }
  FromWorker hear() {
    while (heard_.empty()) {
      std::array<char, 4096> chunk;
      const auto got = ::recv(ends_[0], chunk.data(), chunk.size(), 0);
      CHECK(got > 0, "the worker hung up");
      lines_.feed(
          {chunk.data(), static_cast<std::size_t>(got)},
          [&](std::string_view line) {
            auto message = decode_from_worker(line);
            CHECK(message.ok());
            heard_.push_back(*std::move(message));
          },
          [](std::string_view) { CHECK(false, "a line too long"); });
    }
    FromWorker first = std::move(heard_.front());
    heard_.pop_front();
    return first;
  }
  static StartLine start(std::int64_t trial, Steps until = kForever) {
    StartLine line;
    line.trial = TrialId{trial};
    line.launch = LaunchId{trial + 100};
    line.directory = "/nowhere";
    line.until = until;
    return line;
  }

  std::array<int, 2> ends_{};
  std::thread thread_;
  int status_ = -1;
  LineBuffer lines_;
  std::deque<FromWorker> heard_;
};

void report_twice(TrialContext& trial) {
  for (int i = 0; i < 2; ++i)
    if (trial.report({{"trial", static_cast<double>(trial.trial().value)}}) == Verdict::kLeave)
      return;
}

TEST_F(Conversation, BeginsALaunchOfSeveralTrialsOnceItHasThemAll) {
  thread_ = std::thread([this] {
    const LaunchTrainable train = [](LaunchContext& launch) {
      std::vector<MemberReport> reports;
      for (const TrialContext* each : launch.members()) reports.push_back({.trial = each->trial()});
      launch.report(reports);
    };
    status_ = serve(ends_[1], train, {.name = "test", .members = 4});
  });
  EXPECT_EQ(std::get<HelloLine>(hear()).takes.members, 4);
  const auto of_launch = [](std::int64_t trial, std::int64_t launch) {
    StartLine line = start(trial);
    line.launch = LaunchId{launch};
    line.members = 2;
    return line;
  };
  tell(of_launch(7, 11));  // Given up by the tuner before the other came.
  for (const std::int64_t trial : {0, 1}) tell(of_launch(trial, 12));
  for (const std::int64_t trial : {0, 1}) {
    const auto report = std::get<ReportLine>(hear());
    EXPECT_EQ(report.trial, TrialId{trial});
    EXPECT_EQ(report.launch, LaunchId{12});
    EXPECT_EQ(report.more, trial == 0);
  }
  for (const std::int64_t trial : {0, 1})
    EXPECT_EQ(std::get<ExitedLine>(hear()),
              (ExitedLine{TrialId{trial}, LaunchId{12}, ExitKind::kCompleted, ""}));
  tell(QuitLine{});
  thread_.join();
  EXPECT_EQ(status_, 0);
}

TEST_F(Conversation, RunsTrialAfterTrialUntilToldToQuit) {
  serve_on_thread(report_twice);
  const auto hello = std::get<HelloLine>(hear());
  EXPECT_EQ(hello, (HelloLine{kProtocolVersion, true, true, false, "test", ::getpid(), true}));
  for (std::int64_t trial = 0; trial < 3; ++trial) {
    tell(start(trial));
    for (Steps step = 1; step <= 2; ++step) {
      const auto report = std::get<ReportLine>(hear());
      EXPECT_EQ(report.trial, TrialId{trial});
      EXPECT_EQ(report.launch, LaunchId{trial + 100});
      EXPECT_EQ(report.step, step);
    }
    EXPECT_EQ(std::get<ExitedLine>(hear()),
              (ExitedLine{TrialId{trial}, LaunchId{trial + 100}, ExitKind::kCompleted, ""}));
  }
  tell(QuitLine{});
  thread_.join();
  EXPECT_EQ(status_, 0);
}

TEST_F(Conversation, WaitsAtUntilAndLeavesWhenStopped) {
  serve_on_thread(report_twice);
  hear();
  tell(start(0, 1));
  EXPECT_EQ(std::get<ReportLine>(hear()).step, 1);
  tell(StopLine{});
  EXPECT_EQ(std::get<ExitedLine>(hear()).kind, ExitKind::kStopped);
}

TEST_F(Conversation, AMessageThatCrossedTheExitDoesNotTouchTheNextTrial) {
  serve_on_thread(report_twice);
  hear();
  tell(start(0));
  hear(), hear(), hear();
  tell(StopLine{});
  tell(start(1));
  hear(), hear();
  EXPECT_EQ(std::get<ExitedLine>(hear()).kind, ExitKind::kCompleted);
}

TEST_F(Conversation, AnExceptionEndsTheTrialNotTheWorker) {
  serve_on_thread([](TrialContext& trial) {
    if (trial.trial() == TrialId{0}) throw std::runtime_error("diverged");
  });
  hear();
  tell(start(0));
  EXPECT_EQ(std::get<ExitedLine>(hear()).error, "diverged");
  tell(start(1));
  EXPECT_EQ(std::get<ExitedLine>(hear()).kind, ExitKind::kCompleted);
}

TEST_F(Conversation, AnyJunkFromTheTunerIsSurvived) {
  serve_on_thread(report_twice);
  hear();
  write("nonsense\n{\"type\":\"from the future\"}\n\n" + std::string(2 * kMaxLineBytes, 'x') +
        "\n");
  tell(start(5));
  EXPECT_EQ(std::get<ReportLine>(hear()).trial, TrialId{5});
}

TEST_F(Conversation, EndsWhenTheTunerHangsUpWhileATrialRuns) {
  serve_on_thread([](TrialContext& trial) {
    while (trial.report({{"loss", 1}}) == Verdict::kGoOn) {
    }
  });
  hear();
  tell(start(0));
  hear();
  hang_up();
  thread_.join();
  EXPECT_EQ(status_, 0);
}

TEST_F(Conversation, WorksOnADescriptorThatSomebodyMadeNonBlocking) {
  ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
  constexpr int kReports = 5000;  // More than the socket holds.
  serve_on_thread([](TrialContext& trial) {
    for (int i = 0; i < kReports; ++i) trial.report({{"loss", 1}});
  });
  hear();
  tell(start(0));
  for (int i = 1; i <= kReports; ++i) ASSERT_EQ(std::get<ReportLine>(hear()).step, i);
  EXPECT_EQ(std::get<ExitedLine>(hear()).kind, ExitKind::kCompleted);
}

TEST(InheritedDescriptor, IsTakenOnceAndKeptFromChildren) {
  EXPECT_FALSE(inherited_descriptor());
  const int fd = ::dup(0);
  ::setenv(kDescriptorVariable, std::to_string(fd).c_str(), 1);
  EXPECT_EQ(inherited_descriptor(), fd);
  EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
  EXPECT_FALSE(inherited_descriptor());
  ::close(fd);
  for (const std::string& wrong : {std::to_string(fd), std::string("three"), std::string("-1")}) {
    ::setenv(kDescriptorVariable, wrong.c_str(), 1);
    EXPECT_FALSE(inherited_descriptor()) << wrong;
  }
}

TEST(WorkerMain, ExplainsItselfOutsideOfAStudy) { EXPECT_EQ(worker_main(report_twice), 2); }

}  // namespace
}  // namespace clavier::worker
