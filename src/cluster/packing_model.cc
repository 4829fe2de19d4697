#include "cluster/packing_model.h"

#include <algorithm>
#include <cmath>

/// Sums are kept, not samples: a pair whose mean has changed is taken out of its sums as it was and
/// put back as it is (`count_pair` with -1 and +1 around every change), so that a measurement costs
/// the same after a million others. Ages grow instead of all old pairs shrinking, for the same
/// reason.
/// A verdict asks for two standard errors, or for so much evidence that what is left of the
/// difference does not matter. Without the second a gain of just 3 % would never be decided, and
/// trials would be tried for ever.
namespace clavier::cluster {
namespace {

/// Newer values then outweigh what many older ones said: devices and trials change.
constexpr std::int64_t kMemory = 64;
/// Less is not worth the memory, nor that every single trial becomes slower.
constexpr double kWorthwhile = 0.03;
/// Verdicts are given at so many standard errors, or once there is much evidence.
constexpr double kErrors = 2;
constexpr double kManyPairs = 8;
constexpr std::int64_t kFewTrials = 6, kManyTrials = 32;
/// Deviation of a trial's times that is assumed before much is known of it, and for how many times
/// that assumption counts; and deviation of trials' slowdowns from each other.
constexpr double kDeviation = 0.05, kAssumed = 4;
/// A pair counts so much more than the one before it.
constexpr double kFading = 1.02, kOldest = 1e200;

bool enough(const Moments& a, const Moments& b, std::int64_t count) {
  return std::min(a.count, b.count) >= count;
}

}  // namespace

void Moments::add(double value) {
  count = std::min(count + 1, kMemory);
  const double weight = 1 / static_cast<double>(count);
  const double off = value - mean;
  mean += weight * off;
  variance += weight * (off * (value - mean) - variance);
}

PackingModel::PackingModel() : squares_(kAssumed * kDeviation * kDeviation), freedom_(kAssumed) {}

void PackingModel::add_out_of_memory(int level) {
  if (level >= 2) memory_limit_ = std::min(memory_limit_.value_or(level), level - 1);
}

/// Takes the trial's pair of this level and the one below into account, or out of it again.
void PackingModel::count_pair(Times& times, int level, double sign) {
  const auto above = times.among.find(level), below = times.among.find(level - 1);
  if (above == times.among.end() || below == times.among.end()) return;
  Pairs& pairs = levels_[level].pairs;
  double& age = above->second.age;
  if (age == 0) {
    age = pairs.age;
    if (pairs.age < kOldest) pairs.age *= kFading;
  }
  const Moments &a = above->second.moments, &b = below->second.moments;
  const double certain = 1 / (1 / static_cast<double>(a.count) + 1 / static_cast<double>(b.count));
  pairs.weight += sign * age * certain;
  pairs.sum += sign * age * certain * (a.mean - b.mean);
  pairs.trials += sign * age;
}

void PackingModel::add_steady(Times& times, int level, double log_seconds) {
  count_pair(times, level, -1);
  count_pair(times, level + 1, -1);
  Moments& mine = times.among[level].moments;
  const double before = mine.mean;
  mine.add(log_seconds);
  if (mine.count == 1) {
    levels_[level].steady.add(log_seconds);
  } else {
    squares_ += (log_seconds - before) * (log_seconds - mine.mean);
    freedom_ += 1;
  }
  count_pair(times, level, +1);
  count_pair(times, level + 1, +1);
}

/// Relative to the logarithm of how many more they are.
std::optional<PackingModel::Evidence> PackingModel::paired(const Level& level) const {
  const Pairs& pairs = level.pairs;
  if (pairs.weight <= 0) return {};
  const double weight = pairs.weight / pairs.age, trials = pairs.trials / pairs.age;
  const double variance = squares_ / freedom_ / weight + kDeviation * kDeviation / trials;
  return Evidence{-pairs.sum / pairs.weight, std::sqrt(variance), trials >= kManyPairs};
}

std::optional<PackingModel::Evidence> PackingModel::evidence(int level) const {
  const auto found = levels_.find(level);
  if (found == levels_.end()) return {};
  const Level& here = found->second;
  const double even = std::log(static_cast<double>(level) / (level - 1));
  auto best = paired(here);
  if (best) best->log_gain += even;
  const auto below = levels_.find(level - 1);
  if (below == levels_.end()) return best;
  for (const Moments Level::*kind : {&Level::steady, &Level::first}) {
    const Moments &a = below->second.*kind, &b = here.*kind;
    if (!enough(a, b, kFewTrials)) continue;
    const auto error_of = [](const Moments& m) {
      return std::max(m.variance, kDeviation * kDeviation) / static_cast<double>(m.count - 1);
    };
    const double error = std::sqrt(error_of(a) + error_of(b));
    if (!best || error < best->error)
      best = Evidence{even - (b.mean - a.mean), error, enough(a, b, kManyTrials)};
  }
  return best;
}

PackingModel::Verdict PackingModel::verdict(int level) const {
  if (ran_out_of_memory(level)) return Verdict::kLoses;
  const auto seen = evidence(level);
  if (!seen) return Verdict::kUnknown;
  const double beyond = seen->log_gain - kWorthwhile;
  if (!seen->much && std::abs(beyond) <= kErrors * seen->error) return Verdict::kUnknown;
  return beyond > 0 ? Verdict::kPays : Verdict::kLoses;
}

bool PackingModel::harms(int level) const {
  return verdict(level) == Verdict::kLoses &&
         (ran_out_of_memory(level) || evidence(level)->log_gain < -kWorthwhile);
}

int PackingModel::pays() const {
  int level = 1;
  while (verdict(level + 1) == Verdict::kPays) ++level;
  return level;
}

double PackingModel::gain(int level) const {
  const auto seen = evidence(level);
  return seen ? std::exp(seen->log_gain) : 1;
}

double PackingModel::part(int level) const {
  double total = 1;
  for (int each = 2; each <= level; ++each) total *= gain(each);
  return total / level;
}

bool PackingModel::sampled(int level) const {
  const auto found = levels_.find(level);
  return found != levels_.end() &&
         std::max(found->second.steady.count, found->second.first.count) >= kFewTrials;
}

}  // namespace clavier::cluster
