#include "search/cmaes.h"

// The model changes in `observe` only, when a generation of trials has ended, in the order in which
// they ended: so it is a function of the log. A coordinate that a trial does not have says nothing:
// it counts as the mean's.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/rng.h"

namespace clavier::search {
namespace {

constexpr std::uint64_t kDraws = 100;  ///< For one trial, before draws are independent.
constexpr std::size_t kMostPopulation = 1024;

/// At which a coordinate in the middle of a cell leaves it once in ten draws.
double margin_of(const model::Axis& axis) {
  return axis.cells() == 0 ? 0 : 0.3 / static_cast<double>(axis.cells());
}

}  // namespace

CmaesSearch::CmaesSearch(Space space, std::uint64_t seed, CmaesOptions options)
    : proposals_(std::move(space), seed),
      startup_(proposals_.space(), seed),
      seed_(seed),
      options_(options),
      observations_(proposals_.space()) {
  for (const model::Axis& axis : observations_.encoding().axes()) {
    const bool number = axis.kind != model::Axis::Kind::kChoice;
    place_.push_back(number ? least_deviation_.size() : Encoding::kNoAxis);
    if (number) least_deviation_.push_back(margin_of(axis));
  }
  if (options_.n_startup_trials > 0 || least_deviation_.empty() ||
      !proposals_.space().known.empty())
    return;
  std::vector<double> mean(least_deviation_.size(), 0.5);
  for (std::size_t i = 0; i < proposals_.space().parameters.size(); ++i)
    if (const auto centre = startup_.priors().centre(i)) {
      const std::size_t place = place_[observations_.encoding().axis_of(i)];
      if (place != Encoding::kNoAxis) mean[place] = *centre;
    }
  start(std::move(mean), static_cast<std::size_t>(options_.popsize), options_.sigma0);
}

void CmaesSearch::observe(const Turn& turn, const State& state) {
  proposals_.observe(turn, state);
  observations_.observe(turn, state);
  learn();
}

std::vector<double> CmaesSearch::numbers_of(TrialId trial,
                                            const std::vector<double>& missing) const {
  const auto point = observations_.point(trial);
  std::vector<double> numbers = missing;
  for (std::size_t axis = 0; axis < place_.size(); ++axis)
    if (place_[axis] != Encoding::kNoAxis && !std::isnan(point[axis]))
      numbers[place_[axis]] = point[axis];
  return numbers;
}

void CmaesSearch::start(std::vector<double> mean, std::size_t population, double sigma) {
  model_.emplace(
      mean,
      model::CmaOptions{.population = population, .sigma = sigma, .separable = options_.separable});
  ++starts_;
}

/// Of the trials that have a value.
std::vector<std::vector<double>> CmaesSearch::best_tenth() const {
  const std::vector<double> middle(least_deviation_.size(), 0.5);
  const auto& ranking = observations_.ranking();
  const std::size_t most = std::max<std::size_t>(1, ranking.size() / 10);
  std::vector<std::vector<double>> best;
  for (auto each = ranking.begin(); each != ranking.end() && best.size() < most; ++each)
    if (each->standing < Standing::kFailed) best.push_back(numbers_of(each->trial, middle));
  return best;
}

/// From where the best of what is known lie, as wide as they lie apart and a tenth more (the start
/// of Nomura et al., Warm Starting CMA-ES for Hyperparameter Optimization, 2021, without its
/// correlations).
void CmaesSearch::start_warm() {
  constexpr double kMore = 0.1;
  const auto best = best_tenth();
  const auto count = static_cast<double>(best.size());
  std::vector<double> mean(least_deviation_.size(), best.empty() ? 0.5 : 0);
  for (const auto& point : best)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += point[i] / count;
  double squares = 0;
  for (const auto& point : best)
    for (std::size_t i = 0; i < mean.size(); ++i)
      squares += (point[i] - mean[i]) * (point[i] - mean[i]) / count;
  const double spread = std::sqrt(kMore * kMore + squares / static_cast<double>(mean.size()));
  start(std::move(mean), static_cast<std::size_t>(options_.popsize),
        best.empty() ? options_.sigma0 : std::min(spread, options_.sigma0));
}

void CmaesSearch::learn() {
  if (least_deviation_.empty()) return;
  const auto& endings = observations_.endings();
  if (!model_) {
    if (observations_.ended_with_value() < options_.n_startup_trials) return;
    learned_ = endings.size();
    if (!proposals_.space().known.empty()) return start_warm();
    const Observation& best = *observations_.ranking().begin();
    return start(numbers_of(best.trial, std::vector<double>(least_deviation_.size(), 0.5)),
                 static_cast<std::size_t>(options_.popsize), options_.sigma0);
  }
  if (endings.size() - learned_ < model_->population()) return;
  std::vector<Observation> generation;
  for (; generation.size() < model_->population(); ++learned_)
    generation.push_back(observations_.of(endings[learned_]));
  std::ranges::sort(generation, BetterObservation());
  if (generation.front().standing >= Standing::kFailed) return;  // it says nothing
  std::vector<std::vector<double>> points;
  for (const Observation& each : generation)
    points.push_back(numbers_of(each.trial, model_->mean()));
  model_->tell({points.begin(), points.end()});
  if (!options_.restarts || !model_->converged()) return;
  Rng rng = Rng::keyed(seed_, stable_hash("cmaes"), starts_);
  std::vector<double> anywhere(least_deviation_.size());
  std::ranges::generate(anywhere, [&] { return rng.uniform(); });
  start(std::move(anywhere), std::min(2 * model_->population(), kMostPopulation), options_.sigma0);
}

Suggestion CmaesSearch::suggest(const State& state, TrialId trial) const {
  observations_.follow(state);
  std::uint64_t drawn = kDraws;  // the attempt that `point` belongs to
  std::vector<double> point;
  return proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
    if (!model_) return startup_.at(proposals_, trial, parameter, attempt);
    const std::size_t axis = observations_.encoding().axis_of(parameter);
    if (axis == Encoding::kNoAxis || place_[axis] == Encoding::kNoAxis || attempt >= kDraws)
      return proposals_.keyed(trial, parameter, attempt);
    if (attempt != drawn) {
      Rng rng = Rng::keyed(seed_, trial.value, stable_hash("cmaes"), attempt);
      point = model_->draw(rng, least_deviation_);
      drawn = attempt;
    }
    return point[place_[axis]];
  });
}

}  // namespace clavier::search
