#include "study/expression.h"

#include <cmath>
#include <utility>

#include "base/match.h"
#include "fmt/format.h"
#include "study/expression_node.h"

namespace clavier {
namespace {

using Node = Expression::Node;
using Op = ExpressionOp;

std::string_view kind_of(const Value& value) {
  return match(
      value.data, [](std::monostate) { return "nothing"; }, [](bool) { return "a truth value"; },
      [](std::int64_t) { return "a number"; }, [](double) { return "a number"; },
      [](const std::string&) { return "text"; }, [](const Value::List&) { return "a list"; });
}

Result<double> number(const Value& value, std::string_view what) {
  const auto number = value.number();
  if (!number) return invalid(fmt::format("{} needs numbers, not {}", what, kind_of(value)));
  return *number;
}

/// Truth values count as 0 and 1, as in Python.
const std::int64_t* whole(const Value& value, std::int64_t& storage) {
  if (const bool* truth = value.as<bool>()) return storage = *truth, &storage;
  return value.as<std::int64_t>();
}

Result<bool> truth(const Value& value) {
  if (const auto number = value.number()) return *number != 0;
  return invalid(fmt::format("{} is neither true nor false", kind_of(value)));
}

Result<Value> finite(double value, std::string_view what) {
  if (!std::isfinite(value)) return invalid(fmt::format("{} has no finite real result", what));
  return Value(value);
}

Result<Value> whole_number(double value, std::string_view what) {
  // 2^63 is the first real beyond the range.
  if (!(value >= -0x1p63 && value < 0x1p63))
    return invalid(fmt::format("the result of {} is too large for a whole number", what));
  return Value(static_cast<std::int64_t>(value));
}

Result<std::int64_t> whole_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result))
      return invalid("the result of '**' is too large for a whole number");
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
      return invalid("the result of '**' is too large for a whole number");
  }
  return result;
}

std::string_view symbol(Op op) {
  switch (op) {
    case Op::kAdd: return "'+'";
    case Op::kPlus: return "'+'";
    case Op::kSubtract: return "'-'";
    case Op::kNegate: return "'-'";
    case Op::kMultiply: return "'*'";
    case Op::kDivide: return "'/'";
    case Op::kFloorDivide: return "'//'";
    case Op::kModulo: return "'%'";
    case Op::kPower: return "'**'";
    case Op::kLiteral:
    case Op::kName:
    case Op::kNot:
    case Op::kCompare:
    case Op::kAnd:
    case Op::kOr:
    case Op::kChoose:
    case Op::kCall: break;
  }
  return "this";
}

Result<Value> whole_arithmetic(Op op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  if (op == Op::kAdd) {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == Op::kSubtract) {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == Op::kMultiply) {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == Op::kFloorDivide) {
    // Towards minus infinity; the one quotient out of range is that of the smallest number by -1.
    if (b == -1)
      overflow = __builtin_sub_overflow(0, a, &result);
    else
      result = a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
  } else if (op == Op::kModulo) {
    // The result has the divisor's sign; x % -1 is 0 but traps for the smallest number.
    result = b == -1 ? 0 : a % b;
    if (result != 0 && (result < 0) != (b < 0)) result += b;
  } else {
    result = TRY(whole_power(a, b));
  }
  if (overflow)
    return invalid(fmt::format("the result of {} is too large for a whole number", symbol(op)));
  return Value(result);
}

Result<Value> arithmetic(Op op, const Value& left, const Value& right) {
  const double a = TRY(number(left, symbol(op)));
  const double b = TRY(number(right, symbol(op)));
  if (b == 0 && (op == Op::kDivide || op == Op::kFloorDivide || op == Op::kModulo))
    return invalid("division by zero");
  if (a == 0 && b < 0 && op == Op::kPower) return invalid("division by zero: 0 to a power below 0");
  if (op == Op::kDivide) return finite(a / b, "'/'");
  std::int64_t left_storage = 0, right_storage = 0;
  const std::int64_t* const m = whole(left, left_storage);
  const std::int64_t* const n = whole(right, right_storage);
  if (m && n && !(op == Op::kPower && *n < 0)) return whole_arithmetic(op, *m, *n);
  if (op == Op::kAdd) return finite(a + b, "'+'");
  if (op == Op::kSubtract) return finite(a - b, "'-'");
  if (op == Op::kMultiply) return finite(a * b, "'*'");
  if (op == Op::kPower) return finite(std::pow(a, b), "'**'");
  if (op == Op::kFloorDivide) return finite(std::floor(a / b), "'//'");
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return finite(rest, "'%'");
}

/// Exact also where two large whole numbers are the same real.
Result<int> order(const Value& a, const Value& b) {
  const auto compare = [](const auto& x, const auto& y) { return x < y ? -1 : x > y ? 1 : 0; };
  const auto* const s = a.as<std::string>();
  const auto* const t = b.as<std::string>();
  if (s && t) return compare(*s, *t);
  const auto* const m = a.as<std::int64_t>();
  const auto* const n = b.as<std::int64_t>();
  if (m && n) return compare(*m, *n);
  const auto x = a.number(), y = b.number();
  if (!x || !y) return invalid(fmt::format("{} and {} have no order", kind_of(a), kind_of(b)));
  return compare(*x, *y);
}

Result<bool> holds(Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::kEqual: return same_value(a, b);
    case Comparison::kNotEqual: return !same_value(a, b);
    case Comparison::kLess: return TRY(order(a, b)) < 0;
    case Comparison::kLessEqual: return TRY(order(a, b)) <= 0;
    case Comparison::kGreater: return TRY(order(a, b)) > 0;
    case Comparison::kGreaterEqual: return TRY(order(a, b)) >= 0;
  }
  return false;
}

Result<Value> call(const Node& node, const std::vector<Value>& arguments) {
  const Value& first = arguments.front();
  if (node.builtin == Builtin::kMin || node.builtin == Builtin::kMax) {
    const Value* best = &first;
    for (const Value& other : arguments) {
      const int ordered = TRY(order(other, *best));
      if (node.builtin == Builtin::kMin ? ordered < 0 : ordered > 0) best = &other;
    }
    return *best;
  }
  const double x = TRY(number(first, node.name));
  std::int64_t storage = 0;
  const std::int64_t* const n = whole(first, storage);
  switch (node.builtin) {
    case Builtin::kAbs:
      if (n && *n < 0) return whole_arithmetic(Op::kSubtract, 0, *n);
      return n ? Value(*n) : Value(std::abs(x));
    case Builtin::kSqrt: return finite(std::sqrt(x), "sqrt");
    case Builtin::kExp: return finite(std::exp(x), "exp");
    case Builtin::kLog: return finite(std::log(x), "log");
    case Builtin::kLog2: return finite(std::log2(x), "log2");
    case Builtin::kFloor: return n ? Value(*n) : whole_number(std::floor(x), "floor");
    case Builtin::kCeil: return n ? Value(*n) : whole_number(std::ceil(x), "ceil");
    case Builtin::kRound:  // ties to even, as Python does
      return n ? Value(*n) : whole_number(x - std::remainder(x, 1.0), "round");
    case Builtin::kInt: return n ? Value(*n) : whole_number(std::trunc(x), "int");
    case Builtin::kMin:
    case Builtin::kMax: break;
  }
  return first;
}

Result<Value> evaluate(const Node& node, const Config& config) {
  const auto operand = [&](std::size_t index) { return evaluate(*node.children[index], config); };
  switch (node.op) {
    case Op::kLiteral: return node.literal;
    case Op::kName: {
      if (const Value* value = config.find(node.name)) return *value;
      return not_found(fmt::format("there is no parameter '{}' here", node.name));
    }
    case Op::kNegate: return arithmetic(Op::kSubtract, Value(0), TRY(operand(0)));
    case Op::kPlus: return arithmetic(Op::kAdd, Value(0), TRY(operand(0)));
    case Op::kNot: {
      const Value value = TRY(operand(0));
      return Value(!TRY(truth(value)));
    }
    case Op::kAnd:
    case Op::kOr: {
      const Value left = TRY(operand(0));
      const bool settles = node.op == Op::kOr;
      if (TRY(truth(left)) == settles) return Value(settles);
      const Value right = TRY(operand(1));
      return Value(TRY(truth(right)));
    }
    case Op::kChoose: {
      const Value condition = TRY(operand(1));
      return operand(TRY(truth(condition)) ? 0 : 2);
    }
    case Op::kCompare: {
      Value left = TRY(operand(0));
      for (std::size_t i = 0; i < node.comparisons.size(); ++i) {
        Value right = TRY(operand(i + 1));
        if (!TRY(holds(node.comparisons[i], left, right))) return Value(false);
        left = std::move(right);
      }
      return Value(true);
    }
    case Op::kCall: {
      std::vector<Value> arguments;
      for (std::size_t i = 0; i < node.children.size(); ++i) arguments.push_back(TRY(operand(i)));
      return call(node, arguments);
    }
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kFloorDivide:
    case Op::kModulo:
    case Op::kPower: {
      const Value left = TRY(operand(0));
      return arithmetic(node.op, left, TRY(operand(1)));
    }
  }
  return Value();
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  ParsedExpression parsed = TRY(parse_expression(text));
  Expression expression;
  expression.root_ = std::move(parsed.root);
  expression.names_ = std::move(parsed.names);
  return expression;
}

Result<Value> Expression::evaluate(const Config& config) const {
  CHECK(root_ != nullptr, "only a parsed expression has a value");
  return clavier::evaluate(*root_, config);
}

}  // namespace clavier
