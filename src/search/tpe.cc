#include "search/tpe.h"

// Both densities are built anew for every suggestion, from what `Observations` keeps in order: it
// takes a tenth of a millisecond, and leaves nothing that could differ between a study that ran
// through and one that was resumed. They are built only when a draw is asked for (a request or a
// point may need none), and candidates come in batches because constraints and repetition may
// refuse the best ones.

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <utility>

#include "base/rng.h"

namespace clavier::search {
namespace {

constexpr std::uint64_t kBatches = 4;  ///< Of candidates, before draws are independent.
constexpr double kFinest = 1e-3;       ///< Least width of a good trial's kernel.

/// The same of a bad one. With few trials their gaps are wide enough. With many, kernels as narrow
/// as those of the good ones would be spikes that say nothing about the candidates between them:
/// the width grows to a tenth of the range. Measured by bench/search.
double width_of_bad(std::size_t trials) {
  constexpr double kWidest = 0.1, kFrom = 100, kTo = 300;
  const double grown = (static_cast<double>(trials) - kFrom) / (kTo - kFrom);
  return std::clamp(kWidest * grown, kFinest, kWidest);
}

std::vector<std::span<const double>> along(const std::vector<std::span<const double>>& points,
                                           std::size_t first, std::size_t count) {
  std::vector<std::span<const double>> parts;
  for (const auto& point : points) parts.push_back(point.subspan(first, count));
  return parts;
}

}  // namespace

TpeSearch::TpeSearch(Space space, std::uint64_t seed, TpeOptions options)
    : proposals_(std::move(space), seed),
      startup_(proposals_.space(), seed),
      seed_(seed),
      options_(options),
      observations_(proposals_.space()),
      rungs_(options_.rungs, static_cast<std::size_t>(options_.n_startup_trials)) {
  const auto& axes = observations_.encoding().axes();
  if (options_.multivariate) groups_.push_back({0, axes});
  for (std::size_t axis = 0; axis < axes.size() && !options_.multivariate; ++axis)
    groups_.push_back({axis, {axes[axis]}});
}

void TpeSearch::observe(const Turn& turn, const State& state) {
  proposals_.observe(turn, state);
  observations_.observe(turn, state);
  if (!options_.rungs.empty()) rungs_.observe(turn, state);
}

/// It is one of those that are not modelled.
bool TpeSearch::draws(TrialId trial) const {
  const bool enough = options_.rungs.empty()
                          ? observations_.ended_with_value() >= options_.n_startup_trials
                          : rungs_.highest() != nullptr;
  return !enough || (options_.random_fraction > 0 &&
                     Rng::keyed(seed_, trial.value, stable_hash("at random")).uniform() <
                         options_.random_fraction);
}

Suggestion TpeSearch::suggest(const State& state, TrialId trial) const {
  observations_.follow(state);
  const bool drawn = draws(trial);
  const auto per_batch = static_cast<std::uint64_t>(options_.n_ei_candidates);
  std::vector<Point> found;
  Suggestion suggestion =
      proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
        if (drawn) return startup_.at(proposals_, trial, parameter, attempt);
        const std::size_t axis = observations_.encoding().axis_of(parameter);
        if (axis == Encoding::kNoAxis || attempt >= kBatches * per_batch)
          return proposals_.keyed(trial, parameter, attempt);
        while (found.size() <= attempt)
          std::ranges::move(candidates(trial, found.size() / per_batch), std::back_inserter(found));
        const double unit = found[attempt][axis];
        return std::isnan(unit) ? proposals_.keyed(trial, parameter, attempt) : unit;
      });
  if (const auto* config = std::get_if<Config>(&suggestion))
    observations_.suggested(trial, *config);
  return suggestion;
}

TpeSearch::Split TpeSearch::split(TrialId trial) const {
  Split split;
  const RungRanking::Rung* rung = rungs_.highest();
  const auto all =
      static_cast<double>(rung ? rung->ranking.size() : observations_.ranking().size());
  const auto part = std::min(kMostGood, static_cast<std::size_t>(std::ceil(options_.gamma * all)));
  // Few at a high rung have won at those below: as in BOHB, enough to make a model are good, and
  // the density of the others, which lie close to them, does not lead away from there.
  std::vector<TrialId> good =
      rung ? rung->best(std::max(part, static_cast<std::size_t>(options_.n_startup_trials)))
           : observations_.best(part, Ties::kHypervolume);
  for (const TrialId each : good) split.good.push_back(observations_.point(each));
  std::ranges::sort(good);
  const auto& known = rung ? rung->known : observations_.known();
  const std::size_t taken = std::min(known.size(), kMostBad);
  for (std::size_t i = 1; i <= taken; ++i) {
    const TrialId each = known[i * known.size() / taken - 1];
    if (!std::ranges::binary_search(good, each)) split.bad.push_back(observations_.point(each));
  }
  if (options_.constant_liar)
    std::ranges::move(observations_.pending(trial), std::back_inserter(split.bad));
  return split;
}

/// Candidates on the group's axes, the best first.
std::vector<TpeSearch::Point> TpeSearch::best_of(const Group& group, const Split& split,
                                                 Rng& rng) const {
  const std::size_t count = group.axes.size();
  const model::Parzen good(group.axes, along(split.good, group.first, count), options_.prior_weight,
                           kFinest);
  const model::Parzen bad(group.axes, along(split.bad, group.first, count), options_.prior_weight,
                          width_of_bad(observations_.ranking().size()));
  std::vector<Point> points;
  for (std::int64_t i = 0; i < options_.n_ei_candidates; ++i) {
    points.push_back(good.draw(rng));
    if (options_.multivariate) observations_.encoding().drop_absent(points.back());
  }
  const auto above = good.log_density(points), below = bad.log_density(points);
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::int64_t ended = observations_.ended_with_value();
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) {
    return above[i] - below[i] + startup_.priors().log_density(points[i], ended, group.first);
  });
  std::vector<Point> best;
  for (const std::size_t i : order) best.push_back(std::move(points[i]));
  return best;
}

std::vector<TpeSearch::Point> TpeSearch::candidates(TrialId trial, std::uint64_t batch) const {
  const Split known = split(trial);
  Rng rng = Rng::keyed(seed_, trial.value, stable_hash("tpe"), batch);
  std::vector<Point> points(static_cast<std::size_t>(options_.n_ei_candidates));
  for (const Group& group : groups_) {
    const auto best = best_of(group, known, rng);
    for (std::size_t i = 0; i < points.size(); ++i)
      points[i].insert(points[i].end(), best[i].begin(), best[i].end());
  }
  for (Point& point : points) observations_.encoding().drop_absent(point);
  return points;
}

}  // namespace clavier::search
