#include "search/encoding.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "study/domain.h"
#include "study/domain_values.h"

namespace clavier::search {
namespace {

/// Where each value's cell ends, from the middles that `unit_of` gives.
model::Axis axis_over(const Domain& domain) {
  model::Axis axis;
  const auto count = cardinality(domain);
  const auto* const choice = std::get_if<Choice>(&domain);
  if (choice && !choice->ordered)
    axis.kind = model::Axis::Kind::kChoice;
  else if (count && *count <= Encoding::kMostLevels)
    axis.kind = model::Axis::Kind::kLevels;
  else
    return axis;
  axis.edges.push_back(0);
  for (std::int64_t index = 0; index + 1 < *count; ++index) {
    const double middle = choice ? (static_cast<double>(index) + 0.5) / static_cast<double>(*count)
                                 : *unit_of(domain, nth_value(domain, index));
    axis.edges.push_back(2 * middle - axis.edges.back());
  }
  axis.edges.push_back(1);
  return axis;
}

}  // namespace

Encoding::Encoding(const Space& space) {
  for (const Parameter& parameter : space.parameters) {
    const bool varied = value_at(parameter.domain, 0.5) && cardinality(parameter.domain) != 1;
    axis_of_.push_back(varied ? axes_.size() : kNoAxis);
    if (!varied) continue;
    for (const clavier::Condition& when : parameter.when) {
      const auto named = std::ranges::find(parameters_, when.parent, &Parameter::name);
      if (named == parameters_.end()) continue;
      const auto parent = static_cast<std::size_t>(named - parameters_.begin());
      if (axes_[parent].kind == model::Axis::Kind::kReal) continue;
      Condition condition{axes_.size(), parent, {}};
      for (std::size_t cell = 0; cell < axes_[parent].cells(); ++cell)
        condition.holds.push_back(std::ranges::any_of(when.values, [&](const Value& value) {
          return same_value(value, nth_value(named->domain, static_cast<std::int64_t>(cell)));
        }));
      conditions_.push_back(std::move(condition));
    }
    axes_.push_back(axis_over(parameter.domain));
    parameters_.push_back(parameter);
  }
}

std::vector<double> Encoding::encode(const Config& config) const {
  std::vector<double> point;
  const auto& entries = config.entries();
  std::size_t next = 0;  // they mostly stand in the space's order
  for (const Parameter& parameter : parameters_) {
    std::size_t at = next;
    while (at < entries.size() && entries[at].name != parameter.name) ++at;
    const Value* const value =
        at < entries.size() ? &entries[at].value : config.find(parameter.name);
    if (at < entries.size()) next = at + 1;
    point.push_back(value ? unit_of(parameter.domain, *value).value_or(kAbsent) : kAbsent);
  }
  return point;
}

void Encoding::drop_absent(std::span<double> point) const {
  for (const Condition& condition : conditions_) {
    const double parent = point[condition.parent];
    if (std::isnan(parent) || !condition.holds[axes_[condition.parent].cell(parent)])
      point[condition.axis] = kAbsent;
  }
}

}  // namespace clavier::search
