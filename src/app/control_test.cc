#include "app/control.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

class ControlTest : public testing::Test {
 protected:
  ControlTest() {
    // Longer than a socket address may be.
    folder_ = root_ / std::string(150, 'x');
    std::filesystem::create_directories(folder_);
  }

  /// A client that does as it likes; a read of it ends in ten seconds.
  Fd connect() const {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd folder(::open(folder_.c_str(), O_PATH | O_CLOEXEC));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control.sock",
                  folder.get());
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }

  const ScratchDirectory scratch_;
  const std::filesystem::path root_ = scratch_.path();
  std::filesystem::path folder_;
  Waker waker_ = std::move(*Waker::create());
  tuner::Mailbox mailbox_{waker_};
};

TEST_F(ControlTest, ACommandReachesTheMailboxAndWakesTheLoop) {
  const auto server = ControlServer::open(folder_, mailbox_);
  ASSERT_TRUE(server.ok());
  const auto delivered = deliver(folder_, RaiseTrials{42});
  ASSERT_TRUE(delivered.ok()) << delivered.error().message;
  EXPECT_EQ(*delivered, Delivery::kDelivered);
  EXPECT_TRUE(waker_.drain());
  const auto commands = mailbox_.take();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(std::get<RaiseTrials>(commands[0]).trials, 42);
}

TEST_F(ControlTest, AStudyAtRestIsTold) {
  const auto delivered = deliver(folder_, StopStudy{});
  ASSERT_TRUE(delivered.ok());
  EXPECT_EQ(*delivered, Delivery::kNotRunning);
}

TEST_F(ControlTest, TheSocketOfAKilledTunerIsNoObstacle) {
  // What a killed tuner leaves behind: a name that nobody listens at.
  std::ofstream(folder_ / "control.sock") << "stale";
  const auto again = ControlServer::open(folder_, mailbox_);
  EXPECT_TRUE(again.ok());
}

TEST_F(ControlTest, AFullMailboxIsSaidToTheUser) {
  const auto server = ControlServer::open(folder_, mailbox_);
  ASSERT_TRUE(server.ok());
  for (std::size_t i = 0; i < tuner::Mailbox::kCapacity; ++i)
    ASSERT_TRUE(mailbox_.post(StopStudy{}).ok());
  const auto delivered = deliver(folder_, StopStudy{});
  ASSERT_FALSE(delivered.ok());
  EXPECT_NE(delivered.error().message.find("busy"), std::string::npos);
}

TEST_F(ControlTest, SlowAndIdleClientsDelayNeitherOthersNorTheEnd) {
  auto server = ControlServer::open(folder_, mailbox_);
  ASSERT_TRUE(server.ok());
  std::vector<Fd> idle;
  for (std::size_t i = 0; i + 1 < ControlServer::kMaxClients; ++i) idle.push_back(connect());
  ASSERT_EQ(::send(idle[0].get(), "stop_study ", 11, MSG_NOSIGNAL), 11);  // And no end of the line.
  EXPECT_TRUE(deliver(folder_, StopStudy{}).ok());
  server->reset();
  EXPECT_EQ(mailbox_.take().size(), 1u);
  char byte = 0;
  EXPECT_EQ(::recv(idle[0].get(), &byte, 1, 0), 0);  // It was given up, not waited for.
}

TEST_F(ControlTest, TooManyClientsAreRefusedInWords) {
  const auto server = ControlServer::open(folder_, mailbox_);
  ASSERT_TRUE(server.ok());
  std::vector<Fd> idle;
  for (std::size_t i = 0; i < ControlServer::kMaxClients; ++i) idle.push_back(connect());
  const auto delivered = deliver(folder_, StopStudy{});
  ASSERT_FALSE(delivered.ok());
  EXPECT_NE(delivered.error().message.find("too many"), std::string::npos);
}

TEST_F(ControlTest, ACommandWithoutAnEndIsRefusedAtItsLimit) {
  const auto server = ControlServer::open(folder_, mailbox_);
  ASSERT_TRUE(server.ok());
  const Fd client = connect();
  const std::string text((1 << 16) + 1, 'x');
  ASSERT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
  std::array<char, 16> answer{};
  const ssize_t got = ::recv(client.get(), answer.data(), answer.size(), 0);
  ASSERT_GT(got, 0);
  EXPECT_TRUE(std::string_view(answer.data(), static_cast<std::size_t>(got)).starts_with("error "));
}

TEST_F(ControlTest, OnlyItsOwnerMayUseTheSocket) {
  const mode_t before = ::umask(0);
  const auto server = ControlServer::open(folder_, mailbox_);
  ::umask(before);
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(std::filesystem::status(folder_ / "control.sock").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(ControlTest, AFolderThatDoesNotExistIsNamed) {
  const auto delivered = deliver(root_ / "none", StopStudy{});
  ASSERT_FALSE(delivered.ok());
  EXPECT_NE(delivered.error().message.find("none"), std::string::npos);
}

}  // namespace
}  // namespace clavier::app
