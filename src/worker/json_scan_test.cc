#include "worker/json_scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace clavier::worker::json {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

Result<Members> members(std::string_view text) {
  Members found;
  ObjectReader reader(text);
  while (reader.next()) found.emplace_back(reader.key(), reader.value());
  TRY(reader.status());
  return found;
}

TEST(ObjectReader, HandsOutMembersAsTheyStand) {
  const auto found = members(R"( {"a":1, "b c" : {"d":[1,"}"]} ,"e":"x\"y", "f":NaN} )");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found,
            (Members{{"a", "1"}, {"b c", R"({"d":[1,"}"]})"}, {"e", R"("x\"y")"}, {"f", "NaN"}}));
}

TEST(ObjectReader, TakesAnEmptyObject) { EXPECT_EQ(*members("{}"), Members{}); }

TEST(ObjectReader, RemovesEscapesFromKeys) {
  EXPECT_EQ(*members(R"({"a\n\u00e9\ud83d\ude00\ud800":1})"),
            (Members{{"a\n\u00e9\U0001F600\uFFFD", "1"}}));
}

TEST(ObjectReader, RefusesWhatIsNoObject) {
  for (const char* text : {"",
                           " ",
                           "1",
                           "[]",
                           "{",
                           "}",
                           "{]",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1)",
                           R"({"a":1,})",
                           R"({"a":1 "b":2})",
                           R"({,"a":1})",
                           R"({"a":1}x)",
                           R"({"a":1}{})",
                           R"({a:1})",
                           R"({"a":nul})",
                           R"({"a":[1})",
                           R"({"a":[})",
                           R"({"a)",
                           R"({"a\)",
                           R"({"a\q":1})",
                           R"({"a\u12":1})",
                           R"({"a":"\)",
                           R"({"a":@})"})
    EXPECT_FALSE(members(text)) << text;
}

TEST(ObjectReader, BoundsTheDepth) {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(members(nested(kMaxDepth)));
  EXPECT_FALSE(members(nested(kMaxDepth + 1)));
  EXPECT_FALSE(members("{\"a\":" + std::string(1'000'000, '[')));
}

TEST(Number, ReadsJsonAndWhatPythonAddsToIt) {
  EXPECT_EQ(number("0"), 0.0);
  EXPECT_EQ(number("-1.5e-3"), -0.0015);
  EXPECT_EQ(number("0.1"), 0.1);
  EXPECT_EQ(number("Infinity"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(number("-Infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(*number("NaN")));
  EXPECT_EQ(number("1e999"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(number("-1e999"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(number("1e-999"), 0.0);
  for (const char* text : {"", "-", "+1", "inf", "nan", "-NaN", ".5", "1x", "0x10", "1 ", "\"1\""})
    EXPECT_FALSE(number(text)) << text;
}

TEST(Integer, ReadsWholeNumbersOnly) {
  EXPECT_EQ(integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(integer("-3"), -3);
  EXPECT_EQ(integer("3.0"), 3);
  EXPECT_EQ(integer("1e3"), 1000);
  for (const char* text : {"3.5", "9223372036854775808", "1e300", "NaN", "Infinity", "", "true"})
    EXPECT_FALSE(integer(text)) << text;
}

TEST(String, RemovesQuotesAndEscapes) {
  EXPECT_EQ(string(R"("a\/\\\"\t\u0041")"), "a/\\\"\tA");
  for (const char* text : {"", "\"", "a", R"("\x")", R"("a\")"}) EXPECT_FALSE(string(text)) << text;
}

TEST(Utf8, AcceptsExactlyTheValidSequences) {
  EXPECT_TRUE(valid_utf8("plain text of more than eight bytes"));
  EXPECT_TRUE(valid_utf8("caf\u00e9 \u20ac \U0001F600, and more text behind it"));
  for (const char* text : {"\x80", "abcdefgh\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xc3("})
    EXPECT_FALSE(valid_utf8(text));
  EXPECT_EQ(to_utf8("a\xff\xc3\xa9"), "a???");
  EXPECT_EQ(to_utf8("a\xc3\xa9"), "a\xc3\xa9");
}

}  // namespace
}  // namespace clavier::worker::json
