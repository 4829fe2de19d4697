#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "study/expression.h"

namespace clavier {

enum class ExpressionOp {
  kLiteral,
  kName,
  kNegate,
  kPlus,
  kNot,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kCompare,  ///< children[i] comparisons[i] children[i + 1], all of them
  kAnd,
  kOr,
  kChoose,  ///< children: value if true, condition, value if false
  kCall,
};

enum class Comparison { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual };

enum class Builtin {
  kMin,
  kMax,
  kAbs,
  kSqrt,
  kExp,
  kLog,
  kLog2,
  kFloor,
  kCeil,
  kRound,
  kInt,
};

/// What the parser hands to the evaluator. Immutable, at most kMaxExpressionDepth levels.
struct Expression::Node {
  ExpressionOp op = ExpressionOp::kLiteral;
  Value literal = {};
  std::string name = {};  ///< Of a parameter; of a function for messages.
  Builtin builtin = Builtin::kMin;
  std::vector<Comparison> comparisons = {};
  std::vector<std::shared_ptr<const Node>> children = {};
  std::size_t depth = 1;
};

inline constexpr std::size_t kMaxExpressionLength = 4096;
inline constexpr std::size_t kMaxExpressionDepth = 100;

struct ParsedExpression {
  std::shared_ptr<const Expression::Node> root;
  std::vector<std::string> names;
};
Result<ParsedExpression> parse_expression(std::string_view text);

}  // namespace clavier
