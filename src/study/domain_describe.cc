#include <bit>
#include <string>

#include "base/match.h"
#include "fmt/format.h"
#include "study/domain.h"
#include "study/text.h"

namespace clavier {
namespace {

/// Of two numbers, and of a step between values if there is one.
template <typename T>
Distribution ranged(std::string_view name, Scale scale, T a, T b, T step, T no_step) {
  constexpr std::string_view kBends[] = {"", "log", "reverse_log"};
  const std::string bent = fmt::format("{}{}", kBends[static_cast<std::size_t>(scale)], name);
  if (step == no_step) return {bent, Value::List{a, b}};
  return {"q" + bent, Value::List{a, b, step}};
}

/// Every power of two between two of them, in order.
bool are_powers_of_two(const std::vector<Value> &options) {
  std::int64_t expected = 0;
  for (const Value &option : options) {
    const auto *const number = option.as<std::int64_t>();
    if (!number || *number <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(*number)))
      return false;
    if (expected != 0 && *number != expected) return false;
    expected = *number * 2;
  }
  return options.size() > 1;
}

}  // namespace

Distribution distribution_of(const Domain &domain) {
  return match(
      domain,
      [](const Real &d) { return ranged("uniform", d.scale, d.low, d.high, d.quantum, 0.0); },
      [](const Integer &d) {
        return ranged<std::int64_t>("int", d.scale, d.low, d.high, d.step, 1);
      },
      [](const Normal &d) {
        return ranged("normal", d.scale, d.mean, d.deviation, d.quantum, 0.0);
      },
      [](const Choice &d) {
        return Distribution{d.ordered ? "ordinal" : "choice", d.options};
      },
      [](const Grid &d) {
        return Distribution{"grid", d.values};
      },
      [](const Constant &d) {
        return Distribution{"constant", d.value};
      },
      [](const Computed &d) {
        return Distribution{"expr", d.expression};
      },
      [](const Function &) { return Distribution{}; });
}

std::string describe(const Domain &domain) {
  const auto [name, takes] = distribution_of(domain);
  if (name.empty()) return "function";
  if (name == "constant") return text::to_json(takes);
  const auto *choice = std::get_if<Choice>(&domain);
  if (choice && choice->ordered && are_powers_of_two(choice->options))
    return fmt::format("pow2({}, {})", text::plain(choice->options.front()),
                       text::plain(choice->options.back()));
  const auto *numbers = takes.as<Value::List>();
  if (choice || !numbers || std::holds_alternative<Grid>(domain))
    return fmt::format("{}({})", name, text::to_json(takes));
  std::string list;
  for (const Value &number : *numbers) {
    const auto *real = number.as<double>();
    list += list.empty() ? "" : ", ";
    list += real ? fmt::format("{}", *real) : text::plain(number);
  }
  return fmt::format("{}({})", name, list);
}

}  // namespace clavier
