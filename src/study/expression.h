#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "study/config.h"

namespace clavier {

/// A parsed expression over parameters: numbers, 'text', names (dots allowed), + - * / // % **,
/// comparisons, and or not, (a if c else b), min max abs sqrt exp log log2 floor ceil round int.
/// `/` is real division; whole numbers stay whole under + - * // % ** and floor, ceil, round, int.
/// Depth and length are bounded, so that hostile text cannot exhaust the stack.
class Expression {
 public:
  static Result<Expression> parse(std::string_view text);

  /// Fails on unknown names, wrong types and division by zero, naming them.
  Result<Value> evaluate(const Config& config) const;
  /// Every parameter it names, each once, in order of appearance.
  const std::vector<std::string>& names() const { return names_; }

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
  std::vector<std::string> names_;
};

}  // namespace clavier
