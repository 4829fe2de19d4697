#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/match.h"
#include "base/nearest.h"
#include "base/rng.h"
#include "fmt/format.h"
#include "study/domain.h"
#include "study/domain_values.h"
#include "study/expression.h"
#include "study/text.h"

namespace clavier {
namespace {

using Problem = std::optional<std::string>;

Problem check(const Real& real) {
  if (!std::isfinite(real.low) || !std::isfinite(real.high) || !std::isfinite(real.high - real.low))
    return "its bounds must be finite numbers";
  if (real.low > real.high)
    return fmt::format("its range is empty: low {} is above high {}", real.low, real.high);
  if (real.scale == Scale::kLog && real.low <= 0)
    return fmt::format("a logarithmic range must begin above 0, not at {}", real.low);
  if (real.scale == Scale::kReverseLog && (real.low < 0 || real.high >= 1))
    return fmt::format("a reverse logarithmic range must lie in [0, 1), not [{}, {}]", real.low,
                       real.high);
  if (!std::isfinite(real.quantum) || real.quantum < 0)
    return fmt::format("its quantum must be above 0, not {}", real.quantum);
  if (real.quantum > 0 && (real.high - real.low) / real.quantum > 0x1p53)
    return fmt::format("its quantum {} is too fine for its range", real.quantum);
  if (real.quantum > 0 && *cardinality(real) < 1)
    return fmt::format("no multiple of {} lies in [{}, {}]", real.quantum, real.low, real.high);
  return {};
}

Problem check(const Integer& integer) {
  if (integer.low > integer.high)
    return fmt::format("its range is empty: low {} is above high {}", integer.low, integer.high);
  if (integer.step < 1) return fmt::format("its step must be at least 1, not {}", integer.step);
  if (integer.scale == Scale::kLog && integer.low < 1)
    return fmt::format("a logarithmic range of whole numbers must begin at 1 or above, not at {}",
                       integer.low);
  if (integer.scale == Scale::kReverseLog)
    return "a reverse logarithmic range is for real numbers in [0, 1) only";
  return {};
}

Problem check(const Normal& normal) {
  if (!std::isfinite(normal.mean)) return "its mean must be a finite number";
  if (!std::isfinite(normal.deviation) || normal.deviation <= 0)
    return fmt::format("its deviation must be above 0, not {}", normal.deviation);
  if (!std::isfinite(normal.quantum) || normal.quantum < 0)
    return fmt::format("its quantum must be above 0, not {}", normal.quantum);
  if (normal.scale == Scale::kReverseLog) return "there is no reverse logarithmic normal";
  // Draws stay within nine deviations; exp(700) is nearly the largest real number.
  if (normal.scale == Scale::kLog && std::abs(normal.mean) + 9 * normal.deviation > 700)
    return "its values are too large; mean and deviation are those of the logarithm";
  return {};
}

/// The same text for the same values: `1` and `1.0` are one number.
std::string canonical(const Value& value) {
  if (const auto* list = value.as<Value::List>()) {
    std::string out = "[";
    for (const Value& each : *list) out += canonical(each) + ",";
    return out + "]";
  }
  const auto number = value.as<bool>() ? std::nullopt : value.number();
  return number ? fmt::format("{}", *number + 0.0) : text::to_json(value);
}

Problem check_list(const std::vector<Value>& values) {
  if (values.empty()) return "it has nothing to choose from";
  std::set<std::string> seen;
  for (const Value& value : values)
    if (!seen.insert(canonical(value)).second)
      return fmt::format("{} is there twice", text::plain(value));
  return {};
}

Problem check_name(std::string_view name) {
  if (name.empty()) return "a parameter without a name";
  if (name.front() == '.' || name.back() == '.' || name.find("..") != name.npos)
    return "a part of its dotted name is empty";
  const auto strange = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '{' || c == '}' || c == '=';
  };
  if (std::ranges::any_of(name, strange)) return "a name has no spaces, braces or '='";
  return {};
}

Problem check(const Domain& domain) {
  return match(
      domain, [](const Real& real) { return check(real); },
      [](const Integer& integer) { return check(integer); },
      [](const Normal& normal) { return check(normal); },
      [](const Choice& choice) { return check_list(choice.options); },
      [](const Grid& grid) { return check_list(grid.values); },
      [](const Constant&) -> Problem { return {}; },
      [](const Computed& computed) -> Problem {
        const auto expression = Expression::parse(computed.expression);
        if (expression.ok()) return {};
        return expression.error().message;
      },
      [](const Function& function) -> Problem {
        if (function.compute) return {};
        return "it has no function to compute it";
      });
}

class Checker {
 public:
  Checker(const Space& space, Checks checks) : space_(space), checks_(checks) {
    for (const Parameter& each : space.parameters) domain_problems_.push_back(check(each.domain));
    for (std::size_t index = 0; index < space.parameters.size(); ++index)
      index_.emplace(space.parameters[index].name, index);
  }

  std::vector<SpaceProblem> run() {
    for (std::size_t index = 0; index < space_.parameters.size(); ++index) parameter(index);
    for (std::size_t index = 0; index < space_.constraints.size(); ++index)
      names_of_constraint(index);
    if (problems_.empty()) points();
    if (problems_.empty()) samples();
    return std::move(problems_);
  }

 private:
  using Part = SpaceProblem::Part;

  void complain(const Parameter& parameter, std::string_view what) {
    problems_.push_back({Part::kParameter,
                         static_cast<std::size_t>(&parameter - space_.parameters.data()),
                         fmt::format("parameter '{}': {}", parameter.name, what)});
  }

  std::size_t index_of(std::string_view name) const {
    const auto at = index_.find(name);
    return at == index_.end() ? space_.parameters.size() : at->second;
  }

  void parameter(std::size_t index) {
    const Parameter& parameter = space_.parameters[index];
    if (const Problem problem = check_name(parameter.name)) complain(parameter, *problem);
    clashes(index);
    if (domain_problems_[index]) complain(parameter, *domain_problems_[index]);
    if (const auto* computed = std::get_if<Computed>(&parameter.domain))
      if (const auto expression = Expression::parse(computed->expression); expression.ok())
        for (const std::string& name : expression->names()) needs(index, name);
    for (const Condition& condition : parameter.when) {
      needs(index, condition.parent);
      values_of(parameter, condition);
    }
    if (parameter.prior && !domain_problems_[index]) prior(parameter);
  }

  void prior(const Parameter& parameter) {
    const auto& [value, strength] = *parameter.prior;
    if (!value_at(parameter.domain, 0.5))
      complain(parameter, "a prior is for what is drawn, and this is not");
    else if (!accepted(parameter.domain, value))
      complain(parameter, fmt::format("its prior {} is not in {}", text::plain(value),
                                      describe(parameter.domain)));
    if (!std::isfinite(strength) || strength <= 0)
      complain(parameter, fmt::format("its prior's strength must be above 0, not {}", strength));
  }

  /// With the parameters before it.
  void clashes(std::size_t index) {
    const Parameter& parameter = space_.parameters[index];
    const std::string& name = parameter.name;
    const auto beside = [&](std::string_view other) {
      complain(parameter, fmt::format("it cannot be beside '{}': one of them would be a value and "
                                      "a table of values at once",
                                      other));
    };
    if (index_of(name) < index) complain(parameter, "there are two of this name");
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      if (const std::string table = name.substr(0, dot); index_of(table) < index) beside(table);
    const std::string inside = name + '.';
    for (auto at = index_.lower_bound(inside); at != index_.end(); ++at) {
      if (!at->first.starts_with(inside)) break;
      if (at->second < index) return beside(at->first);
    }
  }

  /// Everything that the parameter at `index` is computed from or conditional on.
  std::vector<std::size_t> sources(std::size_t index) const {
    std::vector<std::size_t> out;
    const Parameter& parameter = space_.parameters[index];
    for (const Condition& condition : parameter.when) out.push_back(index_of(condition.parent));
    if (const auto* computed = std::get_if<Computed>(&parameter.domain))
      if (const auto expression = Expression::parse(computed->expression); expression.ok())
        for (const std::string& name : expression->names()) out.push_back(index_of(name));
    std::erase(out, space_.parameters.size());
    return out;
  }

  bool depends_on(std::size_t index, std::size_t target) const {
    std::set<std::size_t> seen;
    std::vector<std::size_t> open = {index};
    while (!open.empty()) {
      const std::size_t next = open.back();
      open.pop_back();
      if (next == target) return true;
      if (!seen.insert(next).second) continue;
      for (const std::size_t source : sources(next)) open.push_back(source);
    }
    return false;
  }

  void needs(std::size_t index, std::string_view name) {
    const Parameter& parameter = space_.parameters[index];
    const std::size_t source = index_of(name);
    if (source == space_.parameters.size())
      complain(parameter,
               fmt::format("there is no parameter '{}' to depend on{}", name, hint(name)));
    else if (source == index || (source > index && depends_on(source, index)))
      complain(parameter, fmt::format("it depends on itself through '{}'", name));
    else if (source > index)
      complain(parameter, fmt::format("it depends on '{}', which must come before it", name));
  }

  /// What may be meant by a name that no parameter has. In an expression a-b is a minus b, even if
  /// a parameter is called so.
  std::string hint(std::string_view name) const {
    std::vector<std::string> names;
    for (const Parameter& parameter : space_.parameters) names.push_back(parameter.name);
    if (const std::string near = nearest(name, names); !near.empty() && near.find('-') == near.npos)
      return fmt::format("; did you mean '{}'?", near);
    const std::string beginning = fmt::format("{}-", name);
    for (const Parameter& parameter : space_.parameters)
      if (parameter.name.starts_with(beginning))
        return fmt::format(
            "; '{}' cannot stand in an expression, where - is a minus: use _ in its "
            "name",
            parameter.name);
    return {};
  }

  void values_of(const Parameter& parameter, const Condition& condition) {
    if (condition.values.empty())
      complain(parameter, fmt::format("its condition on '{}' names no value", condition.parent));
    const std::size_t parent = index_of(condition.parent);
    if (parent == space_.parameters.size() || domain_problems_[parent]) return;
    const Domain& domain = space_.parameters[parent].domain;
    const auto happens = [&](const Value& value) {
      const auto inside = accepted(domain, value);
      return inside && (checks_ == Checks::kWorkable || same_value(*inside, value));
    };
    for (const Value& value : condition.values)
      if (!happens(value))
        complain(parameter,
                 fmt::format("it waits for '{}' to be {}, which never happens: that is {}",
                             condition.parent, text::plain(value), describe(domain)));
  }

  void names_of_constraint(std::size_t index) {
    const std::string& constraint = space_.constraints[index];
    const auto complain = [&](std::string message) {
      problems_.push_back({Part::kConstraint, index, std::move(message)});
    };
    const auto expression = Expression::parse(constraint);
    if (!expression.ok())
      return complain(fmt::format("constraint: {}", expression.error().message));
    if (checks_ == Checks::kAll && expression->names().empty())
      complain(
          fmt::format("constraint \"{}\" names no parameter: it is the same for all", constraint));
    for (const std::string& name : expression->names())
      if (index_of(name) == space_.parameters.size())
        complain(fmt::format("constraint \"{}\": there is no parameter '{}'{}", constraint, name,
                             hint(name)));
  }

  /// Draws that are spread over the space and equal on every machine.
  Value sample(std::size_t number, std::size_t index) const {
    const std::uint64_t word = mix(number, index);
    const Domain& domain = space_.parameters[index].domain;
    if (const auto* grid = std::get_if<Grid>(&domain))
      return grid->values[word % grid->values.size()];
    const auto value = value_at(domain, static_cast<double>(word >> 11) * 0x1p-53);
    CHECK(value.has_value(), "complete() draws for free parameters only");
    return *value;
  }

  void points() {
    for (std::size_t number = 0; number < space_.points.size(); ++number) {
      const Config& point = space_.points[number];
      Status status = checks_ == Checks::kAll ? check_part(space_, point) : ok_status();
      const auto draw = [&](std::size_t index) { return sample(number, index); };
      if (const auto whole = complete(space_, point, draw); status && !whole)
        status = whole.error();
      if (!status)
        problems_.push_back({Part::kPoint, number,
                             fmt::format("point {}: {}", number + 1, status.error().message)});
    }
  }

  /// What no rule above can know: a computed parameter that fails for some values (it names an
  /// inactive parameter, divides by zero), a constraint that never has a truth value.
  void samples() {
    std::vector<int> judged(space_.constraints.size(), 0);
    std::vector<std::string> failures(space_.constraints.size());
    const std::size_t count = std::clamp<std::size_t>(
        kSampledValues / std::max<std::size_t>(space_.parameters.size(), 1), 5, kSamples);
    bool drew = true;  // without a draw all are alike
    for (std::size_t number = 0; number < count && drew; ++number) {
      drew = false;
      const auto config = complete(space_, {}, [&](std::size_t index) {
        drew = true;
        return sample(number, index);
      });
      if (!config.ok()) {
        problems_.push_back({Part::kParameter, failing(number), config.error().message});
        return;
      }
      for (std::size_t i = 0; i < judged.size(); ++i) {
        const auto value = Expression::parse(space_.constraints[i])->evaluate(*config);
        if (value.ok() && value->number())
          ++judged[i];
        else if (value.ok())
          failures[i] = "it is neither true nor false";
        else if (value.error().code != ErrorCode::kNotFound)
          failures[i] = value.error().message;
      }
    }
    for (std::size_t i = 0; i < judged.size(); ++i)
      if (judged[i] == 0 && !failures[i].empty())
        problems_.push_back(
            {Part::kConstraint, i,
             fmt::format("constraint \"{}\": {}", space_.constraints[i], failures[i])});
  }

  /// The parameter that cannot be computed in this sample.
  std::size_t failing(std::size_t number) const {
    std::size_t good = 0, bad = space_.parameters.size();  // of so many parameters
    while (bad - good > 1) {
      const std::size_t half = (good + bad) / 2;
      const Space part{{space_.parameters.begin(),
                        space_.parameters.begin() + static_cast<std::ptrdiff_t>(half)}};
      const auto config =
          complete(part, {}, [&](std::size_t index) { return sample(number, index); });
      (config.ok() ? good : bad) = half;
    }
    return bad - 1;
  }

  static constexpr std::size_t kSamples = 200;
  static constexpr std::size_t kSampledValues = 200'000;  ///< Of all samples together, about.

  const Space& space_;
  Checks checks_;
  std::vector<Problem> domain_problems_;
  std::map<std::string_view, std::size_t> index_;  ///< By name, the first one's.
  std::vector<SpaceProblem> problems_;
};

}  // namespace

std::vector<SpaceProblem> problems_of(const Space& space, Checks checks) {
  return Checker(space, checks).run();
}

Status validate(const Space& space, Checks checks) {
  std::string all;
  for (const SpaceProblem& problem : problems_of(space, checks))
    all += (all.empty() ? "" : "\n") + problem.message;
  return all.empty() ? ok_status() : Status(invalid(std::move(all)));
}

}  // namespace clavier
