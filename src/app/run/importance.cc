#include "app/run/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "search/observations.h"
#include "study/domain.h"

namespace clavier::app {
namespace {

/// A grid's values are choices like others here, numbers in their order.
Space with_choices(Space space) {
  for (Parameter& parameter : space.parameters) {
    const auto* grid = std::get_if<Grid>(&parameter.domain);
    if (!grid) continue;
    Choice choice{grid->values};
    const auto& options = choice.options;
    choice.ordered = std::ranges::all_of(
        options, [](const Value& value) { return !value.as<bool>() && value.number(); });
    if (choice.ordered)
      std::ranges::sort(choice.options, {}, [](const Value& value) { return *value.number(); });
    parameter.domain = std::move(choice);
  }
  space.known.clear();
  return space;
}

}  // namespace

Result<StudyImportance> importance(const State& state, const Space& space, ImportanceMethod method,
                                   const model::ImportanceOptions& options) {
  if (state.objective().several())
    return unavailable("importance is of one metric, and the study has several");
  search::Observations observations(with_choices(space));
  observations.follow(state);
  const auto& axes = observations.encoding().axes();
  if (axes.empty()) return unavailable("no parameter was searched");
  model::Evaluations all{axes};
  double worst = -std::numeric_limits<double>::infinity(), best = -worst;
  for (const search::Observation& each : observations.ranking()) {
    const auto point = observations.point(each.trial);
    all.points.emplace_back(point.begin(), point.end());
    const bool failed = each.standing == search::Standing::kFailed;
    if (!failed) worst = std::max(worst, each.value), best = std::min(best, each.value);
    const auto rank = static_cast<double>(all.values.size());
    all.values.push_back(method == ImportanceMethod::kPedAnova ? rank
                         : failed                              ? worst
                                                               : each.value);
  }
  const auto needed =
      static_cast<std::size_t>(std::ceil(static_cast<double>(kLeastTrials) / options.quantile));
  if (all.values.size() < needed || !std::isfinite(worst))
    return unavailable(fmt::format(
        "{} trials with a value are needed{}, and there are {}", needed,
        options.quantile < 1 ? fmt::format(" to tell about the best {:g} of them", options.quantile)
                             : std::string(),
        std::isfinite(worst) ? all.values.size() : 0));
  if (best == worst)
    return unavailable("all values are the same, so no parameter can be told to matter");
  const auto found = method == ImportanceMethod::kPedAnova ? model::ped_anova(all, options)
                                                           : model::fanova(all, options);
  StudyImportance result{.trials = all.values.size(), .shares = {}, .together = found.together};
  for (std::size_t i = 0; i < space.parameters.size(); ++i)
    if (const std::size_t axis = observations.encoding().axis_of(i);
        axis != search::Encoding::kNoAxis)
      result.shares.push_back({space.parameters[i].name, found.axes[axis]});
  std::ranges::stable_sort(result.shares, std::greater(),
                           [](const ParameterShare& each) { return each.share.value; });
  return result;
}

}  // namespace clavier::app
