#include <bit>
#include <string>

#include "base/match.h"
#include "fmt/format.h"
#include "study/domain.h"
#include "study/text.h"

namespace clavier {
namespace {

std::string list(const std::vector<Value>& values) {
  std::string out = "[";
  for (const Value& value : values) {
    if (out.size() > 1) out += ", ";
    text::append(out, value);
  }
  return out + "]";
}

std::string ranged(std::string_view name, Scale scale, double a, double b, double quantum) {
  const std::string_view bend = scale == Scale::kLog      ? "log"
                                : scale == Scale::kLinear ? ""
                                                          : "reverse_log";
  if (quantum == 0) return fmt::format("{}{}({}, {})", bend, name, a, b);
  return fmt::format("q{}{}({}, {}, {})", bend, name, a, b, quantum);
}

/// Every power of two between two of them, in order.
bool are_powers_of_two(const std::vector<Value>& options) {
  std::int64_t expected = 0;
  for (const Value& option : options) {
    const auto* const number = option.as<std::int64_t>();
    if (!number || *number <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(*number)))
      return false;
    if (expected != 0 && *number != expected) return false;
    expected = *number * 2;
  }
  return options.size() > 1;
}

std::string describe(const Choice& choice) {
  if (!choice.ordered) return "choice(" + list(choice.options) + ")";
  if (!are_powers_of_two(choice.options)) return "ordinal(" + list(choice.options) + ")";
  return fmt::format("pow2({}, {})", *choice.options.front().as<std::int64_t>(),
                     *choice.options.back().as<std::int64_t>());
}

std::string describe(const Integer& integer) {
  const std::string_view name = integer.scale == Scale::kLog ? "logint" : "int";
  if (integer.step == 1) return fmt::format("{}({}, {})", name, integer.low, integer.high);
  return fmt::format("q{}({}, {}, {})", name, integer.low, integer.high, integer.step);
}

}  // namespace

std::string describe(const Domain& domain) {
  return match(
      domain,
      [](const Real& real) {
        return ranged("uniform", real.scale, real.low, real.high, real.quantum);
      },
      [](const Integer& integer) { return describe(integer); },
      [](const Normal& normal) {
        return ranged("normal", normal.scale, normal.mean, normal.deviation, normal.quantum);
      },
      [](const Choice& choice) { return describe(choice); },
      [](const Grid& grid) { return "grid(" + list(grid.values) + ")"; },
      [](const Constant& constant) { return text::to_json(constant.value); },
      [](const Computed& computed) { return "expr(\"" + computed.expression + "\")"; },
      [](const Function&) { return std::string("function"); });
}

}  // namespace clavier
