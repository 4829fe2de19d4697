#include "app/control.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace clavier::app {
namespace {

class ControlTest : public testing::Test {
 protected:
  ControlTest() {
    // Longer than a socket address may be.
    std::string pattern = (std::filesystem::temp_directory_path() / "clavier-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    folder_ = root_ / std::string(150, 'x');
    std::filesystem::create_directories(folder_);
  }
  ~ControlTest() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_, folder_;
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

TEST_F(ControlTest, AFolderThatDoesNotExistIsNamed) {
  const auto delivered = deliver(root_ / "none", StopStudy{});
  ASSERT_FALSE(delivered.ok());
  EXPECT_NE(delivered.error().message.find("none"), std::string::npos);
}

}  // namespace
}  // namespace clavier::app
