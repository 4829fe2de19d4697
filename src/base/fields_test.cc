#include "base/fields.h"

#include <gtest/gtest.h>

namespace clavier {

enum class Colour { kRed, kGreen };
template <>
struct FieldWords<Colour> {
  static constexpr std::array<std::string_view, 2> list = {"red", "green"};
};

namespace {

struct Inner {
  double rate = 0.5;
};
struct Outer {
  std::int64_t count = 1;
  std::optional<bool> flag = {};
  std::vector<std::string> names = {};
  std::vector<double> shares = {};
  std::map<std::string, double> amounts = {};
  Colour colour = Colour::kRed;
  Inner inner = {};
};

const Field<Outer> kFields[] = {
    field<&Outer::count>({"count", 1, 10, "how many"}),
    field<&Outer::flag>({"flag"}),
    field<&Outer::names>({"names", 1}),
    field<&Outer::shares>({"shares", kAbove0}),
    field<&Outer::amounts>({"amounts"}),
    field<&Outer::colour>({"colour"}),
    field<&Outer::inner, &Inner::rate>({"rate", 0, kBelow1, "", "at least 0 and below 1"}),
};

/// What a value of this key must be instead, and the part that is not.
std::string refusal(std::string_view key, std::string_view text) {
  const Json json = Json::parse(text).value();
  Outer outer;
  const auto* field = find_field(kFields, key);
  const Fit wrong = field->read(*field, json, outer);
  return wrong ? wrong->expected + ", not " + to_text(*wrong->at) : "taken";
}

TEST(Fields, EveryValueIsWrittenAsItWasRead) {
  const char* texts[] = {"7",          "true", R"(["a", "b"])", "[1.5, 2.0]", R"({"x": 3.0})",
                         R"("green")", "0.25"};
  Outer outer;
  for (std::size_t i = 0; i < std::size(kFields); ++i) {
    EXPECT_FALSE(kFields[i].read(kFields[i], Json::parse(texts[i]).value(), outer)) << texts[i];
    EXPECT_EQ(to_text(kFields[i].write(outer)), texts[i]);
  }
  EXPECT_EQ(outer.inner.rate, 0.25);
}

TEST(Fields, WhatIsNotSetIsWrittenAsNull) {
  for (const char* key : {"flag", "shares"})
    EXPECT_EQ(find_field(kFields, key)->write({}), Json()) << key;
}

TEST(Fields, AValueThatDoesNotFitIsToldWhatItMustBe) {
  EXPECT_EQ(refusal("count", "1.0"), "a whole number, not 1.0");
  EXPECT_EQ(refusal("count", "11"), "from 1 to 10, not 11");
  EXPECT_EQ(refusal("flag", "1"), "true or false, not 1");
  EXPECT_EQ(refusal("names", "[]"), "a list of texts, not []");
  EXPECT_EQ(refusal("names", R"(["a", 2])"), "a list of texts, not 2");
  EXPECT_EQ(refusal("shares", "[1, 0]"), "above 0, not 0");
  EXPECT_EQ(refusal("shares", "[NaN]"), "a number, not NaN");
  EXPECT_EQ(refusal("amounts", R"({"x": -1})"), "amounts by name such as { licenses = 1 }, not -1");
  EXPECT_EQ(refusal("colour", R"("blue")"), "one of red, green, not \"blue\"");
  EXPECT_EQ(refusal("rate", "1"), "at least 0 and below 1, not 1");
  EXPECT_EQ(refusal("rate", "\"fast\""), "at least 0 and below 1, not \"fast\"");
}

}  // namespace
}  // namespace clavier
