#include "base/utc.h"

#include <gtest/gtest.h>

namespace clavier {
namespace {

TEST(Utc, DatesAreUtc) {
  EXPECT_EQ(utc_stamp(1706745599), "2024-01-31_23-59-59");
  EXPECT_EQ(utc_stamp(0), "1970-01-01_00-00-00");
  EXPECT_EQ(utc_text(1706745599), "2024-01-31 23:59:59 UTC");
}

}  // namespace
}  // namespace clavier
