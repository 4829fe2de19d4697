#include "model/bandit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "base/check.h"
#include "model/drifting_gp.h"

namespace clavier::model {
namespace {

constexpr int kStarts = 10;
constexpr int kIterations = 200;
constexpr int kFitEvaluations = 60;
constexpr int kRefitEvaluations = 10;

/// Gains as the model sees them: inputs within [0, 1], values of mean 0 and deviation 1.
struct Normalised {
  double time_low = 0, time_span = 1, reward_low = 0, reward_span = 1;
  std::vector<GpPoint> points = {};
  std::vector<double> values = {};

  explicit Normalised(std::span<const Gain> gains) {
    const auto [first, last] = std::ranges::minmax(gains, {}, &Gain::time);
    const auto [worst, best] = std::ranges::minmax(gains, {}, &Gain::before);
    time_low = static_cast<double>(first.time);
    if (last.time > first.time) time_span = static_cast<double>(last.time - first.time);
    reward_low = worst.before;
    if (best.before > worst.before) reward_span = best.before - worst.before;
    double mean = 0, squares = 0;
    for (const Gain& gain : gains) mean += gain.rate / static_cast<double>(gains.size());
    for (const Gain& gain : gains) squares += (gain.rate - mean) * (gain.rate - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(gains.size()));
    for (const Gain& gain : gains) {
      points.push_back(point({gain.time, gain.before}, gain.x));
      const double value = deviation > 0 ? (gain.rate - mean) / deviation : 0;
      values.push_back(std::clamp(value, -2.0, 2.0));
    }
  }

  GpPoint point(const Level& level, std::span<const double> x) const {
    GpPoint point{(static_cast<double>(level.time) - time_low) / time_span,
                  {(level.reward - reward_low) / reward_span}};
    point.x.insert(point.x.end(), x.begin(), x.end());
    return point;
  }
};

/// The newest gains that the model is to know, and its settings.
struct Model {
  Normalised data;
  GpSettings settings;
};

Model model_of(std::span<const Gain> gains) {
  Model model{Normalised(gains.last(std::min(gains.size(), kFewest))), {}};
  model.settings = fit_gp(model.data.points, model.data.values, {}, kFitEvaluations);
  std::size_t length = kFewest;
  double likeliest = -std::numeric_limits<double>::infinity();
  for (std::size_t tried = kFewest; tried <= gains.size(); tried += tried / 10) {
    const Normalised data(gains.last(tried));
    const double likelihood = DriftingGp(data.points, data.values, model.settings).log_likelihood();
    if (likelihood > likeliest) likeliest = likelihood, length = tried;
  }
  if (length == kFewest) return model;
  model.data = Normalised(gains.last(length));
  model.settings = fit_gp(model.data.points, model.data.values, model.settings, kRefitEvaluations);
  return model;
}

/// The same model, which knows of the pending ones, too.
DriftingGp with_pending(const Model& model, const Level& level,
                        const std::vector<std::vector<double>>& pending) {
  std::vector<GpPoint> points = model.data.points;
  std::vector<double> values = model.data.values;
  for (const std::vector<double>& x : pending) {
    points.push_back(model.data.point(level, x));
    values.push_back(0);  // Only its variance is asked for.
  }
  return {std::move(points), values, model.settings};
}

double rounded(double x) { return std::round(x / kGrain) * kGrain; }

}  // namespace

std::vector<std::vector<double>> worth_trying(const std::vector<Gain>& gains, const Level& level,
                                              const std::vector<std::vector<double>>& pending,
                                              const Box& box, Rng& rng) {
  CHECK(gains.size() >= kLeastGains);
  const std::span newest = std::span(gains).last(std::min(gains.size(), kMostGains));
  const Model model = model_of(newest);
  const DriftingGp gp(model.data.points, model.data.values, model.settings);
  const DriftingGp known = with_pending(model, level, pending);
  const double n = static_cast<double>(gp.size());
  const double kappa = std::sqrt(std::max(0.2 * std::log(0.4 * n), 0.0));
  const Smooth doubt = [&](std::span<const double> x, std::span<double> gradient) {
    const GpPoint point = model.data.point(level, x);
    const auto expected = gp.at(point), uncertain = known.at(point);
    for (std::size_t i = 0; i < x.size(); ++i)  // The first coordinate is the reward before.
      gradient[i] = -expected.mean_slope[i + 1] - kappa * uncertain.variance_slope[i + 1];
    return -expected.mean - kappa * uncertain.variance;
  };
  std::vector<Minimum> found;
  for (int i = 0; i < kStarts; ++i) {
    std::vector<double> start;
    for (std::size_t j = 0; j < box.low.size(); ++j)
      start.push_back(box.low[j] + (box.high[j] - box.low[j]) * rng.uniform());
    found.push_back(minimise(doubt, std::move(start), box, kIterations));
  }
  std::ranges::stable_sort(found, {}, &Minimum::value);
  std::vector<std::vector<double>> best;
  for (Minimum& each : found) {
    std::ranges::transform(each.x, each.x.begin(), rounded);
    best.push_back(std::move(each.x));
  }
  return best;
}

}  // namespace clavier::model
