#include "cluster/speed_model.h"

#include <algorithm>
#include <cmath>

/// Slots alone are fitted until trials are seen to differ (`varies_`): with one factor for each
/// slot and one for each trial a single surprise can be explained either way, and the wrong
/// explanation moves trials. Twice and often enough it is the trials. The fit is alternating least
/// squares on logarithms. While pairs are few all of them are fitted at each measurement; beyond
/// that only the slot and the trial that were measured, and everything now and then, or a large
/// study would spend its time here.
namespace clavier::cluster {
namespace {

/// A step that takes longer by more belongs to another trial or another speed, it is no noise.
const double kUnlike = std::log(1.5);
/// So many trials, and this part of them, have surprised before trials are believed to differ: a
/// slot may change its speed at the very moment at which it changes its trial, but hardly twice.
constexpr int kSurprises = 2;
constexpr double kOften = 0.1;

/// Inverse variances of the logarithms: of an interval's time, of costs, of speeds.
constexpr double kInterval = 100;
constexpr double kCosts = 0.5, kSpeeds = 0.5, kDeclared = 25;
constexpr double kMostIntervals = 4, kLeastIntervals = 0.04;

constexpr int kSweeps = 4, kFirstSweeps = 50;
/// With more pairs only the slot and the trial that were measured are fitted anew each time, and
/// all now and then.
constexpr std::size_t kFewPairs = 200;
constexpr std::size_t kPart = 8;

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
  } else {
    at(measured_on_, trial).push_back(slot);
    at(trials_, trial);
    at(slots_, slot);
    if (believed) {
      ++compared_;
      if (std::abs(measured - std::log(*believed)) > kUnlike) ++unlike_;
    }
    if (!varies_ && unlike_ >= kSurprises && unlike_ >= kOften * compared_) {
      varies_ = true;
      fit(kFirstSweeps);
    }
  }
  if (!varies_) return;
  if (pairs_.size() <= kFewPairs || ++since_fit_ > pairs_.size() / kPart) return fit(kSweeps);
  fit_slot(slot);
  fit_trial(trial);
}

void SpeedModel::fit(int sweeps) {
  since_fit_ = 0;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    find_scale();
    for (std::size_t i = 0; i < slots_.size(); ++i) fit_slot(static_cast<int>(i));
    for (std::size_t i = 0; i < trials_.size(); ++i) fit_trial(static_cast<int>(i));
  }
  double sum = 0, count = 0;
  for (const Estimate& trial : trials_)
    if (trial.weight > 0) {
      sum += std::exp(trial.log);
      ++count;
    }
  mean_cost_ = count > 0 ? sum / count : 1;
}

/// What is not known otherwise is believed to be as the mean of the others, relative to what was
/// declared.
void SpeedModel::find_scale() {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].weight > 0) {
      sum += slots_[i].log - at(declared_, static_cast<int>(i)).value_or(0);
      ++count;
    }
  if (count > 0) scale_ = sum / count;
  scaled_ = count > 0;
}

void SpeedModel::fit_slot(int slot) {
  double log = 0, weight = 0;
  for (auto pair = pairs_.lower_bound({slot, 0}); pair != pairs_.end() && pair->first.first == slot;
       ++pair) {
    const double each = weight_of(pair->second.intervals);
    log += each * (pair->second.log_seconds - at(trials_, pair->first.second).log);
    weight += each;
  }
  if (weight == 0) return;
  const auto declared = at(declared_, slot);
  const double belief = !scaled_ ? 0 : declared ? kDeclared : kSpeeds;
  at(slots_, slot) = {(log + belief * (scale_ + declared.value_or(0))) / (weight + belief), weight};
}

void SpeedModel::fit_trial(int trial) {
  double log = 0, weight = 0;
  for (const int slot : at(measured_on_, trial)) {
    const Pair& pair = pairs_.at({slot, trial});
    const double each = weight_of(pair.intervals);
    log += each * (pair.log_seconds - at(slots_, slot).log);
    weight += each;
  }
  if (weight > 0) at(trials_, trial) = {log / (weight + kCosts), weight};
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
