#include "search/evolution.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clavier::search {
namespace {

constexpr std::uint64_t kChildren = 100;     ///< For one trial, before draws are independent.
constexpr std::uint64_t kTriesPerMore = 10;  ///< Attempts after which one parameter more changes.
constexpr double kWidest = 0.2, kNarrowest = 0.002;  ///< Deviations of a number's step.
constexpr double kBelowOne = 1 - 0x1p-53;

}  // namespace

EvolutionSearch::EvolutionSearch(Space space, std::uint64_t seed, EvolutionOptions options)
    : proposals_(std::move(space), seed),
      startup_(proposals_.space(), seed),
      seed_(seed),
      options_(options),
      observations_(proposals_.space()) {}

void EvolutionSearch::observe(const Turn& turn, const State& state) {
  proposals_.observe(turn, state);
  observations_.observe(turn, state);
}

Suggestion EvolutionSearch::suggest(const State& state, TrialId trial) const {
  observations_.follow(state);
  const bool starting = observations_.ended_with_value() < options_.population_size;
  std::uint64_t made = kChildren;  // the attempt that `point` belongs to
  std::vector<double> point;
  return proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
    if (starting) return startup_.at(proposals_, trial, parameter, attempt);
    const std::size_t axis = observations_.encoding().axis_of(parameter);
    if (axis == Encoding::kNoAxis || attempt >= kChildren)
      return proposals_.keyed(trial, parameter, attempt);
    if (attempt != made) {
      point = child(trial, attempt);
      made = attempt;
    }
    return std::isnan(point[axis]) ? proposals_.keyed(trial, parameter, attempt) : point[axis];
  });
}

std::vector<double> EvolutionSearch::child(TrialId trial, std::uint64_t attempt) const {
  Rng rng = Rng::keyed(seed_, trial.value, stable_hash("evolution"), attempt);
  const auto& endings = observations_.endings();
  // Behind the study's own are those that are known from elsewhere, the newest first.
  const std::size_t living = std::min(endings.size() + observations_.earlier(),
                                      static_cast<std::size_t>(options_.population_size));
  const auto drawn = [&] {
    const std::uint64_t age = rng.below(living);
    if (age < endings.size()) return observations_.of(endings[endings.size() - 1 - age]);
    return observations_.of(TrialId{-1 - static_cast<std::int64_t>(age - endings.size())});
  };
  Observation parent = drawn();
  for (std::int64_t i = 1; i < options_.sample_size; ++i)
    if (const Observation other = drawn(); BetterObservation()(other, parent)) parent = other;
  const auto from = observations_.point(parent.trial);
  std::vector<double> point(from.begin(), from.end());
  for (std::uint64_t i = 0; i <= attempt / kTriesPerMore; ++i) mutate(point, rng);
  observations_.encoding().drop_absent(point);
  return point;
}

/// One of the coordinates that exist.
void EvolutionSearch::mutate(std::vector<double>& point, Rng& rng) const {
  std::vector<std::size_t> present;
  for (std::size_t axis = 0; axis < point.size(); ++axis)
    if (!std::isnan(point[axis])) present.push_back(axis);
  if (present.empty()) return;
  const std::size_t axis = present[rng.below(present.size())];
  const model::Axis& along = observations_.encoding().axes()[axis];
  if (along.kind == model::Axis::Kind::kChoice) {
    const std::size_t other = rng.below(along.cells() - 1);
    point[axis] = along.middle(other + (other >= along.cell(point[axis]) ? 1 : 0));
    return;
  }
  double width = kNarrowest * std::pow(kWidest / kNarrowest, rng.uniform());
  if (along.cells() > 0) width = std::max(width, 1 / static_cast<double>(along.cells()));
  point[axis] = std::clamp(point[axis] + width * rng.normal(), 0.0, kBelowOne);
}

}  // namespace clavier::search
