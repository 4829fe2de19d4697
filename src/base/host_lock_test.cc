#include "base/host_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace clavier {
namespace {

std::string own_name() { return "clavier-test/" + std::to_string(::getpid()); }

TEST(HostLock, OneHolderAtATimeWhoCanBeNamed) {
  auto first = HostLock::take(own_name());
  ASSERT_TRUE(first);
  EXPECT_FALSE(HostLock::take(own_name()));
  EXPECT_TRUE(HostLock::take(own_name() + "/other"));
  EXPECT_EQ(HostLock::holder(own_name()), ::getpid());
  first.reset();
  EXPECT_FALSE(HostLock::holder(own_name()));
  EXPECT_TRUE(HostLock::take(own_name()));
}

}  // namespace
}  // namespace clavier
