#include "cli/door.h"

#include <gtest/gtest.h>

#include <sstream>

namespace clavier::cli {
namespace {

TEST(Door, LetsNothingThroughThatATerminalObeys) {
  std::ostringstream out;
  {
    Door door(out);
    out << "\x1b]0;owned\x07 größe\n" << '\x9b' << 7 << std::endl;
    door.behind() << "\x1b[1mbold\x1b[0m";
  }
  EXPECT_EQ(out.str(), "\\u001b]0;owned\\u0007 größe\n\uFFFD7\n\x1b[1mbold\x1b[0m");
}

TEST(Door, PutsTogetherWhatComesByteByByte) {
  std::ostringstream out;
  {
    Door door(out);
    for (const char byte : std::string("größe 🚀\u202E\r\n")) out << byte << std::flush;
    out << "\xC3";
  }
  EXPECT_EQ(out.str(), "größe 🚀\\u202e\n\uFFFD") << "and what never ends is broken";
}

TEST(Door, RemembersWhyAWriteFailed) {
  struct Full : std::streambuf {
    int_type overflow(int_type) override {
      errno = ENOSPC;
      return traits_type::eof();
    }
  } full;
  std::ostream out(&full);
  Door door(out);
  EXPECT_EQ(door.flush(), 0);
  out << "text";
  errno = 0;
  EXPECT_EQ(door.flush(), ENOSPC);
}

}  // namespace
}  // namespace clavier::cli
