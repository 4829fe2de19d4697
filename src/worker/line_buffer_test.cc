#include "worker/line_buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clavier::worker {
namespace {

struct Lines {
  std::vector<std::string> whole;
  std::vector<std::string> too_long;

  void feed(LineBuffer& buffer, std::string_view bytes) {
    buffer.feed(
        bytes, [&](std::string_view line) { whole.emplace_back(line); },
        [&](std::string_view beginning) { too_long.emplace_back(beginning); });
  }
};

TEST(LineBuffer, CutsAStreamWhereverItIsSplit) {
  const std::string text = "one\n\ntwo words\nthree\n";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    LineBuffer buffer;
    Lines lines;
    lines.feed(buffer, std::string_view(text).substr(0, split));
    lines.feed(buffer, std::string_view(text).substr(split));
    EXPECT_EQ(lines.whole, (std::vector<std::string>{"one", "", "two words", "three"}));
  }
}

TEST(LineBuffer, HandsOverAnUnfinishedLastLineAtTheEnd) {
  LineBuffer buffer;
  Lines lines;
  lines.feed(buffer, "a\nb");
  buffer.finish([&](std::string_view line) { lines.whole.emplace_back(line); });
  buffer.finish([&](std::string_view line) { lines.whole.emplace_back(line); });
  EXPECT_EQ(lines.whole, (std::vector<std::string>{"a", "b"}));
}

TEST(LineBuffer, TakesALineOfExactlyTheLimit) {
  LineBuffer buffer(5);
  Lines lines;
  lines.feed(buffer, "123");
  lines.feed(buffer, "45\n");
  EXPECT_EQ(lines.whole, (std::vector<std::string>{"12345"}));
  EXPECT_TRUE(lines.too_long.empty());
}

TEST(LineBuffer, DropsALineBeyondTheLimitOnceAndGoesOnBehindIt) {
  for (const std::size_t chunk : {1u, 2u, 3u, 100u}) {
    LineBuffer buffer(5);
    Lines lines;
    const std::string text = "ok\n123456789\nfine\n";
    for (std::size_t at = 0; at < text.size(); at += chunk)
      lines.feed(buffer, std::string_view(text).substr(at, chunk));
    EXPECT_EQ(lines.whole, (std::vector<std::string>{"ok", "fine"})) << chunk;
    ASSERT_EQ(lines.too_long.size(), 1u) << chunk;
    EXPECT_EQ(lines.too_long[0].substr(0, 5), "12345") << chunk;
  }
}

TEST(LineBuffer, DropsALongLastLineWithoutNewline) {
  LineBuffer buffer(5);
  Lines lines;
  lines.feed(buffer, "1234567");
  buffer.finish([&](std::string_view line) { lines.whole.emplace_back(line); });
  EXPECT_TRUE(lines.whole.empty());
  lines.feed(buffer, "new\n");
  EXPECT_EQ(lines.whole, (std::vector<std::string>{"new"}));
}

}  // namespace
}  // namespace clavier::worker
