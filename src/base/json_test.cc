#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clavier {
namespace {

std::string written(double number) {
  std::string out;
  append_json(out, number);
  return out;
}

std::string as_text(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

TEST(Json, WritesNumbersAsPythonDoes) {
  EXPECT_EQ(written(1), "1.0");
  EXPECT_EQ(written(-0.0), "-0.0");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(1e-5), "1e-05");
  EXPECT_EQ(written(0.0001), "0.0001");
  EXPECT_EQ(written(1e15), "1000000000000000.0");
  EXPECT_EQ(written(1e16), "1e+16");
  EXPECT_EQ(written(5e-324), "5e-324");
  EXPECT_EQ(written(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(written(NAN), "NaN");
  EXPECT_EQ(written(INFINITY), "Infinity");
  EXPECT_EQ(written(-INFINITY), "-Infinity");
}

TEST(Json, ReadsEveryKindOfValue) {
  const auto json = Json::parse(
      R"( {"a": [1, -2.5e3, true, false, null], "b": "x\n\u00e9\ud83d\udc80", "c": -Infinity,
          "d": 18446744073709551615, "a": NaN} )");
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_EQ(json->as<Json::Table>()->size(), 5u);
  EXPECT_TRUE(std::isnan(*json->find("a")->number()));
  const auto& list = *json->as<Json::Table>()->front().value.as<Json::List>();
  EXPECT_EQ(*list[0].as<std::int64_t>(), 1);
  EXPECT_EQ(*list[1].as<double>(), -2500);
  EXPECT_EQ(*list[2].as<bool>(), true);
  EXPECT_TRUE(list[4].as<std::monostate>());
  EXPECT_EQ(*json->find("b")->as<std::string>(), "x\n\xC3\xA9\xF0\x9F\x92\x80");
  EXPECT_EQ(*json->find("c")->as<double>(), -INFINITY);
  EXPECT_EQ(*json->find("d")->as<std::uint64_t>(), 18446744073709551615u);
  EXPECT_EQ(json->find("e"), nullptr);
}

TEST(Json, RefusesWhatIsNotJsonAndNamesTheByte) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "[1,]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "-",
                           "nul",
                           "tru",
                           "\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "1 2",
                           "[1 2]",
                           "\"\n\"",
                           "1e999",
                           "-1e999",
                           "\"\\",
                           "{\"a\":1,}",
                           "Infinit",
                           "-Inf"}) {
    const auto json = Json::parse(text);
    ASSERT_FALSE(json.ok()) << text;
    EXPECT_EQ(json.error().code, ErrorCode::kInvalid);
    EXPECT_NE(json.error().message.find("byte"), std::string::npos);
  }
}

TEST(Json, BoundsTheDepth) {
  const std::string ok = std::string(Json::kMaxDepth, '[') + std::string(Json::kMaxDepth, ']');
  EXPECT_TRUE(Json::parse(ok).ok());
  EXPECT_FALSE(Json::parse('[' + ok + ']').ok());
  EXPECT_FALSE(Json::parse(std::string(1'000'000, '[')).ok());
  EXPECT_FALSE(Json::parse(std::string(1'000'000, '{')).ok());
}

TEST(Json, AnyBytesReadBackEqualAndTheTextIsUtf8) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string cases[] = {
      all,    "",         "\xC3\xA9", "\xED\xA0\x80",        "\xF4\x90\x80\x80",
      "\xC3", "\xE2\x82", "a\xFFz",   std::string("\0x", 2), "\xF0\x9F\x92\x80"};
  for (const std::string& text : cases) {
    const auto json = Json::parse(as_text(text));
    ASSERT_TRUE(json.ok()) << json.error().message;
    EXPECT_EQ(*json->as<std::string>(), text);
  }
  EXPECT_EQ(as_text("\xFF"), "\"\\udcff\"");
  EXPECT_EQ(as_text("\xC3\xA9\t\x01\"\\"), "\"\xC3\xA9\\t\\u0001\\\"\\\\\"");
}

TEST(Json, SurvivesEveryTruncation) {
  const std::string text = R"({"a": [1, -2.5e3, true, "x\u00e9\ud83d\udc80\\"], "b": Infinity})";
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(Json::parse(text.substr(0, length)).ok()) << length;
}

TEST(Json, ATreeIsWrittenAsPythonWritesItAndReadBackEqual) {
  const Json json = Json::Table{{"b", Json::List{1, 2.0, true, Json(), std::uint64_t{1} << 63}},
                                {"a", Json::Table{{"x", "y"}}},
                                {"none", Json::List{}}};
  EXPECT_EQ(to_text(json),
            R"({"b": [1, 2.0, true, null, 9223372036854775808], "a": {"x": "y"}, "none": []})");
  EXPECT_EQ(to_text(json.find("a") ? *json.find("a") : Json(), {.indent = 2}),
            "{\n  \"x\": \"y\"\n}");
  EXPECT_EQ(to_text(Json::Table{{"b", 1}, {"a", Json::List{2}}}, {.indent = 1, .sorted = true}),
            "{\n \"a\": [\n  2\n ],\n \"b\": 1\n}");
  EXPECT_EQ(Json::parse(to_text(json)).value(), json);
}

TEST(Json, AFieldIsReplacedOrAppended) {
  Json json = Json::Table{{"a", 1}};
  json.set("a", "one");
  json.set("b", std::vector<std::string>{"x"});
  EXPECT_EQ(to_text(json), R"({"a": "one", "b": ["x"]})");
}

}  // namespace
}  // namespace clavier
