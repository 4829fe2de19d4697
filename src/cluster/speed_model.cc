#include "cluster/speed_model.h"

#include <algorithm>
#include <cmath>

namespace clavier::cluster {
namespace {

/// A step that takes longer by more belongs to another trial or another speed, it is no noise.
const double kUnlike = std::log(1.5);
/// So many trials have surprised before trials are believed to differ: a slot may change its speed
/// at the very moment at which it changes its trial, but hardly twice.
constexpr int kSurprises = 2;

/// Inverse variances of the logarithms: of an interval's time, of costs, of speeds.
constexpr double kInterval = 100;
constexpr double kCosts = 0.5, kSpeeds = 0.5, kDeclared = 25;
constexpr double kMostIntervals = 4, kLeastIntervals = 0.04;

constexpr int kSweeps = 4, kFirstSweeps = 50;

template <typename T>
T& at(std::vector<T>& items, int number) {
  const auto index = static_cast<std::size_t>(number);
  if (index >= items.size()) items.resize(index + 1);
  return items[index];
}

double weight_of(double intervals) {
  return kInterval * std::clamp(intervals, kLeastIntervals, kMostIntervals);
}

}  // namespace

void SpeedModel::declare(int slot, double seconds) { at(declared_, slot) = std::log(seconds); }

void SpeedModel::add(int trial, int slot, double seconds, double intervals,
                     std::optional<double> believed) {
  const double measured = std::log(std::max(seconds, 1e-300));
  const auto [found, is_new] = pairs_.try_emplace({slot, trial}, Pair{measured, intervals});
  if (!is_new) {
    Pair& pair = found->second;
    const double off = measured - pair.log_seconds;
    const bool jump = std::abs(off) > kUnlike;
    const double recent = jump ? 1 : 1 - std::exp2(-intervals);
    const double known = pair.intervals / (pair.intervals + intervals);
    for (auto other = pairs_.lower_bound({slot, 0});
         other != pairs_.end() && other->first.first == slot; ++other)
      if (other != found) other->second.log_seconds += recent * known * off;
    pair.log_seconds += std::max(recent, 1 - known) * off;
    pair.intervals += intervals;
  } else if (believed && std::abs(measured - std::log(*believed)) > kUnlike &&
             ++unlike_ == kSurprises) {
    varies_ = true;
    fit(kFirstSweeps);
  }
  if (varies_) fit(kSweeps);
}

void SpeedModel::fit(int sweeps) {
  for (const auto& [key, pair] : pairs_) {
    at(slots_, key.first);
    at(trials_, key.second);
  }
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    // Slots, given the costs of trials; what is known of nobody else is as the mean of the others.
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].weight > 0) {
        sum += slots_[i].log - (at(declared_, static_cast<int>(i)).value_or(0));
        ++count;
      }
    if (count > 0) scale_ = sum / count;
    const bool first = count == 0;
    std::vector<Estimate> sums(slots_.size());
    for (const auto& [key, pair] : pairs_) {
      Estimate& each = sums[static_cast<std::size_t>(key.first)];
      const double weight = weight_of(pair.intervals);
      each.log += weight * (pair.log_seconds - at(trials_, key.second).log);
      each.weight += weight;
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (sums[i].weight == 0) continue;
      const auto declared = at(declared_, static_cast<int>(i));
      const double belief = first ? 0 : declared ? kDeclared : kSpeeds;
      slots_[i] = {
          (sums[i].log + belief * (scale_ + declared.value_or(0))) / (sums[i].weight + belief),
          sums[i].weight};
    }
    sums.assign(trials_.size(), {});
    for (const auto& [key, pair] : pairs_) {
      Estimate& each = sums[static_cast<std::size_t>(key.second)];
      const double weight = weight_of(pair.intervals);
      each.log += weight * (pair.log_seconds - slots_[static_cast<std::size_t>(key.first)].log);
      each.weight += weight;
    }
    for (std::size_t i = 0; i < trials_.size(); ++i)
      if (sums[i].weight > 0)
        trials_[i] = {sums[i].log / (sums[i].weight + kCosts), sums[i].weight};
  }
  double sum = 0, count = 0;
  for (const Estimate& trial : trials_)
    if (trial.weight > 0) {
      sum += std::exp(trial.log);
      ++count;
    }
  mean_cost_ = count > 0 ? sum / count : 1;
}

double SpeedModel::cost(int trial) const {
  const auto index = static_cast<std::size_t>(trial);
  if (!varies_ || index >= trials_.size() || trials_[index].weight == 0) return mean_cost_;
  return std::exp(trials_[index].log);
}

std::optional<double> SpeedModel::seconds(int slot) const {
  const auto index = static_cast<std::size_t>(slot);
  if (index < slots_.size() && slots_[index].weight > 0) return std::exp(slots_[index].log);
  if (index < declared_.size() && declared_[index]) return std::exp(scale_ + *declared_[index]);
  return std::nullopt;
}

}  // namespace clavier::cluster
