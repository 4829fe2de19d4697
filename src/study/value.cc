#include "study/value.h"

#include <algorithm>

#include "base/match.h"

namespace clavier {

std::optional<double> Value::number() const {
  using R = std::optional<double>;
  return match(
      data, [](bool v) -> R { return v ? 1.0 : 0.0; },
      [](std::int64_t v) -> R { return static_cast<double>(v); }, [](double v) -> R { return v; },
      [](std::monostate) -> R { return {}; }, [](const std::string&) -> R { return {}; },
      [](const List&) -> R { return {}; });
}

bool same_value(const Value& a, const Value& b) {
  if (a == b) return true;
  if (a.as<bool>() || b.as<bool>()) return false;
  const auto *const m = a.as<Value::List>(), *const n = b.as<Value::List>();
  if (m && n) return std::ranges::equal(*m, *n, same_value);
  const auto x = a.number(), y = b.number();
  return x && y && *x == *y;
}

}  // namespace clavier
