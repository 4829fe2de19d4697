#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "study/expression_node.h"

// How tightly operators bind, and to which side they group, is Python's, for the expressions come
// from people who read Python. Both are said in tables; what is written out are the levels that are
// not alike: comparisons chain, the power binds its right side looser, a choice needs three parts.
// Depth is counted on the way down and in the tree: neither parsing nor evaluation may exhaust the
// stack, whatever the text.
namespace clavier {
namespace {

using Node = Expression::Node;
using NodePtr = std::shared_ptr<const Node>;
using Op = ExpressionOp;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool continues_name(char c) { return starts_name(c) || is_digit(c) || c == '.'; }

struct NamedBuiltin {
  std::string_view name;
  Builtin builtin;
};
constexpr std::array<NamedBuiltin, 11> kBuiltins = {{
    {"min", Builtin::kMin},
    {"max", Builtin::kMax},
    {"abs", Builtin::kAbs},
    {"sqrt", Builtin::kSqrt},
    {"exp", Builtin::kExp},
    {"log", Builtin::kLog},
    {"log2", Builtin::kLog2},
    {"floor", Builtin::kFloor},
    {"ceil", Builtin::kCeil},
    {"round", Builtin::kRound},
    {"int", Builtin::kInt},
}};

struct NamedComparison {
  std::string_view symbol;
  Comparison comparison;
};
constexpr std::array<NamedComparison, 6> kComparisons = {{
    {"<", Comparison::kLess},
    {"<=", Comparison::kLessEqual},
    {">", Comparison::kGreater},
    {">=", Comparison::kGreaterEqual},
    {"==", Comparison::kEqual},
    {"!=", Comparison::kNotEqual},
}};

/// How tightly operators bind, loosest first, as in Python.
enum Level { kOr, kAnd, kNot, kCompare, kSum, kProduct, kSign, kPower };

struct NamedOperator {
  Level level;
  std::string_view symbol;
  Op op;
};
/// Of two operands, grouped from the left.
constexpr std::array<NamedOperator, 8> kOperators = {{
    {kOr, "or", Op::kOr},
    {kAnd, "and", Op::kAnd},
    {kSum, "+", Op::kAdd},
    {kSum, "-", Op::kSubtract},
    {kProduct, "*", Op::kMultiply},
    {kProduct, "/", Op::kDivide},
    {kProduct, "//", Op::kFloorDivide},
    {kProduct, "%", Op::kModulo},
}};
/// Before their operand.
constexpr std::array<NamedOperator, 3> kPrefixes = {{
    {kNot, "not", Op::kNot},
    {kSign, "-", Op::kNegate},
    {kSign, "+", Op::kPlus},
}};

constexpr std::array<std::string_view, 15> kSymbols = {  // longer ones first
    "**", "//", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "(", ")"};
constexpr std::array<std::string_view, 5> kReserved = {"and", "or", "not", "if", "else"};

struct Token {
  enum class Kind { kEnd, kNumber, kText, kWord, kSymbol };
  Kind kind = Kind::kEnd;
  std::string_view text = {};  ///< Of a quoted text: what is between the quotes.
  std::size_t at = 0;
};

/// Recursive descent: an expression of one level is made of such of the next, tighter one.
///   choose:  or ['if' or 'else' choose]      compare: sum {('<' | … | '!=') sum}
///   power:   primary ['**' sign]             primary: number, text, name, call, '(' choose ')'
/// and all others from the tables above.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<ParsedExpression> parse() {
    if (text_.size() > kMaxExpressionLength)
      return invalid(fmt::format("an expression may have {} characters, this one has {}",
                                 kMaxExpressionLength, text_.size()));
    TRY(advance());
    NodePtr root = TRY(choose());
    if (token_.kind != Token::Kind::kEnd) return unexpected("an operator or the end");
    return ParsedExpression{std::move(root), std::move(names_)};
  }

 private:
  Error error(std::size_t at, std::string_view what) const {
    return invalid(fmt::format("expression \"{}\", character {}: {}", text_, at + 1, what));
  }
  Error unexpected(std::string_view wanted) const {
    if (token_.kind == Token::Kind::kEnd)
      return error(token_.at, fmt::format("it ends where {} was expected", wanted));
    return error(token_.at, fmt::format("found '{}' where {} was expected", token_.text, wanted));
  }

  Status take(Token::Kind kind, std::size_t length) {
    token_ = {kind, text_.substr(position_, length), position_};
    position_ += length;
    return ok_status();
  }

  Status advance() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t' ||
                                        text_[position_] == '\n' || text_[position_] == '\r'))
      ++position_;
    const std::string_view rest = text_.substr(position_);
    if (rest.empty()) return take(Token::Kind::kEnd, 0);
    const char c = rest.front();
    if (is_digit(c) || (c == '.' && rest.size() > 1 && is_digit(rest[1])))
      return take(Token::Kind::kNumber, number_length(rest));
    if (starts_name(c)) {
      const auto end = std::ranges::find_if_not(rest, continues_name);
      return take(Token::Kind::kWord, static_cast<std::size_t>(end - rest.begin()));
    }
    if (c == '\'' || c == '"') {
      const std::size_t close = rest.find(c, 1);
      if (close == std::string_view::npos)
        return error(position_, "this quotation mark is never closed");
      token_ = {Token::Kind::kText, rest.substr(1, close - 1), position_};
      position_ += close + 1;
      return ok_status();
    }
    for (const std::string_view symbol : kSymbols)
      if (rest.starts_with(symbol)) return take(Token::Kind::kSymbol, symbol.size());
    if (c == ',') return take(Token::Kind::kSymbol, 1);
    return error(position_, fmt::format("'{}' has no meaning here", rest.substr(0, 1)));
  }

  static std::size_t number_length(std::string_view rest) {
    std::size_t length = 0;
    const auto digits = [&] {
      while (length < rest.size() && is_digit(rest[length])) ++length;
    };
    digits();
    if (length < rest.size() && rest[length] == '.') ++length, digits();
    if (length < rest.size() && (rest[length] == 'e' || rest[length] == 'E')) {
      std::size_t exponent = length + 1;
      if (exponent < rest.size() && (rest[exponent] == '+' || rest[exponent] == '-')) ++exponent;
      if (exponent < rest.size() && is_digit(rest[exponent])) length = exponent, digits();
    }
    return length;
  }

  /// The operator of this level that stands here; null if none does.
  const NamedOperator* at_operator(std::span<const NamedOperator> operators, Level level) const {
    const bool possible = token_.kind == Token::Kind::kSymbol || token_.kind == Token::Kind::kWord;
    for (const NamedOperator& each : operators)
      if (possible && each.level == level && each.symbol == token_.text) return &each;
    return nullptr;
  }
  bool at_symbol(std::string_view symbol) const {
    return token_.kind == Token::Kind::kSymbol && token_.text == symbol;
  }
  bool at_word(std::string_view word) const {
    return token_.kind == Token::Kind::kWord && token_.text == word;
  }

  /// One level of recursion, given back at the end of the scope.
  struct Nested {
    std::size_t& nesting;
    ~Nested() { --nesting; }
  };
  Status too_deep() const {
    // `choose` and both levels of `prefixed` each count, so a parenthesis costs three.
    if (nesting_ <= 3 * kMaxExpressionDepth) return ok_status();
    return error(token_.at, "nested too deeply");
  }

  Result<NodePtr> make(Node node) const {
    for (const NodePtr& child : node.children) node.depth = std::max(node.depth, child->depth + 1);
    if (node.depth > kMaxExpressionDepth)
      return error(token_.at, fmt::format("more than {} operations deep", kMaxExpressionDepth));
    return NodePtr(std::make_shared<const Node>(std::move(node)));
  }
  Result<NodePtr> make(Op op, std::vector<NodePtr> children) const {
    Node node;
    node.op = op;
    node.children = std::move(children);
    return make(std::move(node));
  }

  Result<NodePtr> choose() {
    const Nested nested{++nesting_};
    TRY(too_deep());
    NodePtr value = TRY(expression(kOr));
    if (!at_word("if")) return value;
    TRY(advance());
    NodePtr condition = TRY(expression(kOr));
    if (!at_word("else")) return unexpected("'else'");
    TRY(advance());
    NodePtr otherwise = TRY(choose());
    return make(Op::kChoose, {value, condition, otherwise});
  }

  Result<NodePtr> expression(Level level) {
    if (level == kNot || level == kSign) return prefixed(level);
    if (level == kCompare) return comparison();
    if (level == kPower) return power();
    const auto tighter = static_cast<Level>(level + 1);
    NodePtr left = TRY(expression(tighter));
    while (const NamedOperator* found = at_operator(kOperators, level)) {
      TRY(advance());
      NodePtr right = TRY(expression(tighter));
      left = TRY(make(found->op, {left, right}));
    }
    return left;
  }

  Result<NodePtr> prefixed(Level level) {
    const Nested nested{++nesting_};
    TRY(too_deep());
    const NamedOperator* found = at_operator(kPrefixes, level);
    if (!found) return expression(static_cast<Level>(level + 1));
    TRY(advance());
    NodePtr operand = TRY(prefixed(level));
    return make(found->op, {operand});
  }

  Result<NodePtr> comparison() {
    Node node;
    node.op = Op::kCompare;
    node.children.push_back(TRY(expression(kSum)));
    for (;;) {
      const auto found = std::ranges::find(kComparisons, token_.text, &NamedComparison::symbol);
      if (token_.kind != Token::Kind::kSymbol || found == kComparisons.end()) break;
      TRY(advance());
      node.comparisons.push_back(found->comparison);
      node.children.push_back(TRY(expression(kSum)));
    }
    if (node.comparisons.empty()) return node.children.front();
    return make(std::move(node));
  }

  Result<NodePtr> power() {
    NodePtr base = TRY(primary());
    if (!at_symbol("**")) return base;
    TRY(advance());
    NodePtr exponent = TRY(prefixed(kSign));
    return make(Op::kPower, {base, exponent});
  }

  Result<NodePtr> primary() {
    switch (token_.kind) {
      case Token::Kind::kNumber: return number();
      case Token::Kind::kText: return literal(Value(std::string(token_.text)));
      case Token::Kind::kWord: return word();
      case Token::Kind::kSymbol:
      case Token::Kind::kEnd: break;
    }
    if (!at_symbol("(")) return unexpected("a number, a parameter or '('");
    TRY(advance());
    NodePtr inner = TRY(choose());
    if (!at_symbol(")")) return unexpected("')'");
    TRY(advance());
    return inner;
  }

  Result<NodePtr> literal(Value value) {
    TRY(advance());
    Node node;
    node.literal = std::move(value);
    return make(std::move(node));
  }

  Result<NodePtr> number() {
    const char* const begin = token_.text.data();
    const char* const end = begin + token_.text.size();
    if (std::ranges::all_of(token_.text, is_digit)) {
      std::int64_t whole = 0;
      if (std::from_chars(begin, end, whole).ec == std::errc()) return literal(Value(whole));
    }
    double real = 0;
    if (std::from_chars(begin, end, real).ec != std::errc())
      return error(token_.at, fmt::format("the number {} is out of range", token_.text));
    return literal(Value(real));
  }

  Result<NodePtr> word() {
    const Token word = token_;
    if (std::ranges::find(kReserved, word.text) != kReserved.end())
      return unexpected("a number, a parameter or '('");
    if (word.text == "true" || word.text == "True") return literal(Value(true));
    if (word.text == "false" || word.text == "False") return literal(Value(false));
    TRY(advance());
    if (at_symbol("(")) return call(word);
    if (word.text.back() == '.') return error(word.at, "a name may not end with a dot");
    Node node;
    node.op = Op::kName;
    node.name = std::string(word.text);
    if (std::ranges::find(names_, node.name) == names_.end()) names_.push_back(node.name);
    return make(std::move(node));
  }

  Result<NodePtr> call(const Token& function) {
    const auto found = std::ranges::find(kBuiltins, function.text, &NamedBuiltin::name);
    if (found == kBuiltins.end())
      return error(function.at, fmt::format("there is no function '{}'; there are min max abs "
                                            "sqrt exp log log2 floor ceil round int",
                                            function.text));
    Node node;
    node.op = Op::kCall;
    node.name = std::string(function.text);
    node.builtin = found->builtin;
    do {
      TRY(advance());
      node.children.push_back(TRY(choose()));
    } while (at_symbol(","));
    if (!at_symbol(")")) return unexpected("',' or ')'");
    const bool many = node.builtin == Builtin::kMin || node.builtin == Builtin::kMax;
    if (!many && node.children.size() != 1)
      return error(function.at, fmt::format("{} takes one argument, not {}", function.text,
                                            node.children.size()));
    TRY(advance());
    return make(std::move(node));
  }

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t nesting_ = 0;
  Token token_;
  std::vector<std::string> names_;
};

}  // namespace

Result<ParsedExpression> parse_expression(std::string_view text) { return Parser(text).parse(); }

}  // namespace clavier
