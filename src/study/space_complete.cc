#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/match.h"
#include "fmt/format.h"
#include "study/domain.h"
#include "study/domain_values.h"
#include "study/expression.h"
#include "study/text.h"

namespace clavier {
namespace {

bool computes(const Domain& domain) {
  return std::holds_alternative<Computed>(domain) || std::holds_alternative<Function>(domain);
}

Result<Value> computed(const Parameter& parameter, const Config& config) {
  if (const auto* function = std::get_if<Function>(&parameter.domain))
    return function->compute(config);
  const auto name_it = [&](const Error& error) {
    return invalid(fmt::format("parameter '{}': {}", parameter.name, error.message));
  };
  const auto expression = Expression::parse(std::get<Computed>(parameter.domain).expression);
  if (!expression.ok()) return name_it(expression.error());
  auto value = expression->evaluate(config);
  if (!value.ok()) return name_it(value.error());
  return value;
}

Result<Value> value_of(const Parameter& parameter, const Value* fixed, const Config& before,
                       const std::function<Value()>& draw) {
  if (computes(parameter.domain)) {
    Value value = TRY(computed(parameter, before));
    if (fixed && !same_value(*fixed, value))
      return invalid(fmt::format("parameter '{}' is computed to be {}, not {}", parameter.name,
                                 text::plain(value), text::plain(*fixed)));
    return value;
  }
  if (fixed) {
    auto value = accepted(parameter.domain, *fixed);
    if (value) return *std::move(value);
    return invalid(fmt::format("parameter '{}' may not be {}: it is {}", parameter.name,
                               text::plain(*fixed), describe(parameter.domain)));
  }
  if (const auto* constant = std::get_if<Constant>(&parameter.domain)) return constant->value;
  return draw();
}

/// Counts configurations by going through the parameters in order. Values of a parent that
/// decide the same conditions are counted together, and what lies behind equal decisions is
/// counted once.
class Counter {
 public:
  explicit Counter(const Space& space) : space_(space), counted_(space.parameters.size()) {
    for (std::size_t index = 0; index < space.parameters.size(); ++index)
      for (const Condition& condition : space.parameters[index].when) {
        Parent& parent = parents_[condition.parent];
        parent.last_child = index;
        for (const Value& value : condition.values)
          if (std::ranges::none_of(parent.decisive,
                                   [&](const Value& v) { return same_value(v, value); }))
            parent.decisive.push_back(value);
      }
  }

  /// `before`: the values of the parents before `index` that decide something from there on.
  std::int64_t count(std::size_t index, const Config& before) {
    if (index == space_.parameters.size()) return 1;
    for (const auto& [decisions, count] : counted_[index])
      if (decisions == before) return count;
    const std::int64_t result = count_anew(index, before);
    if (++visits_ <= kMostVisits) counted_[index].emplace_back(before, result);
    return result;
  }

 private:
  struct Parent {
    std::vector<Value> decisive = {};  ///< Named by conditions on it.
    std::size_t last_child = 0;
  };
  /// Beyond it every parameter counts as active: the result is then an upper bound.
  static constexpr int kMostVisits = 2000;
  static constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

  std::int64_t count_anew(std::size_t index, const Config& before) {
    const Parameter& parameter = space_.parameters[index];
    if (!may_be_active(parameter, before)) return count(index + 1, after(index, before));
    const std::int64_t values = *cardinality(parameter.domain);
    const auto parent = parents_.find(parameter.name);
    if (parent == parents_.end() || computes(parameter.domain) || visits_ > kMostVisits)
      return times(values, count(index + 1, after(index, before)));

    std::int64_t total = 0, others = values;
    for (const Value& value : parent->second.decisive) {
      if (!contains(parameter.domain, value)) continue;
      total = plus(total, count(index + 1, after(index, before, &value)));
      --others;
    }
    if (others == 0) return total;
    const Value named_by_no_condition;
    return plus(total,
                times(others, count(index + 1, after(index, before, &named_by_no_condition))));
  }

  /// `before` and the value of the parameter at `index`, without what no later one asks for.
  Config after(std::size_t index, const Config& before, const Value* value = nullptr) const {
    Config out;
    for (const Config::Entry& entry : before.entries())
      if (parents_.find(entry.name)->second.last_child > index) out.set(entry.name, entry.value);
    if (value) out.set(space_.parameters[index].name, *value);
    return out;
  }

  /// Conditions on computed parents, whose values are not known here, count as met.
  bool may_be_active(const Parameter& parameter, const Config& before) const {
    return std::ranges::all_of(parameter.when, [&](const Condition& condition) {
      const Value* const parent = before.find(condition.parent);
      if (!parent) return visits_ > kMostVisits || is_computed(condition.parent);
      return std::ranges::any_of(condition.values,
                                 [&](const Value& value) { return same_value(value, *parent); });
    });
  }
  bool is_computed(std::string_view name) const {
    const auto at = std::ranges::find(space_.parameters, name, &Parameter::name);
    return at != space_.parameters.end() && computes(at->domain);
  }
  static std::int64_t times(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? kMost : product;
  }
  static std::int64_t plus(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? kMost : sum;
  }

  const Space& space_;
  std::map<std::string, Parent, std::less<>> parents_;
  std::vector<std::vector<std::pair<Config, std::int64_t>>> counted_;  ///< By index.
  int visits_ = 0;
};

}  // namespace

std::optional<std::int64_t> cardinality(const Space& space) {
  for (const Parameter& parameter : space.parameters)
    if (!cardinality(parameter.domain)) return {};
  return Counter(space).count(0, {});
}

bool is_active(const Parameter& parameter, const Config& config) {
  return std::ranges::all_of(parameter.when, [&](const Condition& condition) {
    const Value* const parent = config.find(condition.parent);
    return parent && std::ranges::any_of(condition.values, [&](const Value& value) {
             return same_value(value, *parent);
           });
  });
}

Result<Config> complete(const Space& space, const Config& fixed,
                        const std::function<Value(std::size_t parameter)>& draw) {
  for (const Config::Entry& entry : fixed.entries())
    if (std::ranges::find(space.parameters, entry.name, &Parameter::name) == space.parameters.end())
      return invalid(fmt::format("the space has no parameter '{}'", entry.name));
  Config config;
  for (std::size_t index = 0; index < space.parameters.size(); ++index) {
    const Parameter& parameter = space.parameters[index];
    if (!is_active(parameter, config)) continue;
    Value value =
        TRY(value_of(parameter, fixed.find(parameter.name), config, [&] { return draw(index); }));
    config.set(parameter.name, std::move(value));
  }
  return config;
}

bool satisfies(const Space& space, const Config& config) {
  return std::ranges::all_of(space.constraints, [&](const std::string& constraint) {
    const auto expression = Expression::parse(constraint);
    if (!expression.ok()) return true;
    const auto value = expression->evaluate(config);
    if (!value.ok()) return true;
    const auto number = value->number();
    return !number || *number != 0;
  });
}

}  // namespace clavier
