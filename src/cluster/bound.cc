#include "cluster/bound.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

namespace clavier::cluster {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

std::vector<double> descending(std::span<const double> values) {
  std::vector<double> sorted;
  for (const double value : values)
    if (value > 0) sorted.push_back(value);
  std::ranges::sort(sorted, std::greater{});
  return sorted;
}

/// The k fastest slots together, for every moment.
Rate fastest(std::span<const Rate> rates, std::size_t k) {
  std::vector<double> starts;
  for (const Rate& rate : rates)
    for (const Rate::Piece& piece : rate.pieces()) starts.push_back(piece.start);
  std::ranges::sort(starts);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<Rate::Piece> pieces;
  for (const double start : starts) {
    std::vector<double> now;
    for (const Rate& rate : rates) now.push_back(rate.at(start));
    std::ranges::sort(now, std::greater{});
    const auto end = now.begin() + static_cast<std::ptrdiff_t>(std::min(k, now.size()));
    pieces.push_back({start, std::accumulate(now.begin(), end, 0.0)});
  }
  return Rate(std::move(pieces));
}

}  // namespace

double preemptive_bound(std::span<const double> works, std::span<const double> rates) {
  const std::vector<double> longest = descending(works);
  const std::vector<double> best = descending(rates);
  if (longest.empty()) return 0;
  if (best.empty()) return kNever;
  double bound = 0, work = 0, rate = 0;
  for (std::size_t k = 0; k < longest.size(); ++k) {
    work += longest[k];
    if (k < best.size()) rate += best[k];
    // Past the last slot only the whole sum binds, which is where the loop ends.
    if (k + 1 < best.size() || k + 1 == longest.size()) bound = std::max(bound, work / rate);
  }
  return bound;
}

double preemptive_bound(std::span<const double> works, std::span<const Rate> rates) {
  const std::vector<double> longest = descending(works);
  if (longest.empty()) return 0;
  if (rates.empty()) return kNever;
  double bound = 0, work = 0;
  for (std::size_t k = 1; k <= longest.size(); ++k) {
    work += longest[k - 1];
    if (k < rates.size() || k == longest.size())
      bound = std::max(bound, fastest(rates, k).finish(0, work));
  }
  return bound;
}

double shared_bound(std::span<const double> works, std::span<const double> rates) {
  const double work = std::accumulate(works.begin(), works.end(), 0.0);
  const double rate = std::accumulate(rates.begin(), rates.end(), 0.0);
  if (work <= 0) return 0;
  return rate > 0 ? work / rate : kNever;
}

}  // namespace clavier::cluster
