#include "study/pareto.h"

// Sets are small here: a front, a population, the trials of a study. What may be asked of all
// trials at each suggestion (`fronts`) sorts first, so that a point can only be dominated by one
// before it; what is quadratic or worse (`hypervolume`) is asked of single fronts. Hypervolume by
// greedy choice is lazy: a gain never grows while others are chosen, so the greatest old one that
// is confirmed is the greatest.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace clavier {
namespace {

std::vector<std::size_t> indices(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::vector<Scores> undominated(const std::vector<Scores>& points) {
  std::vector<Scores> kept;
  for (std::size_t i = 0; i < points.size(); ++i) {
    bool stands = true;
    for (std::size_t j = 0; j < points.size() && stands; ++j)
      stands = !dominates(points[j], points[i]) && (j >= i || points[j] != points[i]);
    if (stands) kept.push_back(points[i]);
  }
  return kept;
}

double box(const Scores& point, const Scores& reference) {
  double volume = 1;
  for (std::size_t i = 0; i < point.size(); ++i) volume *= reference[i] - point[i];
  return volume;
}

/// The part of the point's box that those of `others` do not have. All within `reference`.
double exclusive(const Scores& point, std::span<const Scores> others, const Scores& reference) {
  std::vector<Scores> limited(others.begin(), others.end());
  for (Scores& other : limited)
    for (std::size_t i = 0; i < other.size(); ++i) other[i] = std::max(other[i], point[i]);
  return box(point, reference) - hypervolume(undominated(limited), reference);
}

/// Of one front, which all lie within `reference`, `count` by greatest gain in volume.
std::vector<std::size_t> greedy(std::span<const Scores> front, std::size_t count,
                                const Scores& reference) {
  std::vector<double> gain;
  for (const Scores& point : front) gain.push_back(box(point, reference));
  std::vector<std::size_t> left = indices(front.size()), chosen;
  std::vector<Scores> taken;
  std::vector<bool> fresh(front.size(), true);
  while (chosen.size() < count) {
    const auto most = std::ranges::max_element(left, {}, [&](std::size_t i) { return gain[i]; });
    if (!fresh[*most]) {
      gain[*most] = exclusive(front[*most], taken, reference);
      fresh[*most] = true;
      continue;
    }
    chosen.push_back(*most);
    taken.push_back(front[*most]);
    left.erase(most);
    fresh.assign(front.size(), false);
  }
  return chosen;
}

}  // namespace

bool dominates(const Scores& a, const Scores& b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

std::vector<std::size_t> fronts(std::span<const Scores> points) {
  std::vector<std::size_t> order = indices(points.size()), front_of(points.size());
  std::ranges::stable_sort(order, {}, [&](std::size_t i) -> const Scores& { return points[i]; });
  std::vector<std::vector<std::size_t>> all;
  for (const std::size_t each : order) {
    // Whoever is dominated by one of a front is dominated by one of each before it. The last of a
    // front is the likeliest to dominate; of two objectives it is the only one that can.
    const auto beats = [&](const std::vector<std::size_t>& front) {
      const std::size_t looked_at = points[each].size() <= 2 ? 1 : front.size();
      return std::any_of(front.rbegin(), front.rbegin() + static_cast<std::ptrdiff_t>(looked_at),
                         [&](std::size_t other) { return dominates(points[other], points[each]); });
    };
    const auto place = std::ranges::partition_point(all, beats);
    front_of[each] = static_cast<std::size_t>(place - all.begin());
    if (place == all.end())
      all.push_back({each});
    else
      place->push_back(each);
  }
  return front_of;
}

std::vector<double> crowding(std::span<const Scores> front) {
  std::vector<double> apart(front.size());
  if (front.empty()) return apart;
  for (std::size_t objective = 0; objective < front[0].size(); ++objective) {
    const auto at = [&](std::size_t i) { return front[i][objective]; };
    std::vector<std::size_t> order = indices(front.size());
    std::ranges::stable_sort(order, {}, at);
    const double range = at(order.back()) - at(order.front());
    if (!(range > 0) || std::isinf(range)) continue;
    apart[order.front()] = apart[order.back()] = std::numeric_limits<double>::infinity();
    for (std::size_t i = 1; i + 1 < order.size(); ++i)
      apart[order[i]] += (at(order[i + 1]) - at(order[i - 1])) / range;
  }
  return apart;
}

double hypervolume(std::span<const Scores> points, const Scores& reference) {
  std::vector<Scores> within;
  for (const Scores& point : points)
    if (std::ranges::equal(point, reference, std::less())) within.push_back(point);
  std::ranges::sort(within);
  double volume = 0;
  if (reference.size() <= 2) {
    // A stair: each step is as high as it is better than all before it.
    double least = reference.back();
    for (const Scores& point : within) {
      const double width = reference.size() == 1 ? 1 : reference[0] - point[0];
      volume += width * std::max(0.0, least - point.back());
      least = std::min(least, point.back());
    }
    return volume;
  }
  // From the worst by the last objective on: beyond a point's own, all later ones are there, so
  // that only the other objectives are left to tell what it has alone.
  within = undominated(within);
  std::ranges::stable_sort(within, std::greater(),
                           [](const Scores& point) { return point.back(); });
  const double end = reference.back();
  const Scores others(reference.begin(), reference.end() - 1);
  std::vector<double> height;
  for (Scores& point : within) {
    height.push_back(end - point.back());
    point.pop_back();
  }
  for (std::size_t i = 0; i < within.size(); ++i)
    volume += height[i] * exclusive(within[i], std::span(within).subspan(i + 1), others);
  return volume;
}

Scores reference_point(std::span<const Scores> points) {
  CHECK(!points.empty());
  Scores best = points[0], worst = points[0];
  for (const Scores& point : points)
    for (std::size_t i = 0; i < point.size(); ++i) {
      best[i] = std::min(best[i], point[i]);
      worst[i] = std::max(worst[i], point[i]);
    }
  for (std::size_t i = 0; i < worst.size(); ++i) {
    const double range = worst[i] - best[i];
    worst[i] += 0.1 * (range > 0 ? range : worst[i] != 0 ? std::abs(worst[i]) : 10);
  }
  return worst;
}

std::vector<std::size_t> best_of(std::span<const Scores> points, std::size_t count, Ties ties) {
  const std::vector<std::size_t> front_of = fronts(points);
  std::vector<std::size_t> chosen;
  for (std::size_t front = 0; chosen.size() < std::min(count, points.size()); ++front) {
    std::vector<std::size_t> members;
    std::vector<Scores> scores;
    for (std::size_t i = 0; i < points.size(); ++i)
      if (front_of[i] == front) members.push_back(i), scores.push_back(points[i]);
    const std::size_t room = std::min(count - chosen.size(), members.size());
    std::vector<std::size_t> order = indices(members.size());
    if (ties == Ties::kHypervolume) {
      if (room < members.size()) order = greedy(scores, room, reference_point(points));
    } else {
      const auto apart = crowding(scores);
      std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return apart[i]; });
    }
    for (std::size_t i = 0; i < room; ++i) chosen.push_back(members[order[i]]);
  }
  return chosen;
}

}  // namespace clavier
