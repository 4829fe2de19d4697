#include "study/value.h"

#include <gtest/gtest.h>

#include "study/config.h"

namespace clavier {
namespace {

TEST(Value, OneAndOnePointZeroAreTheSameNumberButNotEqual) {
  EXPECT_FALSE(Value(1) == Value(1.0));
  EXPECT_TRUE(same_value(Value(1), Value(1.0)));
  EXPECT_FALSE(same_value(Value(1), Value(2.0)));
}

TEST(Value, TruthIsNoNumberWhenComparedButCountsInArithmetic) {
  EXPECT_FALSE(same_value(Value(true), Value(1)));
  EXPECT_TRUE(same_value(Value(true), Value(true)));
  EXPECT_EQ(Value(true).number(), 1.0);
}

TEST(Value, OnlyNumbersAndTruthHaveANumber) {
  EXPECT_EQ(Value(3).number(), 3.0);
  EXPECT_EQ(Value(0.5).number(), 0.5);
  EXPECT_FALSE(Value("3").number());
  EXPECT_FALSE(Value().number());
  EXPECT_FALSE(Value(Value::List{1}).number());
}

TEST(Value, NumbersInListsAreTheSameWhateverTheirType) {
  EXPECT_TRUE(same_value(Value::List{2.0, 3}, Value::List{2, 3}));
  EXPECT_TRUE(same_value(Value::List{Value::List{1}, "a"}, Value::List{Value::List{1.0}, "a"}));
  EXPECT_FALSE(same_value(Value::List{2}, Value::List{2, 3}));
  EXPECT_FALSE(same_value(Value::List{1}, Value::List{true}));
}

TEST(Config, FindsReplacesInPlaceAndAppends) {
  Config config;
  EXPECT_TRUE(config.empty());
  EXPECT_EQ(config.find("a"), nullptr);
  config.set("a", 1);
  config.set("b", 2);
  config.set("a", 3);
  ASSERT_EQ(config.entries().size(), 2U);
  EXPECT_EQ(config.entries()[0].name, "a");
  EXPECT_TRUE(*config.find("a") == Value(3));
}

TEST(Config, SameConfigIgnoresOrderAndTheTypeOfNumbers) {
  Config a, b;
  a.set("x", 1);
  a.set("y", "text");
  b.set("y", "text");
  b.set("x", 1.0);
  EXPECT_FALSE(a == b);
  EXPECT_TRUE(same_config(a, b));
  b.set("z", 0);
  EXPECT_FALSE(same_config(a, b));
  a.set("w", 0);
  EXPECT_FALSE(same_config(a, b));
}

}  // namespace
}  // namespace clavier
