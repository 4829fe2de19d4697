#include "study/domain.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/match.h"
#include "study/domain_values.h"

namespace clavier {
namespace {

constexpr double kBelowOne = 1 - 0x1p-53;
constexpr double kTolerance = 1e-9;  ///< Of "is a multiple", relative to the multiple's number.

double clamp_unit(double unit) { return std::clamp(unit, 0.0, kBelowOne); }

/// Maps the bounds of a scale to [0, 1] and back.
struct Interval {
  double low, high;
  Scale scale;

  static double bend(Scale scale, double x) {
    switch (scale) {
      case Scale::kLinear: return x;
      case Scale::kLog: return std::log(x);
      case Scale::kReverseLog: return -std::log1p(-x);
    }
    return x;
  }
  static double straighten(Scale scale, double y) {
    switch (scale) {
      case Scale::kLinear: return y;
      case Scale::kLog: return std::exp(y);
      case Scale::kReverseLog: return -std::expm1(-y);
    }
    return y;
  }
  double at(double unit) const {
    const double a = bend(scale, low), b = bend(scale, high);
    return std::clamp(straighten(scale, a * (1 - unit) + b * unit), low, high);
  }
  double unit(double x) const {
    const double a = bend(scale, low), b = bend(scale, high);
    return b > a ? (bend(scale, std::clamp(x, low, high)) - a) / (b - a) : 0.5;
  }
};

/// Digits behind the point of the shortest text for `x`; nothing if they are too many for exact
/// arithmetic.
std::optional<int> decimals(double x) {
  std::array<char, 32> text{};  // "-d.ddde±xxx"
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), std::abs(x),
                                          std::chars_format::scientific);
  const std::string_view words(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t e = words.find('e');
  if (error != std::errc() || e == std::string_view::npos) return {};
  int exponent = 0;
  std::from_chars(words.data() + e + (words[e + 1] == '+' ? 2 : 1), end, exponent);
  const int behind = e > 1 ? static_cast<int>(e) - 2 : 0;
  const int places = std::max(behind - exponent, 0);
  return behind < 15 && places <= 22 ? std::optional(places) : std::nullopt;
}

/// The multiple as people write it, 0.3 for 3 × 0.1 and 0.9 for 3 × 0.3: the number nearest to the
/// product of the decimals, not the product of the numbers nearest to them.
double multiple(double k, double quantum) {
  if (const auto places = decimals(quantum)) {
    const double power = std::pow(10.0, *places);  // exact up to 10^22
    const double product = k * std::round(quantum * power);
    if (std::abs(product) <= 0x1p53) return 0.0 + product / power;
  }
  const double inverse = std::round(1 / quantum);
  // Zero has no sign here: nobody wants to read −0 in a configuration.
  return 0.0 + (inverse > 0 && inverse * quantum == 1 ? k / inverse : k * quantum);
}

bool is_multiple(double x, double quantum) {
  const double k = x / quantum;
  return std::abs(k - std::round(k)) <= kTolerance * std::max(1.0, std::abs(k));
}

/// The multiples of the quantum inside a real domain, k · quantum for k in [first, last].
struct Levels {
  double first, last;
  explicit Levels(const Real& real)
      : first(std::ceil(real.low / real.quantum - kTolerance)),
        last(std::floor(real.high / real.quantum + kTolerance)) {
    if (real.scale == Scale::kLog) first = std::max(first, 1.0);
  }
};

/// Every level owns the interval of half a quantum on both sides, the outer ones too: with a
/// linear scale all levels are equally likely.
Interval widened(const Real& real) {
  const Levels levels(real);
  const double low = multiple(levels.first, real.quantum) - real.quantum / 2;
  double high = multiple(levels.last, real.quantum) + real.quantum / 2;
  if (real.scale == Scale::kReverseLog)
    high = std::min(high, (1 + multiple(levels.last, real.quantum)) / 2);
  return {low, high, real.scale};
}

double value(const Real& real, double unit) {
  if (real.quantum == 0) return Interval{real.low, real.high, real.scale}.at(unit);
  const Levels levels(real);
  const double k = std::round(widened(real).at(unit) / real.quantum);
  const double level = multiple(std::clamp(k, levels.first, levels.last), real.quantum);
  return std::clamp(level, real.low, real.high);
}

double unit(const Real& real, double x) {
  if (real.quantum == 0) return clamp_unit(Interval{real.low, real.high, real.scale}.unit(x));
  const Interval all = widened(real);
  return clamp_unit((all.unit(x - real.quantum / 2) + all.unit(x + real.quantum / 2)) / 2);
}

/// high − low in steps; exact even for the whole range of std::int64_t.
std::uint64_t last_index(const Integer& integer) {
  return (static_cast<std::uint64_t>(integer.high) - static_cast<std::uint64_t>(integer.low)) /
         static_cast<std::uint64_t>(integer.step);
}

std::int64_t at_index(const Integer& integer, std::uint64_t index) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(integer.low) +
                                   index * static_cast<std::uint64_t>(integer.step));
}

Interval widened(const Integer& integer) {
  const auto low = static_cast<double>(integer.low);
  const auto last = static_cast<double>(at_index(integer, last_index(integer)));
  const double half = static_cast<double>(integer.step) / 2;
  return {low > half ? low - half : low / 2, last + half, Scale::kLog};
}

std::int64_t value(const Integer& integer, double unit) {
  const std::uint64_t last = last_index(integer);
  double index = 0;
  if (integer.scale == Scale::kLog)
    index = std::round((widened(integer).at(unit) - static_cast<double>(integer.low)) /
                       static_cast<double>(integer.step));
  else
    index = std::floor(unit * (static_cast<double>(last) + 1));
  if (!(index > 0)) return integer.low;
  return at_index(integer,
                  index < static_cast<double>(last) ? static_cast<std::uint64_t>(index) : last);
}

double unit(const Integer& integer, std::int64_t x) {
  if (integer.scale == Scale::kLog) {
    const Interval all = widened(integer);
    const auto middle = static_cast<double>(x), half = static_cast<double>(integer.step) / 2;
    const double below = x == integer.low ? 0 : all.unit(middle - half);
    return clamp_unit((below + all.unit(middle + half)) / 2);
  }
  const std::uint64_t index =
      (static_cast<std::uint64_t>(x) - static_cast<std::uint64_t>(integer.low)) /
      static_cast<std::uint64_t>(integer.step);
  return clamp_unit((static_cast<double>(index) + 0.5) /
                    (static_cast<double>(last_index(integer)) + 1));
}

double normal_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

/// The z with `p` of the standard normal below it: Newton's method on the logarithm of the
/// cumulative distribution, which is concave, so that it converges from the left without fail.
double normal_at(double p) {
  if (p > 0.5) return -normal_at(std::max(1 - p, 0x1p-54));
  p = std::max(p, 0x1p-54);
  double z = -std::sqrt(-2 * std::log(p));
  for (int round = 0; round < 20; ++round) {
    const double below = normal_below(z);
    const double density = std::exp(-z * z / 2) * 0.3989422804014327;
    const double step = (std::log(p) - std::log(below)) * below / density;
    z += step;
    if (std::abs(step) < 1e-14 * std::max(1.0, std::abs(z))) break;
  }
  return z;
}

double value(const Normal& normal, double unit) {
  const double z = normal.mean + normal.deviation * normal_at(unit);
  const double x = normal.scale == Scale::kLog ? std::exp(z) : z;
  return normal.quantum == 0 ? x : multiple(std::round(x / normal.quantum), normal.quantum);
}

double unit(const Normal& normal, double x) {
  const auto below = [&](double edge) {
    if (normal.scale != Scale::kLog) return normal_below((edge - normal.mean) / normal.deviation);
    return edge <= 0 ? 0 : normal_below((std::log(edge) - normal.mean) / normal.deviation);
  };
  if (normal.quantum == 0) return clamp_unit(below(x));
  return clamp_unit((below(x - normal.quantum / 2) + below(x + normal.quantum / 2)) / 2);
}

std::optional<std::size_t> position(const std::vector<Value>& options, const Value& value) {
  const auto at =
      std::ranges::find_if(options, [&](const Value& option) { return same_value(option, value); });
  if (at == options.end()) return {};
  return static_cast<std::size_t>(at - options.begin());
}

/// Numbers only: a truth value is no number of a space.
std::optional<double> real_number(const Value& value) {
  if (value.as<bool>()) return {};
  return value.number();
}

std::optional<Value> listed(const std::vector<Value>& options, const Value& value) {
  const auto at = position(options, value);
  if (!at) return {};
  return options[*at];
}

std::optional<Value> accepted(const Real& real, const Value& value) {
  const auto x = real_number(value);
  if (!x || !(*x >= real.low && *x <= real.high)) return {};
  if (real.quantum == 0) return Value(*x);
  if (!is_multiple(*x, real.quantum)) return {};
  const double level = multiple(std::round(*x / real.quantum), real.quantum);
  return Value(std::clamp(level, real.low, real.high));
}

std::optional<Value> accepted(const Integer& integer, const Value& value) {
  std::int64_t x = 0;
  if (const auto* whole = value.as<std::int64_t>()) {
    x = *whole;
  } else {
    const auto* const real = value.as<double>();
    if (!real || *real != std::trunc(*real) || std::abs(*real) >= 0x1p63) return {};
    x = static_cast<std::int64_t>(*real);
  }
  if (x < integer.low || x > integer.high) return {};
  const std::uint64_t offset =
      static_cast<std::uint64_t>(x) - static_cast<std::uint64_t>(integer.low);
  if (offset % static_cast<std::uint64_t>(integer.step) != 0) return {};
  return Value(x);
}

std::optional<Value> accepted(const Normal& normal, const Value& value) {
  const auto x = real_number(value);
  if (!x || !std::isfinite(*x)) return {};
  if (normal.scale == Scale::kLog && (normal.quantum == 0 ? *x <= 0 : *x < 0)) return {};
  if (normal.quantum == 0) return Value(*x);
  if (!is_multiple(*x, normal.quantum)) return {};
  return Value(multiple(std::round(*x / normal.quantum), normal.quantum));
}

}  // namespace

std::optional<Value> accepted(const Domain& domain, const Value& value) {
  using R = std::optional<Value>;
  return match(
      domain, [&](const Real& real) { return accepted(real, value); },
      [&](const Integer& integer) { return accepted(integer, value); },
      [&](const Normal& normal) { return accepted(normal, value); },
      [&](const Choice& choice) { return listed(choice.options, value); },
      [&](const Grid& grid) { return listed(grid.values, value); },
      [&](const Constant& constant) -> R {
        if (same_value(constant.value, value)) return constant.value;
        return {};
      },
      [&](const Computed&) -> R { return value; }, [&](const Function&) -> R { return value; });
}

std::optional<Value> value_at(const Domain& domain, double unit) {
  using R = std::optional<Value>;
  unit = clamp_unit(unit);
  return match(
      domain, [&](const Real& real) -> R { return Value(value(real, unit)); },
      [&](const Integer& integer) -> R { return Value(value(integer, unit)); },
      [&](const Normal& normal) -> R { return Value(value(normal, unit)); },
      [&](const Choice& choice) -> R {
        if (choice.options.empty()) return {};
        const auto count = static_cast<double>(choice.options.size());
        const auto index = static_cast<std::size_t>(unit * count);
        return choice.options[std::min(index, choice.options.size() - 1)];
      },
      [](const Grid&) -> R { return {}; }, [](const Constant&) -> R { return {}; },
      [](const Computed&) -> R { return {}; }, [](const Function&) -> R { return {}; });
}

std::optional<Value> middle_of(const Domain& domain) {
  const auto* grid = std::get_if<Grid>(&domain);
  return grid && !grid->values.empty() ? grid->values.front() : value_at(domain, 0.5);
}

Choice powers_of_two(std::int64_t low, std::int64_t high) {
  Choice choice{.options = {}, .ordered = true};
  for (int exponent = 0; exponent < 63; ++exponent) {
    const std::int64_t power = std::int64_t{1} << exponent;
    if (power >= low && power <= high) choice.options.emplace_back(power);
  }
  return choice;
}

std::optional<double> unit_of(const Domain& domain, const Value& value) {
  using R = std::optional<double>;
  const auto inside = accepted(domain, value);
  if (!inside) return {};
  return match(
      domain, [&](const Real& real) -> R { return unit(real, *inside->as<double>()); },
      [&](const Integer& integer) -> R { return unit(integer, *inside->as<std::int64_t>()); },
      [&](const Normal& normal) -> R { return unit(normal, *inside->as<double>()); },
      [&](const Choice& choice) -> R {
        const std::size_t index = *position(choice.options, *inside);
        return (static_cast<double>(index) + 0.5) / static_cast<double>(choice.options.size());
      },
      [](const Grid&) -> R { return {}; }, [](const Constant&) -> R { return {}; },
      [](const Computed&) -> R { return {}; }, [](const Function&) -> R { return {}; });
}

Value nth_value(const Domain& domain, std::int64_t index) {
  CHECK(index >= 0 && cardinality(domain) && index < *cardinality(domain));
  const auto at = static_cast<std::size_t>(index);
  return match(
      domain,
      [&](const Real& real) {
        if (real.quantum == 0) return Value(real.low);
        const double level =
            multiple(Levels(real).first + static_cast<double>(index), real.quantum);
        return Value(std::clamp(level, real.low, real.high));
      },
      [&](const Integer& integer) { return Value(at_index(integer, at)); },
      [](const Normal&) { return Value(); },
      [&](const Choice& choice) { return choice.options[at]; },
      [&](const Grid& grid) { return grid.values[at]; },
      [](const Constant& constant) { return constant.value; },
      [](const Computed&) { return Value(); }, [](const Function&) { return Value(); });
}

bool contains(const Domain& domain, const Value& value) {
  return accepted(domain, value).has_value();
}

std::optional<std::int64_t> cardinality(const Domain& domain) {
  using R = std::optional<std::int64_t>;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return match(
      domain,
      [](const Real& real) -> R {
        if (real.quantum == 0) return real.low == real.high ? R(1) : R();
        const Levels levels(real);
        const double count = levels.last - levels.first + 1;
        return count < 0x1p63 ? static_cast<std::int64_t>(count) : kMost;
      },
      [](const Integer& integer) -> R {
        const std::uint64_t last = last_index(integer);
        return last < static_cast<std::uint64_t>(kMost) ? static_cast<std::int64_t>(last) + 1
                                                        : kMost;
      },
      [](const Normal&) -> R { return {}; },
      [](const Choice& choice) -> R { return static_cast<std::int64_t>(choice.options.size()); },
      [](const Grid& grid) -> R { return static_cast<std::int64_t>(grid.values.size()); },
      [](const Constant&) -> R { return 1; }, [](const Computed&) -> R { return 1; },
      [](const Function&) -> R { return 1; });
}

}  // namespace clavier
