#include "report/width.h"

#include <gtest/gtest.h>

namespace clavier::report {
namespace {

TEST(Width, CountsColumnsNotBytes) {
  EXPECT_EQ(width("abc"), 3u);
  EXPECT_EQ(width("größe"), 5u);
  EXPECT_EQ(width("学习率"), 6u);
  EXPECT_EQ(width("e\u0301"), 1u) << "a combining accent";
  EXPECT_EQ(width("🚀"), 2u);
}

TEST(Fit, CutsBetweenCharactersAndStaysWithinTheWidth) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdef", 5), "abcd…");
  EXPECT_EQ(fit("größer", 4), "grö…");
  EXPECT_EQ(fit("学习率", 5), "学习…");
  EXPECT_EQ(fit("学习率", 4), "学…") << "half of a wide character is none";
  EXPECT_EQ(fit("abc", 1), "…");
  EXPECT_EQ(fit("abc", 0), "");
}

TEST(Clean, LeavesNothingThatMovesTheCursor) {
  EXPECT_EQ(clean("a\nb\tc\x1b[31md\x7f"), "a b c [31md ");
  EXPECT_EQ(clean("\u0085x\u202Ey"), " x y");
  EXPECT_EQ(clean("größe 学"), "größe 学");
}

TEST(Clean, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(clean("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(clean("\xE5\xAD"), "\uFFFD\uFFFD") << "cut off";
  EXPECT_EQ(clean("\xC0\x80"), "\uFFFD\uFFFD") << "longer than it needs to be";
  EXPECT_EQ(clean("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
}

TEST(Clean, OfEveryPairOfBytesCanBeMeasuredAndCut) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string text = clean(std::string{static_cast<char>(a), static_cast<char>(b)});
      ASSERT_EQ(clean(text), text);
      ASSERT_LE(width(fit(text, 1)), 1u);
    }
}

}  // namespace
}  // namespace clavier::report
