#include "store/file_system.h"

#include <gtest/gtest.h>

namespace clavier::store {
namespace {

TEST(FileSystem, SharedOnesAreTold) {
  EXPECT_TRUE(is_network_type(0x6969));       // NFS
  EXPECT_TRUE(is_network_type(0xFF534D42));   // CIFS, which some kernels sign-extend
  EXPECT_FALSE(is_network_type(0xEF53));      // ext4
  EXPECT_FALSE(is_network_type(0x01021994));  // tmpfs
}

TEST(FileSystem, ProcfsAndUnknownPlacesAreLocal) {
  EXPECT_FALSE(is_network_file_system("/proc"));
  EXPECT_FALSE(is_network_file_system("/does/not/exist"));
}

}  // namespace
}  // namespace clavier::store
