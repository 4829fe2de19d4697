#include "app/registry/gang_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/registry/registry.h"
#include "base/match.h"
#include "base/nearest.h"
#include "study/text.h"

namespace clavier::app {
namespace {

/// The values that a parameter may take as far as they are known before it is drawn; of a range,
/// its ends.
std::vector<Value> known_values(const Domain& domain) {
  return match(
      domain,
      [](const Integer& range) {
        return std::vector<Value>{Value(range.low), Value(range.high)};
      },
      [](const Choice& choice) { return choice.options; },
      [](const Grid& grid) { return grid.values; },
      [](const Constant& constant) { return std::vector<Value>{constant.value}; },
      [](const Real& real) { return std::vector<Value>{Value(real.low)}; },
      [](const Normal& normal) { return std::vector<Value>{Value(normal.mean)}; },
      [](const Computed&) { return std::vector<Value>(); },
      [](const Function&) { return std::vector<Value>(); });
}

/// Of the largest trial, as far as that is known.
Result<std::int64_t> most_slots(const GangSize& gang, const Space& space) {
  if (!gang.differs()) return gang.number;
  const auto parameter = std::ranges::find(space.parameters, gang.parameter, &Parameter::name);
  if (parameter == space.parameters.end()) {
    std::vector<std::string> names;
    for (const Parameter& each : space.parameters) names.push_back(each.name);
    return not_found(fmt::format("trial.slots: \"{}\" is no parameter of [space]{}", gang.parameter,
                                 suggestion(gang.parameter, names)));
  }
  std::int64_t most = 1;
  for (const Value& value : known_values(parameter->domain)) {
    const auto* whole = value.as<std::int64_t>();
    if (!whole || *whole < 1)
      return invalid(fmt::format("trial.slots: parameter {} may be {}, which is no number of slots",
                                 gang.parameter, text::plain(value)));
    most = std::max(most, *whole);
  }
  return most;
}

std::size_t largest_declared(const ClusterSpec& cluster) {
  std::map<std::string, std::size_t> slots;
  std::size_t largest = 0;
  for (const SlotSpec& slot : cluster.slots)
    largest = std::max(largest, slots[slot.node] += static_cast<std::size_t>(slot.count));
  return largest;
}

Status check_fits(std::int64_t most, std::size_t largest) {
  if (static_cast<std::size_t>(most) <= largest) return {};
  return invalid(fmt::format(
      "trial.slots: a trial may take {} slots of one machine at once, and none has more than {}",
      most, largest));
}

}  // namespace

Status check_gang(const StudySpec& spec, const Space& space) {
  const GangSize& gang = spec.trial.gang;
  if (gang.one()) return {};
  const std::int64_t most = TRY(most_slots(gang, space));
  if (traits_of(Family::kPlanner, spec.planner).multiplexes)
    return invalid(
        fmt::format("trial.slots: {} gives every trial one slot; several at once go with first-fit",
                    spec.planner.algorithm));
  if (std::ranges::any_of(spec.cluster.slots, [](const SlotSpec& slot) { return slot.pack > 1; }))
    return invalid("trial.slots: slots whose GPUs are shared (pack) cannot be parts of a trial");
  if (spec.trainer && spec.trial.resources.gpus > 0)
    return invalid(
        "trial.slots: the built-in trainer uses one GPU; several are for programs of your own "
        "([worker])");
  return spec.cluster.discovers() ? ok_status() : check_fits(most, largest_declared(spec.cluster));
}

Status check_fusion(const StudySpec& spec, const Space& space) {
  const FusionSpec& fusion = spec.fusion;
  std::vector<std::string> names;
  for (const Parameter& each : space.parameters) names.push_back(each.name);
  for (const std::string& name : fusion.shared.value_or(std::vector<std::string>{}))
    if (std::ranges::find(names, name) == names.end())
      return not_found(fmt::format("fusion.shared: \"{}\" is no parameter of [space]{}", name,
                                   suggestion(name, names)));
  if (spec.simulate && !spec.simulate->arrays.empty() && spec.simulate->arrays.front() != 1)
    return invalid(
        fmt::format("simulate.arrays is relative to one trial: it begins with 1, not {:g}",
                    spec.simulate->arrays.front()));
  if (fusion.members == 1) return {};
  if (traits_of(Family::kPlanner, spec.planner).multiplexes)
    return invalid(
        fmt::format("fusion.members: {} moves single trials from slot to slot; arrays of several "
                    "go with first-fit",
                    spec.planner.algorithm));
  if (!spec.trial.gang.one())
    return invalid(
        "fusion.members: a trial takes several slots (trial.slots), or several trials "
        "one, not both");
  if (spec.worker && !fusion.shared)
    return invalid(
        "fusion.members: only you know which parameters must be equal in trials that "
        "your program trains as one: list them in fusion.shared ([]: none)");
  return {};
}

Status check_gang_fits(const StudySpec& spec, std::size_t largest) {
  if (spec.trial.gang.one()) return {};
  return check_fits(TRY(most_slots(spec.trial.gang, spec.space)), largest);
}

}  // namespace clavier::app
