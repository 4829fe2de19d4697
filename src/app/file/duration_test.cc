#include "app/file/duration.h"

#include <gtest/gtest.h>

namespace clavier::app {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsWhatPeopleWrite) {
  const auto read = [](std::string_view text) {
    const auto duration = parse_duration(text);
    return duration ? *duration : StudyDuration(-1);
  };
  EXPECT_EQ(read("30min"), 30min);
  EXPECT_EQ(read("1h 20m"), 80min);
  EXPECT_EQ(read("1h20m"), 80min);
  EXPECT_EQ(read("45s"), 45s);
  EXPECT_EQ(read("45"), 45s);
  EXPECT_EQ(read(" 1.5 hours "), 90min);
  EXPECT_EQ(read("2 days"), 48h);
  EXPECT_EQ(read("250ms"), 250ms);
  for (const char* wrong : {"", "min", "5 apples", "-5s", "1h 20", "1e400s", "nan", "inf s", "5s!"})
    EXPECT_EQ(read(wrong), StudyDuration(-1)) << wrong;
  EXPECT_EQ(parse_duration("200000 weeks").error().message, "\"200000 weeks\" is over 100 years");
}

TEST(Duration, WritesTextThatReadsBackEqual) {
  for (const StudyDuration duration :
       {StudyDuration(0us), StudyDuration(1us), StudyDuration(250ms), StudyDuration(61s),
        StudyDuration(26h + 1min), StudyDuration(1h + 1500us), StudyDuration(1s + 5ms)}) {
    const auto read = parse_duration(to_text(duration));
    ASSERT_TRUE(read.ok()) << to_text(duration);
    EXPECT_EQ(*read, duration) << to_text(duration);
  }
  EXPECT_EQ(to_text(80min), "1h 20m");
  EXPECT_EQ(to_text(250ms), "0.25s");
}

TEST(Bytes, ReadAndWriteSizes) {
  EXPECT_EQ(*parse_bytes("64MB"), 64 << 20);
  EXPECT_EQ(*parse_bytes("1.5 GB"), 3LL << 29);
  EXPECT_EQ(*parse_bytes("100B"), 100);
  EXPECT_FALSE(parse_bytes("64").ok()) << "a bare number is written without quotes";
  EXPECT_FALSE(parse_bytes("9999999999GB").ok());
  EXPECT_EQ(bytes_to_text(64 << 20), "64MB");
  EXPECT_EQ(bytes_to_text(1025), "1025B");
}

}  // namespace
}  // namespace clavier::app
