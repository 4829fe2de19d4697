#include "search/nsga2.h"

// A child is bred only when a draw is asked for, and anew for each attempt: what is kept between
// calls are the observations alone. The two distributions are written for [0, 1], where the
// encoding puts every parameter: a step is a part of the range, and what lands outside is moved to
// the edge.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/rng.h"

namespace clavier::search {
namespace {

constexpr std::uint64_t kChildren = 100;  ///< For one trial, before draws are independent.
/// How close children stay to their parents; greater is closer.
constexpr double kCrossoverIndex = 20, kMutationIndex = 10;

/// Half the children's spread, where half the parents' is 1.
double spread(double unit) {
  const double power = 1 / (kCrossoverIndex + 1);
  return unit < 0.5 ? std::pow(2 * unit, power) : std::pow(2 * (1 - unit), -power);
}

/// A step of -1 to 1, mostly a small one.
double step(double unit) {
  const double power = 1 / (kMutationIndex + 1);
  return unit < 0.5 ? std::pow(2 * unit, power) - 1 : 1 - std::pow(2 * (1 - unit), power);
}

}  // namespace

Nsga2Search::Nsga2Search(Space space, std::uint64_t seed, Nsga2Options options)
    : proposals_(std::move(space), seed),
      startup_(proposals_.space(), seed),
      seed_(seed),
      options_(options),
      observations_(proposals_.space()) {}

void Nsga2Search::observe(const Turn& turn, const State& state) {
  proposals_.observe(turn, state);
  observations_.observe(turn, state);
}

Suggestion Nsga2Search::suggest(const State& state, TrialId trial) const {
  observations_.follow(state);
  const bool starting = observations_.ended_with_value() < options_.population_size;
  std::vector<TrialId> parents;
  std::vector<double> bred;
  std::uint64_t drawn = kChildren;  // the attempt that `bred` belongs to
  return proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
    if (starting) return startup_.at(proposals_, trial, parameter, attempt);
    const std::size_t axis = observations_.encoding().axis_of(parameter);
    if (axis == Encoding::kNoAxis || attempt >= kChildren)
      return proposals_.keyed(trial, parameter, attempt);
    if (parents.empty())
      parents =
          observations_.best(static_cast<std::size_t>(options_.population_size), Ties::kCrowding);
    if (attempt != drawn) bred = child(parents, trial, attempt);
    drawn = attempt;
    return std::isnan(bred[axis]) ? proposals_.keyed(trial, parameter, attempt) : bred[axis];
  });
}

/// The earlier in the list wins the tournament.
std::vector<double> Nsga2Search::child(const std::vector<TrialId>& parents, TrialId trial,
                                       std::uint64_t attempt) const {
  Rng rng = Rng::keyed(seed_, trial.value, stable_hash("nsga2"), attempt);
  const auto winner = [&] {
    const auto one = rng.below(parents.size()), other = rng.below(parents.size());
    return observations_.point(parents[std::min(one, other)]);
  };
  const auto first = winner();
  std::vector<double> child(first.begin(), first.end());
  if (rng.uniform() < options_.crossover_prob) cross(child, winner(), rng);
  mutate(child, rng);
  observations_.encoding().drop_absent(child);
  for (double& unit : child) unit = std::clamp(unit, 0.0, std::nextafter(1.0, 0.0));  // NaN stays
  return child;
}

void Nsga2Search::cross(std::vector<double>& child, std::span<const double> other, Rng& rng) const {
  const auto& axes = observations_.encoding().axes();
  for (std::size_t axis = 0; axis < child.size(); ++axis) {
    const double swap = rng.uniform(), unit = rng.uniform(), side = rng.uniform();
    if (std::isnan(other[axis])) continue;
    const bool choice = axes[axis].kind == model::Axis::Kind::kChoice;
    if (std::isnan(child[axis]) || (choice && swap < 0.5)) {
      child[axis] = other[axis];
    } else if (!choice && swap < 0.5) {
      const double middle = (child[axis] + other[axis]) / 2;
      const double half = spread(unit) * std::abs(child[axis] - other[axis]) / 2;
      child[axis] = side < 0.5 ? middle - half : middle + half;
    }
  }
}

void Nsga2Search::mutate(std::vector<double>& child, Rng& rng) const {
  const auto& axes = observations_.encoding().axes();
  const double share = 1 / static_cast<double>(std::max<std::size_t>(1, child.size()));
  const double probability = options_.mutation_prob > 0 ? options_.mutation_prob : share;
  for (std::size_t axis = 0; axis < child.size(); ++axis) {
    const double luck = rng.uniform(), unit = rng.uniform();
    if (luck >= probability || std::isnan(child[axis])) continue;
    if (axes[axis].kind == model::Axis::Kind::kChoice) {
      child[axis] = unit;
    } else {
      const double leaves_cell =
          axes[axis].cells() == 0 ? 0 : 1 / static_cast<double>(axes[axis].cells());
      child[axis] += std::copysign(std::max(leaves_cell, std::abs(step(unit))), unit - 0.5);
    }
  }
}

}  // namespace clavier::search
