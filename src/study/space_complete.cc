#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/match.h"
#include "base/nearest.h"
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

bool holds(const Condition& condition, const Value& parent) {
  return std::ranges::any_of(condition.values,
                             [&](const Value& value) { return same_value(value, parent); });
}

/// What cannot be evaluated holds.
bool fulfils(const Expression& constraint, const Config& config) {
  const auto value = constraint.evaluate(config);
  if (!value.ok()) return true;
  const auto number = value->number();
  return !number || *number != 0;
}

const Parameter* find_parameter(const Space& space, std::string_view name) {
  const auto at = std::ranges::find(space.parameters, name, &Parameter::name);
  return at == space.parameters.end() ? nullptr : &*at;
}

Error no_parameter(const Space& space, std::string_view name) {
  std::vector<std::string> names;
  for (const Parameter& parameter : space.parameters) names.push_back(parameter.name);
  return invalid(fmt::format("the space has no parameter '{}'{}", name, suggestion(name, names)));
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

/// What a part of a configuration settles, and why what is absent is.
struct Settled {
  Config config = {};
  std::map<std::string, std::string, std::less<>> absent = {};  ///< "optimizer is adam".
};

Settled settle(const Space& space, const Config& fixed) {
  Settled known;
  for (const Parameter& parameter : space.parameters) {
    for (const Condition& condition : parameter.when) {
      const Value* const parent = known.config.find(condition.parent);
      const auto gone = known.absent.find(condition.parent);
      if (parent && !holds(condition, *parent))
        known.absent.emplace(parameter.name,
                             fmt::format("{} is {}", condition.parent, text::plain(*parent)));
      else if (gone != known.absent.end())
        known.absent.emplace(parameter.name, gone->second);
    }
    if (known.absent.contains(parameter.name)) continue;
    const Value* const set = fixed.find(parameter.name);
    if (const auto* constant = std::get_if<Constant>(&parameter.domain)) {
      known.config.set(parameter.name, constant->value);
    } else if (std::holds_alternative<Computed>(parameter.domain)) {
      if (auto value = computed(parameter, known.config); value.ok())
        known.config.set(parameter.name, *std::move(value));
    } else if (set && !computes(parameter.domain)) {
      known.config.set(parameter.name, accepted(parameter.domain, *set).value_or(*set));
    }
  }
  return known;
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
    // What neither has conditions nor is one only multiplies.
    std::int64_t factor = 1;
    while (index < space_.parameters.size() && space_.parameters[index].when.empty() &&
           !parents_.contains(space_.parameters[index].name))
      factor = times(factor, *cardinality(space_.parameters[index++].domain));
    if (factor > 1) return times(factor, count(index, before));
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
      return holds(condition, *parent);
    });
  }
  bool is_computed(std::string_view name) const {
    const Parameter* const parameter = find_parameter(space_, name);
    return parameter && computes(parameter->domain);
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
  constexpr std::size_t kMostConditional = 1000;  // so deep goes the recursion, at most twice
  std::size_t conditional = 0;
  std::int64_t all = 1;
  for (const Parameter& parameter : space.parameters) {
    const auto values = cardinality(parameter.domain);
    if (!values) return {};
    if (__builtin_mul_overflow(all, *values, &all)) all = std::numeric_limits<std::int64_t>::max();
    if (!parameter.when.empty()) ++conditional;
  }
  return conditional == 0 || conditional > kMostConditional ? all : Counter(space).count(0, {});
}

bool fulfils(const std::string& constraint, const Config& config) {
  const auto expression = Expression::parse(constraint);
  return !expression.ok() || fulfils(*expression, config);
}

Constraints::Constraints(const Space& space) {
  for (const std::string& constraint : space.constraints) {
    auto expression = Expression::parse(constraint);
    CHECK(expression.ok());
    all_.push_back(*std::move(expression));
  }
}

std::size_t Constraints::first_violated(const Config& config) const {
  const auto violated =
      std::ranges::find_if_not(all_, [&](const Expression& each) { return fulfils(each, config); });
  return static_cast<std::size_t>(violated - all_.begin());
}

bool is_active(const Parameter& parameter, const Config& config) {
  return std::ranges::all_of(parameter.when, [&](const Condition& condition) {
    const Value* const parent = config.find(condition.parent);
    return parent && holds(condition, *parent);
  });
}

Result<Config> complete(const Space& space, const Config& fixed,
                        const std::function<Value(std::size_t parameter)>& draw) {
  // What is fixed mostly stands in the space's order: looked for from where the last one was found.
  const auto& entries = fixed.entries();
  std::size_t next = 0;
  for (const Config::Entry& entry : entries) {
    while (next < space.parameters.size() && space.parameters[next].name != entry.name) ++next;
    if (next == space.parameters.size()) next = 0;
    if (space.parameters.empty() ||
        (space.parameters[next].name != entry.name && !find_parameter(space, entry.name)))
      return no_parameter(space, entry.name);
  }
  Config config;
  next = 0;
  for (std::size_t index = 0; index < space.parameters.size(); ++index) {
    const Parameter& parameter = space.parameters[index];
    const bool here = next < entries.size() && entries[next].name == parameter.name;
    const Value* const set = here ? &entries[next++].value : fixed.find(parameter.name);
    if (!is_active(parameter, config)) continue;
    Value value = TRY(value_of(parameter, set, config, [&] { return draw(index); }));
    config.append(parameter.name, std::move(value));
  }
  return config;
}

Config implied(const Space& space, Config partial) {
  // From the last one on: parents come before their children.
  for (std::size_t index = space.parameters.size(); index-- > 0;) {
    const Parameter& parameter = space.parameters[index];
    if (!partial.find(parameter.name)) continue;
    for (const Condition& condition : parameter.when)
      if (condition.values.size() == 1 && !partial.find(condition.parent))
        partial.set(condition.parent, condition.values.front());
  }
  return partial;
}

Config settled(const Space& space, const Config& fixed) { return settle(space, fixed).config; }

Status check_part(const Space& space, const Config& partial) {
  const Config fixed = implied(space, partial);
  const Settled known = settle(space, fixed);
  for (const Config::Entry& entry : fixed.entries()) {
    const Parameter* const parameter = find_parameter(space, entry.name);
    if (!parameter) return no_parameter(space, entry.name);
    const bool may_be_computed = known.config.find(entry.name) != nullptr;
    if (!computes(parameter->domain) || may_be_computed)
      TRY(value_of(*parameter, &entry.value, known.config, {}));
    if (const auto why = known.absent.find(entry.name); why != known.absent.end())
      return invalid(fmt::format("'{}' does not exist where {}", entry.name, why->second));
  }
  for (const std::string& constraint : space.constraints)
    if (!fulfils(constraint, known.config))
      return invalid(fmt::format("it violates the constraint \"{}\"", constraint));
  return {};
}

bool satisfies(const Space& space, const Config& config) {
  return std::ranges::all_of(space.constraints, [&](const std::string& constraint) {
    return fulfils(constraint, config);
  });
}

}  // namespace clavier
