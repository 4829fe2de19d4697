#include "exec/sim/power_law.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/rng.h"
#include "study/domain.h"

namespace clavier::exec {
namespace {

struct Quality {
  double distance = 0;
  double slowness = 0.5;
};

/// Position and best position of one parameter; nothing if it is not drawn.
std::optional<std::pair<double, double>> positions(const Parameter& parameter, const Value& value,
                                                   std::uint64_t landscape) {
  const auto unit = unit_of(parameter.domain, value);
  if (!unit) return {};
  Rng rng = Rng::keyed(landscape, stable_hash(parameter.name));
  const double best = 0.2 + 0.6 * rng.uniform();
  const auto* const choice = std::get_if<Choice>(&parameter.domain);
  if (!choice || choice->ordered) return std::pair(*unit, best);
  const auto count = static_cast<double>(choice->options.size());
  const bool is_best = std::floor(*unit * count) == std::floor(best * count);
  return std::pair(is_best ? best : best < 0.5 ? 1.0 : 0.0, best);
}

Quality quality(const Space& space, const Config& config, std::uint64_t landscape) {
  double distances = 0, slowness = 0;
  int drawn = 0;
  for (const Parameter& parameter : space.parameters) {
    const Value* const value = config.find(parameter.name);
    const auto at = value ? positions(parameter, *value, landscape) : std::nullopt;
    if (!at) continue;
    const auto [unit, best] = *at;
    const double distance = (unit - best) / std::max(best, 1 - best);
    distances += distance * distance;
    slowness += std::fmod(unit + best, 1.0);
    ++drawn;
  }
  if (drawn == 0) return {};
  return {distances / drawn, slowness / drawn};
}

}  // namespace

Curve power_law(Space space, PowerLaw options) {
  Curve curve;
  curve.steps = [steps = options.steps](const Config&) { return steps; };
  curve.metrics = [space = std::move(space), options](const Config& config, TrialId trial,
                                                      Steps step, std::uint64_t seed) {
    const Quality found = quality(space, config, options.landscape);
    const double floor = options.floor + options.spread * found.distance;
    const double rate = options.rate * (1.5 - found.slowness);
    double loss = floor + options.amplitude * std::pow(static_cast<double>(step), -rate);
    if (options.noise > 0)
      loss += options.noise * Rng::keyed(seed, stable_hash("noise"), trial.value, step).normal();
    return std::vector<Metric>{{"loss", loss}, {"accuracy", std::exp(-loss)}};
  };
  return curve;
}

}  // namespace clavier::exec
