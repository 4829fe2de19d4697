#include "exec/local/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace clavier::exec {
namespace {

TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4.
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
}

TEST(Crc32c, IsTheSameByTableAndInPieces) {
  std::string text;
  for (int i = 0; i < 100; ++i) text.push_back(static_cast<char>(i * 37));
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string_view whole = std::string_view(text).substr(0, size);
    EXPECT_EQ(crc32c(whole), crc32c_by_table(whole));
    EXPECT_EQ(crc32c(whole), crc32c(whole.substr(size / 3), crc32c(whole.substr(0, size / 3))));
  }
}

}  // namespace
}  // namespace clavier::exec
