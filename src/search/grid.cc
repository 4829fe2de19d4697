#include "search/grid.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "study/domain.h"
#include "study/domain_values.h"

namespace clavier::search {
namespace {

bool is_grid(const Parameter& parameter) { return std::holds_alternative<Grid>(parameter.domain); }

}  // namespace

Space crossed(Space space) {
  if (std::ranges::any_of(space.parameters, is_grid)) return space;
  for (Parameter& parameter : space.parameters) {
    const bool listable = std::holds_alternative<Choice>(parameter.domain) ||
                          std::holds_alternative<Integer>(parameter.domain) ||
                          std::holds_alternative<Real>(parameter.domain);
    const auto count = cardinality(parameter.domain);
    if (!listable || !count || *count > kMaxCrossed) continue;
    Grid grid;
    for (std::int64_t index = 0; index < *count; ++index)
      grid.values.push_back(nth_value(parameter.domain, index));
    for (Config& point : space.points)
      if (const Value* const value = point.find(parameter.name))
        if (auto inside = accepted(parameter.domain, *value))  // as the grid has it
          point.set(parameter.name, *std::move(inside));
    parameter.domain = std::move(grid);
    parameter.prior.reset();
  }
  return space;
}

std::int64_t grid_trials(const Space& space, std::uint64_t seed) {
  const Proposals proposals(space, seed);
  const State none(Objective{}, RetryLimits{});
  const History history(space);
  std::unordered_set<std::uint64_t> covered;  // never iterated
  const auto points = static_cast<std::int64_t>(space.points.size());
  for (TrialId trial{0}; trial.value < points; ++trial.value) {
    const auto point = proposals.suggest(none, trial, [&](auto parameter, auto attempt) {
      return proposals.keyed(trial, parameter, attempt);
    });
    if (const auto* config = std::get_if<Config>(&point)) covered.insert(history.cell_of(*config));
  }
  const auto uncovered = grid_size(space) - static_cast<std::int64_t>(covered.size());
  return points + std::max<std::int64_t>(uncovered, 0);
}

std::int64_t grid_size(const Space& space) {
  const Cells cells(space);
  if (!cells.any_grid() || cells.count() > Proposals::kMaxCells)
    return cells.any_grid() ? cells.count() : 1;
  const Constraints constraints(space);
  std::unordered_set<std::uint64_t> seen;  // never iterated
  for (std::int64_t cell = 0; cell < cells.count(); ++cell) {
    const Config config = cells.config(cell);
    if (constraints.hold(config)) seen.insert(hash_of(config));
  }
  return static_cast<std::int64_t>(seen.size());
}

}  // namespace clavier::search
