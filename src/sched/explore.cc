#include "sched/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "base/match.h"
#include "study/domain.h"
#include "study/domain_values.h"
#include "study/text.h"

namespace clavier::sched {
namespace {

constexpr int kTries = 20;

bool may_change(const Domain& domain) {
  return match(
      domain, [](const Real&) { return true; }, [](const Integer&) { return true; },
      [](const Normal&) { return true; }, [](const Choice&) { return true; },
      [](const Grid&) { return false; }, [](const Constant&) { return false; },
      [](const Computed&) { return false; }, [](const Function&) { return false; });
}

/// One parameter's new value, and how it came about.
struct Change {
  Value value;
  std::string how;
};

Change drawn(const Domain& domain, Rng& rng) {
  const auto value = value_at(domain, rng.uniform());
  CHECK(value, "a domain that cannot be drawn from");
  return {*value, "drawn anew"};
}

std::optional<std::size_t> position(const Choice& choice, const Value& value) {
  const auto at = std::ranges::find_if(
      choice.options, [&](const Value& option) { return same_value(option, value); });
  if (at == choice.options.end()) return {};
  return static_cast<std::size_t>(at - choice.options.begin());
}

/// The level of `moved` among the multiples of `quantum`; another one than that of `x`.
double level_of(double moved, double x, double quantum) {
  const double here = std::round(x / quantum), there = std::round(moved / quantum);
  if (there != here) return there;
  return moved > x ? here + 1 : here - 1;
}

/// Nothing: the factor moves nothing.
std::optional<Value> scaled(const Real& real, double x, double factor) {
  const double moved = real.scale == Scale::kReverseLog ? 1 - (1 - x) * factor : x * factor;
  if (moved == x) return {};
  if (real.quantum == 0) return Value(std::clamp(moved, real.low, real.high));
  const double first = std::round(*nth_value(real, 0).as<double>() / real.quantum);
  const auto last = static_cast<double>(*cardinality(Domain(real)) - 1);
  const double index = std::clamp(level_of(moved, x, real.quantum) - first, 0.0, last);
  return nth_value(real, static_cast<std::int64_t>(index));
}

std::optional<Value> scaled(const Integer& integer, std::int64_t x, double factor) {
  const auto from = static_cast<double>(x), low = static_cast<double>(integer.low);
  if (from * factor == from) return {};
  const auto last = static_cast<double>(*cardinality(Domain(integer)) - 1);
  const double level = level_of(from * factor - low, from - low, static_cast<double>(integer.step));
  return nth_value(integer, static_cast<std::int64_t>(std::clamp(level, 0.0, last)));
}

std::optional<Value> scaled(const Normal& normal, double x, double factor) {
  const double moved = x * factor;
  if (moved == x) return {};
  if (normal.quantum == 0) return Value(moved);
  const double level = level_of(moved, x, normal.quantum) * normal.quantum;
  if (normal.scale == Scale::kLog && level <= 0) return Value(x);
  return Value(level);
}

Change perturbed(const Domain& domain, const Value& value, const ExploreOptions& options,
                 Rng& rng) {
  if (const auto* choice = std::get_if<Choice>(&domain)) {
    const auto at = position(*choice, value);
    if (!at) return drawn(domain, rng);
    if (!choice->ordered || choice->options.size() == 1) return {value, ""};
    const bool up = *at == 0 || (*at + 1 < choice->options.size() && rng.below(2) == 1);
    return {choice->options[up ? *at + 1 : *at - 1], up ? "one up" : "one down"};
  }
  const double factor = options.factors[rng.below(options.factors.size())];
  if (factor == 1) return {value, ""};
  std::optional<Value> moved;
  if (const auto* real = std::get_if<Real>(&domain)) {
    if (const auto x = value.number()) moved = scaled(*real, *x, factor);
  } else if (const auto* integer = std::get_if<Integer>(&domain)) {
    if (const auto* x = value.as<std::int64_t>()) moved = scaled(*integer, *x, factor);
  } else if (const auto* normal = std::get_if<Normal>(&domain)) {
    if (const auto x = value.number()) moved = scaled(*normal, *x, factor);
  }
  if (!moved) return drawn(domain, rng);
  return {*moved, fmt::format("* {}", factor)};
}

std::string in_words(const Value& value) {
  const auto* real = value.as<double>();
  return real ? fmt::format("{:.4g}", *real) : text::plain(value);
}

void note(std::string& changes, const Parameter& parameter, const Value& from,
          const Change& change) {
  if (change.how.empty()) return;
  if (!changes.empty()) changes += ", ";
  changes += fmt::format("{} {} → {} ({})", parameter.name, in_words(from), in_words(change.value),
                         change.how);
}

/// What is computed is computed again; what was lacking and now is active is drawn.
std::optional<Config> completed(const Space& space, const Config& fixed, Rng& rng) {
  Config free;
  for (const Config::Entry& entry : fixed.entries()) {
    const auto parameter = std::ranges::find(space.parameters, entry.name, &Parameter::name);
    if (parameter == space.parameters.end() ||
        (!std::holds_alternative<Computed>(parameter->domain) &&
         !std::holds_alternative<Function>(parameter->domain)))
      free.set(entry.name, entry.value);
  }
  auto whole = complete(space, free, [&](std::size_t place) {
    const Domain& domain = space.parameters[place].domain;
    if (const auto* grid = std::get_if<Grid>(&domain)) return grid->values.front();
    return drawn(domain, rng).value;
  });
  return whole ? std::optional(*std::move(whole)) : std::nullopt;
}

/// One attempt; the constraints are not asked.
std::optional<Explored> attempt(const Space& space, const ExploreOptions& options,
                                const std::vector<std::size_t>& places, const Config& donor,
                                Rng& rng) {
  Explored explored;
  Config fixed = donor;
  for (const std::size_t place : places) {
    const Parameter& parameter = space.parameters[place];
    const Value* value = donor.find(parameter.name);
    if (!value) continue;
    const Change change = rng.uniform() < options.resample_probability
                              ? drawn(parameter.domain, rng)
                              : perturbed(parameter.domain, *value, options, rng);
    note(explored.changes, parameter, *value, change);
    fixed.set(parameter.name, change.value);
  }
  auto whole = completed(space, fixed, rng);
  if (!whole) return {};
  explored.config = *std::move(whole);
  if (options.custom) explored.config = options.custom(std::move(explored.config));
  return explored;
}

}  // namespace

std::vector<std::size_t> mutable_parameters(const Space& space, const ExploreOptions& options) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < space.parameters.size(); ++place) {
    const Parameter& parameter = space.parameters[place];
    const bool named =
        options.parameters.empty() ||
        std::ranges::find(options.parameters, parameter.name) != options.parameters.end();
    if (named && may_change(parameter.domain)) places.push_back(place);
  }
  return places;
}

Status check(const Space& space, const ExploreOptions& options) {
  for (const std::string& name : options.parameters) {
    const auto parameter = std::ranges::find(space.parameters, name, &Parameter::name);
    if (parameter == space.parameters.end())
      return invalid(fmt::format("the space has no parameter '{}' to be changed", name));
    if (!may_change(parameter->domain))
      return invalid(fmt::format("'{}' is {} and cannot be changed under way", name,
                                 describe(parameter->domain)));
  }
  if (mutable_parameters(space, options).empty() && !options.custom)
    return invalid(
        "population-based training has nothing to change: the space has no real number, whole "
        "number or choice");
  if (!(options.resample_probability >= 0 && options.resample_probability <= 1))
    return invalid(fmt::format("the resample probability is {}; it must be from 0 to 1",
                               options.resample_probability));
  const auto sound = [](double factor) { return std::isfinite(factor) && factor > 0; };
  if (options.factors.empty() || !std::ranges::all_of(options.factors, sound))
    return invalid("the perturbation factors must be positive numbers, at least one");
  return {};
}

Explored explore(const Space& space, const ExploreOptions& options, const Config& donor, Rng& rng) {
  const auto places = mutable_parameters(space, options);
  for (int i = 0; i < kTries; ++i) {
    auto explored = attempt(space, options, places, donor, rng);
    if (explored && satisfies(space, explored->config)) return *std::move(explored);
  }
  return {donor, "unchanged: no neighbour that was tried is allowed"};
}

std::optional<Config> settled(const Space& space, const Config& changed, Rng& rng) {
  auto whole = completed(space, changed, rng);
  if (whole && !satisfies(space, *whole)) whole.reset();
  return whole;
}

Explored explore_as_ray(const Space& space, const ExploreOptions& options, const Config& donor,
                        Rng& rng) {
  Explored explored{donor, ""};
  for (const std::size_t place : mutable_parameters(space, options)) {
    const Parameter& parameter = space.parameters[place];
    const Value* value = donor.find(parameter.name);
    if (!value) continue;
    const bool resampled = rng.uniform() < options.resample_probability;
    Change change{*value, ""};
    if (const auto* choice = std::get_if<Choice>(&parameter.domain)) {
      const auto at = position(*choice, *value);
      if (resampled || !at) {
        change = {choice->options[rng.below(choice->options.size())], "drawn anew"};
      } else if (choice->ordered) {
        const bool up = rng.below(2) == 1;
        const std::size_t last = choice->options.size() - 1;
        const std::size_t to = up ? std::min(*at + 1, last) : *at - (*at > 0 ? 1 : 0);
        change = {choice->options[to], up ? "one up" : "one down"};
      }
    } else if (resampled) {
      change = drawn(parameter.domain, rng);
    } else if (const auto x = value->number()) {
      const double factor = options.factors[rng.below(options.factors.size())];
      change = {Value(*x * factor), fmt::format("* {}", factor)};
    }
    if (value->as<std::int64_t>() && !std::holds_alternative<Choice>(parameter.domain))
      if (const auto x = change.value.number())
        change.value = Value(static_cast<std::int64_t>(std::nearbyint(*x)));
    note(explored.changes, parameter, *value, change);
    explored.config.set(parameter.name, change.value);
  }
  if (options.custom) explored.config = options.custom(std::move(explored.config));
  return explored;
}

}  // namespace clavier::sched
