#include "search/priors.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "study/domain.h"

namespace clavier::search {
namespace {

constexpr double kDeviation = 0.25;
constexpr double kOther = -2;  ///< The logarithm of another choice's density.
constexpr double kTrials = 10;
constexpr double kBelowOne = 1 - 0x1p-53;

double weight(double strength, std::int64_t ended) {
  return strength * kTrials / static_cast<double>(std::max<std::int64_t>(ended, 1));
}

double normal_below(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

}  // namespace

bool has_prior_point(const Space& space) {
  const auto& all = space.parameters;
  return std::ranges::any_of(all, [](const Parameter& each) { return each.prior.has_value(); }) &&
         std::ranges::none_of(
             all, [](const Parameter& each) { return std::holds_alternative<Grid>(each.domain); });
}

Priors::Priors(const Space& space) : encoding_(space), along_(encoding_.axes().size()) {
  for (std::size_t i = 0; i < space.parameters.size(); ++i) {
    const Parameter& parameter = space.parameters[i];
    const std::size_t axis = encoding_.axis_of(i);
    centres_.push_back(axis != Encoding::kNoAxis && parameter.prior
                           ? unit_of(parameter.domain, parameter.prior->value)
                           : std::nullopt);
    if (!centres_.back()) continue;
    any_ = true;
    along_[axis] = {*centres_.back(), parameter.prior->strength};
    const model::Axis& each = encoding_.axes()[axis];
    if (each.kind == model::Axis::Kind::kChoice) along_[axis]->cell = each.cell(*centres_.back());
  }
}

double Priors::drawn(std::size_t parameter, double unit) const {
  const Along& along = *along_[encoding_.axis_of(parameter)];
  if (along.cell) return unit < 0.5 ? along.centre : 2 * unit - 1;
  const double low = normal_below(-along.centre / kDeviation);
  const double high = normal_below((1 - along.centre) / kDeviation);
  const Domain normal = Normal{.mean = along.centre, .deviation = kDeviation};
  return std::clamp(*value_at(normal, low + unit * (high - low))->number(), 0.0, kBelowOne);
}

double Priors::log_density(std::span<const double> point, std::int64_t ended,
                           std::size_t first) const {
  double sum = 0;
  for (std::size_t i = 0; i < point.size(); ++i) {
    const auto& along = along_[first + i];
    if (!along || std::isnan(point[i])) continue;
    const double away = (point[i] - along->centre) / kDeviation;
    const bool other = along->cell && encoding_.axes()[first + i].cell(point[i]) != *along->cell;
    sum += weight(along->strength, ended) * (along->cell ? (other ? kOther : 0) : -away * away / 2);
  }
  return sum;
}

void Priors::add_slope(std::span<const double> point, std::int64_t ended, double times,
                       std::span<double> slope) const {
  for (std::size_t axis = 0; axis < along_.size(); ++axis) {
    const auto& along = along_[axis];
    if (!along || along->cell || std::isnan(point[axis])) continue;
    slope[axis] -= times * weight(along->strength, ended) * (point[axis] - along->centre) /
                   (kDeviation * kDeviation);
  }
}

}  // namespace clavier::search
