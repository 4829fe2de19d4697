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

TEST(FitEnds, KeepsBothEnds) {
  EXPECT_EQ(fit_ends("a_rather_long_one", 17), "a_rather_long_one");
  EXPECT_EQ(fit_ends("a_rather_long_one", 8), "a_ra…one");
  EXPECT_EQ(fit_ends("a_rather_long_two", 8), "a_ra…two");
  EXPECT_EQ(fit_ends("学习率学习", 6), "学…习");
  EXPECT_EQ(fit_ends("abc", 1), "…");
  EXPECT_EQ(fit_ends("abc", 0), "");
}

TEST(Clean, LeavesNothingThatMovesTheCursor) {
  EXPECT_EQ(clean("a\nb\tc\x1b[31md\x7f\r\n"), "a b c\\u001b[31md\\u007f  ");
  EXPECT_EQ(clean("\u0085x\u202Ey"), "\\u0085x\\u202ey");
  EXPECT_EQ(clean("größe 学 👩\u200D🚀"), "größe 学 👩\u200D🚀");
}

TEST(Visible, KeepsLinesAndTabsButNothingElseThatATerminalObeys) {
  EXPECT_EQ(visible("a\n\tb\r\nc\rd"), "a\n\tb\nc\\u000dd");
  EXPECT_EQ(visible("\x1b]0;owned\x07"), "\\u001b]0;owned\\u0007");
  EXPECT_EQ(visible(std::string("\0", 1)), "\\u0000");
}

TEST(Visible, ShowsWhatReordersOrHidesLetters) {
  for (const char* hidden : {"\u009B", "\u061C", "\u200B", "\u200E", "\u200F", "\u2028", "\u202A",
                             "\u202E", "\u2060", "\u2066", "\u2069", "\uFEFF", "\U000E0041"})
    EXPECT_EQ(visible(hidden).front(), '\\');
  EXPECT_EQ(visible("\U000E0041"), "\\U000e0041");
}

TEST(Begun, IsWhatOnlyTheNextBytesTell) {
  EXPECT_EQ(begun(""), 0u);
  EXPECT_EQ(begun("aß"), 0u);
  EXPECT_EQ(begun("a\xC3"), 1u);
  EXPECT_EQ(begun("\xF0\x9F\x9A"), 3u);
  EXPECT_EQ(begun("🚀"), 0u);
  EXPECT_EQ(begun("\x80\x80\x80\x80"), 0u) << "the middle of none";
  EXPECT_EQ(begun("a\r"), 1u);
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
