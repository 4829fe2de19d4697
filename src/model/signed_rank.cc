#include "model/signed_rank.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace clavier::model {

double signed_rank_p(std::span<const double> differences) {
  std::vector<double> sorted(differences.begin(), differences.end());
  std::ranges::sort(sorted, {}, [](double each) { return std::abs(each); });
  // Twice the ranks, so that shared ones are whole numbers.
  std::vector<std::size_t> ranks;
  std::size_t positive = 0;  // Sum of the ranks of positive differences; zeros change nothing.
  for (std::size_t i = 0, end = 0; i < sorted.size(); i = end) {
    while (end < sorted.size() && std::abs(sorted[end]) == std::abs(sorted[i])) ++end;
    for (std::size_t each = i; each < end && sorted[i] != 0; ++each) {
      ranks.push_back(i + 1 + end);
      if (sorted[each] > 0) positive += ranks.back();
    }
  }
  if (ranks.empty()) return 1;
  if (ranks.size() > kExact) {
    double mean = 0, variance = 0;
    for (const std::size_t rank : ranks) {
      const auto size = static_cast<double>(rank);
      mean += size / 2;
      variance += size * size / 4;
    }
    const double z = (static_cast<double>(positive) - mean) / std::sqrt(variance);
    return std::erfc(z / std::numbers::sqrt2) / 2;
  }
  std::vector<double> chance{1};  // Of each sum.
  for (const std::size_t rank : ranks) {
    std::vector<double> next(chance.size() + rank);
    for (std::size_t sum = 0; sum < chance.size(); ++sum) {
      next[sum] += chance[sum] / 2;
      next[sum + rank] += chance[sum] / 2;
    }
    chance = std::move(next);
  }
  double p = 0;
  for (std::size_t sum = positive; sum < chance.size(); ++sum) p += chance[sum];
  return p;
}

}  // namespace clavier::model
