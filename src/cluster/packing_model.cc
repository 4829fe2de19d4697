#include "cluster/packing_model.h"

#include <algorithm>
#include <cmath>

namespace clavier::cluster {
namespace {

/// Newer values then outweigh what many older ones said: devices and trials change.
constexpr std::int64_t kMemory = 64;
/// Less is not worth the memory, nor that every single trial becomes slower.
constexpr double kWorthwhile = 0.03;
/// Verdicts are given at so many standard errors, or once there is much evidence.
constexpr double kErrors = 2;
constexpr std::int64_t kFewPairs = 2, kManyPairs = 16;
constexpr std::int64_t kFewTrials = 6, kManyTrials = 32;
/// Deviation of pairs that is assumed at least: two may agree by chance.
constexpr double kLeastDeviation = 0.05;

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

void PackingModel::add_out_of_memory(int level) {
  if (level >= 2) memory_limit_ = std::min(memory_limit_.value_or(level), level - 1);
}

std::optional<PackingModel::Evidence> PackingModel::evidence(int level) const {
  const auto found = levels_.find(level);
  if (found == levels_.end()) return {};
  const Level& here = found->second;
  const double even = std::log(static_cast<double>(level) / (level - 1));
  if (const Moments& pairs = here.pairs; pairs.count >= kFewPairs) {
    const double variance = std::max(pairs.variance, kLeastDeviation * kLeastDeviation);
    return Evidence{even - pairs.mean, std::sqrt(variance / static_cast<double>(pairs.count)),
                    pairs.count >= kManyPairs};
  }
  const auto below = levels_.find(level - 1);
  if (below == levels_.end()) return {};
  for (const Moments Level::*kind : {&Level::steady, &Level::first}) {
    const Moments &a = below->second.*kind, &b = here.*kind;
    if (!enough(a, b, kFewTrials)) continue;
    const auto error_of = [](const Moments& m) {
      return m.variance / static_cast<double>(m.count - 1);
    };
    return Evidence{even - (b.mean - a.mean), std::sqrt(error_of(a) + error_of(b)),
                    enough(a, b, kManyTrials)};
  }
  return {};
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
