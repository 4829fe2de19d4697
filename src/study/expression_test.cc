#include "study/expression.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "study/expression_node.h"

namespace clavier {
namespace {

Config example() {
  Config config;
  config.set("l1", 64);
  config.set("lr", 0.25);
  config.set("optimizer.name", "sgd");
  config.set("nesterov", true);
  return config;
}

Result<Value> evaluated(std::string_view text) {
  const Expression expression = TRY(Expression::parse(text));
  return expression.evaluate(example());
}

struct Case {
  const char* text;
  Value value;
};

class ExpressionValue : public testing::TestWithParam<Case> {};

TEST_P(ExpressionValue, IsWhatPythonSays) {
  const auto value = evaluated(GetParam().text);
  ASSERT_TRUE(value.ok()) << GetParam().text << ": " << value.error().message;
  EXPECT_TRUE(*value == GetParam().value) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Precedence, ExpressionValue,
    testing::Values(Case{"1 + 2 * 3", 7}, Case{"(1 + 2) * 3", 9}, Case{"10 - 4 - 3", 3},
                    Case{"2 ** 3 ** 2", 512}, Case{"-2 ** 2", -4}, Case{"(-2) ** 2", 4},
                    Case{"2 ** -1", 0.5}, Case{"7 / 2", 3.5}, Case{"8 / 2 / 2", 2.0},
                    Case{"7 // 2", 3}, Case{"-7 // 2", -4}, Case{"7 // -2", -4},
                    Case{"-6 // 3", -2}, Case{"7.5 // 2", 3.0}, Case{"8 // 2 // 2", 2},
                    Case{"7 % 3", 1}, Case{"-7 % 3", 2}, Case{"7 % -3", -2}, Case{"2 * 7 % 4", 2},
                    Case{"--3", 3}, Case{"1 + 1 == 2", true}, Case{"not 1 == 2", true},
                    Case{"1 < 2 and 2 < 1 or true", true}, Case{"true or false and false", true},
                    Case{"not true or true", true}, Case{"1 < 2 < 3", true},
                    Case{"1 < 3 < 2", false}, Case{"1 if 0 else 2 if 1 else 3", 2},
                    Case{"1 + 1 if 2 > 1 else 0", 2}));

INSTANTIATE_TEST_SUITE_P(
    Types, ExpressionValue,
    testing::Values(Case{"2 * l1", 128}, Case{"2 * lr", 0.5}, Case{"l1 ** 2", 4096},
                    Case{"l1 * 1.0", 64.0}, Case{"floor(3.7)", 3}, Case{"ceil(3.2)", 4},
                    Case{"round(2.5)", 2}, Case{"round(3.5)", 4}, Case{"int(-3.9)", -3},
                    Case{"abs(-3)", 3}, Case{"abs(-2.5)", 2.5}, Case{"min(3, 1.5, 2)", 1.5},
                    Case{"max(1, 4, 2)", 4}, Case{"sqrt(16)", 4.0}, Case{"log2(8)", 3.0},
                    Case{"log(exp(2))", 2.0}, Case{"5.5 % 2", 1.5}, Case{"-5.5 % 2", 0.5},
                    Case{"1e3", 1000.0}, Case{".5", 0.5}, Case{"nesterov + 1", 2}));

INSTANTIATE_TEST_SUITE_P(
    TextAndNames, ExpressionValue,
    testing::Values(Case{"optimizer.name == 'sgd'", true}, Case{"optimizer.name != \"sgd\"", false},
                    Case{"'a' < 'b'", true}, Case{"optimizer.name == 1", false},
                    Case{"0.9 if optimizer.name == 'sgd' else 0", 0.9}, Case{"nesterov", true},
                    Case{"9007199254740993 > 9007199254740992", true},
                    Case{"9007199254740993 == 9007199254740992.0", true}));

class ExpressionError : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(ExpressionError, SaysWhatIsWrong) {
  const auto value = evaluated(GetParam().first);
  ASSERT_FALSE(value.ok()) << GetParam().first;
  EXPECT_NE(value.error().message.find(GetParam().second), std::string::npos)
      << value.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Parsing, ExpressionError,
    testing::Values(std::pair{"", "ends where"}, std::pair{"1 +", "ends where"},
                    std::pair{"(1", "')'"}, std::pair{"1 2", "found '2'"},
                    std::pair{"l1 >= ", "character 7"}, std::pair{"'abc", "never closed"},
                    std::pair{"foo(1)", "no function 'foo'"},
                    std::pair{"sqrt(1, 2)", "one argument"}, std::pair{"1 if 2", "'else'"},
                    std::pair{"a.", "dot"}, std::pair{"1 ? 2", "'?'"},
                    std::pair{"and", "found 'and'"}, std::pair{"min()", "found ')'"},
                    std::pair{"1e999", "out of range"}));

INSTANTIATE_TEST_SUITE_P(
    Evaluating, ExpressionError,
    testing::Values(std::pair{"depth * 2", "'depth'"}, std::pair{"1 / 0", "division by zero"},
                    std::pair{"1 % 0", "division by zero"},
                    std::pair{"0 ** -1", "division by zero"},
                    std::pair{"optimizer.name + 1", "text"},
                    std::pair{"optimizer.name < 1", "order"},
                    std::pair{"not 'a'", "neither true nor false"}, std::pair{"sqrt(-1)", "sqrt"},
                    std::pair{"log(0)", "log"}, std::pair{"(-8) ** 0.5", "'**'"},
                    std::pair{"9223372036854775807 + 1", "too large"},
                    std::pair{"10 ** 19", "too large"}, std::pair{"int(1e300)", "too large"}));

TEST(Expression, LogicStopsAtTheFirstOperandThatSettlesIt) {
  EXPECT_TRUE(*evaluated("true or missing") == Value(true));
  EXPECT_TRUE(*evaluated("false and missing") == Value(false));
  EXPECT_TRUE(*evaluated("1 if true else missing") == Value(1));
}

TEST(Expression, NamesAreListedOnceInOrderOfAppearance) {
  const auto expression = Expression::parse("b.c + a * b.c - min(d, a)");
  ASSERT_TRUE(expression.ok());
  EXPECT_EQ(expression->names(), (std::vector<std::string>{"b.c", "a", "d"}));
}

TEST(Expression, DepthIsBoundedInEveryDirection) {
  const auto repeated = [](std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += piece;
    return text;
  };
  const std::size_t many = kMaxExpressionDepth * 10;
  EXPECT_FALSE(Expression::parse(repeated("(", many) + "1" + repeated(")", many)).ok());
  EXPECT_FALSE(Expression::parse(repeated("-", many) + "1").ok());
  EXPECT_FALSE(Expression::parse(repeated("not ", many) + "1").ok());
  EXPECT_FALSE(Expression::parse("1" + repeated("+1", many)).ok());
  EXPECT_FALSE(Expression::parse("1" + repeated("**1", many)).ok());
  EXPECT_FALSE(Expression::parse(repeated("1 if 0 else ", many / 4) + "1").ok());
  const std::size_t few = kMaxExpressionDepth - 1;
  EXPECT_TRUE(Expression::parse(repeated("(", few) + "1" + repeated(")", few)).ok());
  EXPECT_TRUE(Expression::parse("1" + repeated("+1", few)).ok());
  EXPECT_FALSE(Expression::parse("1" + repeated("+1", few + 1)).ok());
}

TEST(Expression, LengthIsBounded) {
  const std::string longest = "1" + std::string(kMaxExpressionLength - 1, ' ');
  EXPECT_TRUE(Expression::parse(longest).ok());
  EXPECT_FALSE(Expression::parse(longest + " ").ok());
}

}  // namespace
}  // namespace clavier
