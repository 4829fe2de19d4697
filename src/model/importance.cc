#include "model/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "base/rng.h"

// PED-ANOVA looks at one axis at a time, in cells: reals have so many equal ones, the others their
// own. Points are counted by cell first and smoothed then, so a resample costs no more than a
// count. A tree of the forest is kept as its leaves alone: boxes that fill the cube, which is all
// that the marginals need. Where a coordinate does not exist it lies outside the cube, and so does
// the part of a leaf that holds it: it can be told apart, and has no volume.
namespace clavier::model {
namespace {

using Kind = Axis::Kind;

constexpr std::size_t kCells = 50;  ///< Of a real axis.
constexpr double kTop = 0.1;        ///< Of the evaluations that are asked about.
constexpr std::size_t kLeastTop = 2;
constexpr double kPriorWeight = 1;  ///< Of the uniform density, where a point has 1.
constexpr double kInterval = 0.9;

/// Of sorted values, between neighbours linear.
double quantile_of(std::span<const double> sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

void set_interval(Share& share, std::vector<double> replicas) {
  if (replicas.empty()) return;
  std::ranges::sort(replicas);
  share.low = quantile_of(replicas, (1 - kInterval) / 2);
  share.high = quantile_of(replicas, (1 + kInterval) / 2);
}

/// The edges of an axis' cells.
std::vector<double> edges_of(const Axis& axis) {
  if (!axis.edges.empty()) return axis.edges;
  std::vector<double> edges;
  for (std::size_t i = 0; i <= kCells; ++i)
    edges.push_back(static_cast<double>(i) / static_cast<double>(kCells));
  return edges;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// Scott's rule, robust against outliers, and at least what fills a cell.
double bandwidth_of(const std::vector<double>& counts, const std::vector<double>& middles,
                    double number) {
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) mean += counts[i] * middles[i] / number;
  for (std::size_t i = 0; i < counts.size(); ++i)
    squares += counts[i] * (middles[i] - mean) * (middles[i] - mean) / number;
  const auto at = [&](double part) {
    double passed = 0;
    for (std::size_t i = 0; i < counts.size(); ++i)
      if ((passed += counts[i]) >= part * number) return middles[i];
    return middles.back();
  };
  const double spread = std::min(std::sqrt(squares), (at(0.75) - at(0.25)) / 1.34);
  const double least = 0.5 / 1.64 / static_cast<double>(counts.size());
  return std::max(1.059 * spread * std::pow(number, -0.2), least);
}

/// How likely each cell is, from how many points it has.
std::vector<double> density(const std::vector<double>& counts, const std::vector<double>& edges,
                            Kind kind) {
  const std::size_t cells = counts.size();
  const double number = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<double> likely(cells), middles(cells);
  for (std::size_t c = 0; c < cells; ++c) {
    likely[c] = kPriorWeight * (edges[c + 1] - edges[c]);
    middles[c] = (edges[c] + edges[c + 1]) / 2;
  }
  const double width = number > 0 ? bandwidth_of(counts, middles, number) : 1;
  for (std::size_t from = 0; from < cells; ++from) {
    if (counts[from] == 0) continue;
    if (kind == Kind::kChoice) {
      likely[from] += counts[from];
      continue;
    }
    const auto below = [&](double edge) { return normal_cdf((edge - middles[from]) / width); };
    const double inside = below(1) - below(0);
    for (std::size_t c = 0; c < cells; ++c)
      likely[c] += counts[from] * (below(edges[c + 1]) - below(edges[c])) / inside;
  }
  for (double& each : likely) each /= number + kPriorWeight;
  return likely;
}

/// Of the same evaluations again and again, in order of their worth.
class Divergences {
 public:
  Divergences(const Evaluations& all, double quantile) : all_(all), quantile_(quantile) {
    for (std::size_t axis = 0; axis < all.axes.size(); ++axis) {
      edges_.push_back(edges_of(all.axes[axis]));
      auto& cells = cell_.emplace_back();
      const Axis with_edges{all.axes[axis].kind, edges_.back()};
      for (const auto& point : all.points)
        cells.push_back(std::isnan(point[axis]) ? -1
                                                : static_cast<int>(with_edges.cell(point[axis])));
    }
  }

  /// Per axis, as shares of their sum. `ranked`: places of evaluations, the best first.
  std::vector<double> of(std::span<const std::size_t> ranked) const {
    const auto part = [](double share, std::size_t number) {
      return std::max(kLeastTop,
                      static_cast<std::size_t>(std::ceil(share * static_cast<double>(number))));
    };
    const auto region = ranked.first(std::min(ranked.size(), part(quantile_, ranked.size())));
    const auto top = region.first(std::min(region.size(), part(kTop, region.size())));
    std::vector<double> shares;
    for (std::size_t axis = 0; axis < edges_.size(); ++axis) {
      const auto counts = counts_of(axis, region), best = counts_of(axis, top);
      const auto part_of = [](const std::vector<double>& counted, std::size_t number) {
        return std::accumulate(counted.begin(), counted.end(), 0.0) / static_cast<double>(number);
      };
      const double there = part_of(counts, region.size()), good_there = part_of(best, top.size());
      const auto usual = density(counts, edges_[axis], all_.axes[axis].kind);
      const auto good = density(best, edges_[axis], all_.axes[axis].kind);
      double sum = 0;
      for (std::size_t c = 0; c < usual.size(); ++c)
        sum += (good[c] - usual[c]) * (good[c] - usual[c]) / usual[c];
      shares.push_back(there > 0 ? sum * good_there * good_there / there : 0);
    }
    const double whole = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& each : shares) each = whole > 0 ? each / whole : 0;
    return shares;
  }

 private:
  std::vector<double> counts_of(std::size_t axis, std::span<const std::size_t> which) const {
    std::vector<double> counts(edges_[axis].size() - 1);
    for (const std::size_t each : which)
      if (const int cell = cell_[axis][each]; cell >= 0) ++counts[static_cast<std::size_t>(cell)];
    return counts;
  }

  const Evaluations& all_;
  double quantile_;
  std::vector<std::vector<double>> edges_;  ///< By axis.
  std::vector<std::vector<int>> cell_;      ///< By axis, then point; −1: it has none.
};

std::vector<std::size_t> ranking_of(const std::vector<double>& values) {
  std::vector<std::size_t> ranked(values.size());
  std::iota(ranked.begin(), ranked.end(), std::size_t{0});
  std::ranges::stable_sort(ranked, {}, [&](std::size_t i) { return values[i]; });
  return ranked;
}

/// What a leaf holds of an axis: from `low` to `high`, or these cells, the last of which is for
/// points without the coordinate.
struct Side {
  double low = -1, high = 1;
  std::vector<bool> cells = {};

  double size() const {
    if (cells.empty()) return std::max(0.0, high - std::max(low, 0.0));
    const auto held = std::count(cells.begin(), cells.end() - 1, true);
    return static_cast<double>(held) / static_cast<double>(cells.size() - 1);
  }
};

struct Leaf {
  std::vector<Side> sides;
  double value = 0;
};

/// A cut of points into those before `place` in `order`, and the others.
struct Cut {
  double gain = 0;
  std::size_t axis = 0;
  std::vector<std::size_t> order = {};
  std::size_t place = 0;
};

class Tree {
 public:
  Tree(const Evaluations& all, std::vector<std::size_t> sample) : all_(all) {
    std::vector<Side> cube(all.axes.size());
    for (std::size_t axis = 0; axis < cube.size(); ++axis)
      if (all.axes[axis].kind == Kind::kChoice)
        cube[axis].cells.assign(all.axes[axis].cells() + 1, true);
    grow(std::move(sample), std::move(cube));
  }

  /// The part of the variance that each axis explains by itself; empty if there is no variance.
  std::vector<double> shares() const {
    double mean = 0, squares = 0;
    for (const Leaf& leaf : leaves_) {
      mean += leaf.value * volume(leaf);
      squares += leaf.value * leaf.value * volume(leaf);
    }
    const double variance = squares - mean * mean;
    if (!(variance > 1e-12 * squares)) return {};
    std::vector<double> shares;
    for (std::size_t axis = 0; axis < all_.axes.size(); ++axis)
      shares.push_back(explained(axis, mean) / variance);
    return shares;
  }

 private:
  static double volume(const Leaf& leaf) {
    double volume = 1;
    for (const Side& side : leaf.sides) volume *= side.size();
    return volume;
  }
  bool is_choice(std::size_t axis) const { return all_.axes[axis].kind == Kind::kChoice; }
  double at(std::size_t point, std::size_t axis) const {
    const double unit = all_.points[point][axis];
    if (!is_choice(axis)) return std::isnan(unit) ? -1 : unit;
    return static_cast<double>(std::isnan(unit) ? all_.axes[axis].cells()
                                                : all_.axes[axis].cell(unit));
  }

  /// Choices in the order of their mean values: the best cut of all is among the cuts of this order
  /// (Breiman et al., Classification and Regression Trees, 1984).
  std::vector<double> keys(const std::vector<std::size_t>& points, std::size_t axis) const {
    std::vector<double> keys;
    if (!is_choice(axis)) {
      for (const std::size_t each : points) keys.push_back(at(each, axis));
      return keys;
    }
    const std::size_t cells = all_.axes[axis].cells() + 1;
    std::vector<double> sums(cells), counts(cells);
    for (const std::size_t each : points) {
      const auto cell = static_cast<std::size_t>(at(each, axis));
      sums[cell] += all_.values[each];
      ++counts[cell];
    }
    std::vector<std::size_t> order(cells), rank(cells);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(
        order, {}, [&](std::size_t c) { return counts[c] > 0 ? sums[c] / counts[c] : 0; });
    for (std::size_t i = 0; i < cells; ++i) rank[order[i]] = i;
    for (const std::size_t each : points)
      keys.push_back(static_cast<double>(rank[static_cast<std::size_t>(at(each, axis))]));
    return keys;
  }

  Cut best_cut(const std::vector<std::size_t>& points) const {
    Cut best;
    double sum = 0;
    for (const std::size_t each : points) sum += all_.values[each];
    const auto number = static_cast<double>(points.size());
    for (std::size_t axis = 0; axis < all_.axes.size(); ++axis) {
      const auto key = keys(points, axis);
      std::vector<std::size_t> order(points.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::stable_sort(order, {}, [&](std::size_t i) { return key[i]; });
      double left = 0;
      Cut found{.gain = best.gain, .axis = axis};
      for (std::size_t i = 0; i + 1 < order.size(); ++i) {
        left += all_.values[points[order[i]]];
        if (key[order[i]] == key[order[i + 1]]) continue;
        const auto count = static_cast<double>(i + 1);
        const double gain = left * left / count + (sum - left) * (sum - left) / (number - count) -
                            sum * sum / number;
        if (gain > found.gain * (1 + 1e-12)) found.gain = gain, found.place = i + 1;
      }
      if (found.place == 0) continue;
      for (const std::size_t i : order) found.order.push_back(points[i]);
      best = std::move(found);
    }
    return best;
  }

  void grow(std::vector<std::size_t> points, std::vector<Side> sides) {
    const auto [least, most] =
        std::ranges::minmax(points, {}, [&](std::size_t each) { return all_.values[each]; });
    Cut cut;
    if (all_.values[least] < all_.values[most]) cut = best_cut(points);
    if (cut.place == 0) {
      double sum = 0;
      for (const std::size_t each : points) sum += all_.values[each];
      leaves_.push_back({std::move(sides), sum / static_cast<double>(points.size())});
      return;
    }
    const auto middle = cut.order.begin() + static_cast<std::ptrdiff_t>(cut.place);
    std::vector<std::size_t> left(cut.order.begin(), middle), right(middle, cut.order.end());
    std::vector<Side> above = sides;
    if (is_choice(cut.axis)) {
      // What no point has here stays with the others.
      for (const std::size_t each : left)
        above[cut.axis].cells[static_cast<std::size_t>(at(each, cut.axis))] = false;
      for (std::size_t c = 0; c < above[cut.axis].cells.size(); ++c)
        if (above[cut.axis].cells[c]) sides[cut.axis].cells[c] = false;
    } else {
      const double last = at(left.back(), cut.axis), next = at(right.front(), cut.axis);
      above[cut.axis].low = sides[cut.axis].high = last < 0 ? 0 : (last + next) / 2;
    }
    grow(std::move(left), std::move(sides));
    grow(std::move(right), std::move(above));
  }

  /// The variance of the mean over all other axes.
  double explained(std::size_t axis, double mean) const {
    std::vector<std::pair<double, double>> changes;  // Where that mean changes, and by how much.
    const double cells = is_choice(axis) ? static_cast<double>(all_.axes[axis].cells()) : 0;
    for (const Leaf& leaf : leaves_) {
      const Side& side = leaf.sides[axis];
      if (side.size() <= 0) continue;
      const double height = leaf.value * volume(leaf) / side.size();
      const auto add = [&](double low, double high) {
        changes.emplace_back(low, height);
        changes.emplace_back(high, -height);
      };
      if (side.cells.empty()) add(std::max(side.low, 0.0), side.high);
      for (std::size_t c = 0; c + 1 < side.cells.size(); ++c)
        if (side.cells[c]) add(static_cast<double>(c) / cells, static_cast<double>(c + 1) / cells);
    }
    std::ranges::sort(changes, {}, [](const auto& each) { return each.first; });
    double variance = 0, here = 0;
    for (std::size_t i = 0; i + 1 < changes.size(); ++i) {
      here += changes[i].second;
      variance += (changes[i + 1].first - changes[i].first) * (here - mean) * (here - mean);
    }
    return variance;
  }

  const Evaluations& all_;
  std::vector<Leaf> leaves_;
};

std::vector<std::size_t> resample(Rng& rng, std::size_t from, std::size_t number) {
  std::vector<std::size_t> places(number);
  std::ranges::generate(places, [&] { return static_cast<std::size_t>(rng.below(from)); });
  return places;
}

}  // namespace

Importance ped_anova(const Evaluations& all, const ImportanceOptions& options) {
  Importance found{std::vector<Share>(all.axes.size())};
  const auto ranked = ranking_of(all.values);
  const Divergences divergences(all, options.quantile);
  const auto shares = divergences.of(ranked);
  std::vector<std::vector<double>> replicas(all.axes.size());
  for (int i = 0; i < options.resamples; ++i) {
    Rng rng = Rng::keyed(options.seed, stable_hash("ped-anova"), i);
    auto places = resample(rng, ranked.size(), ranked.size());
    std::ranges::sort(places);
    for (std::size_t& place : places) place = ranked[place];
    const auto other = divergences.of(places);
    for (std::size_t axis = 0; axis < other.size(); ++axis) replicas[axis].push_back(other[axis]);
  }
  for (std::size_t axis = 0; axis < shares.size(); ++axis) {
    found.axes[axis].value = shares[axis];
    set_interval(found.axes[axis], std::move(replicas[axis]));
  }
  return found;
}

Importance fanova(const Evaluations& all, const ImportanceOptions& options) {
  constexpr int kLeastTrees = 16;
  Importance found{std::vector<Share>(all.axes.size())};
  Evaluations clipped = all;
  std::vector<double> sorted = all.values;
  std::ranges::sort(sorted);
  const double worst = quantile_of(sorted, options.quantile);
  for (double& value : clipped.values) value = std::min(value, worst);
  std::vector<std::vector<double>> replicas(all.axes.size());
  for (int i = 0; i < std::max(options.resamples, kLeastTrees); ++i) {
    Rng rng = Rng::keyed(options.seed, stable_hash("fanova"), i);
    const std::size_t number = std::min(all.values.size(), kMostForTree);
    const Tree tree(clipped, resample(rng, all.values.size(), number));
    const auto shares = tree.shares();
    for (std::size_t axis = 0; axis < shares.size(); ++axis) replicas[axis].push_back(shares[axis]);
  }
  if (all.axes.empty() || replicas.front().empty()) return found;
  found.together = 1;
  for (std::size_t axis = 0; axis < replicas.size(); ++axis) {
    const auto& own = replicas[axis];
    const double sum = std::accumulate(own.begin(), own.end(), 0.0);
    found.axes[axis].value = sum / static_cast<double>(own.size());
    found.together -= found.axes[axis].value;
    set_interval(found.axes[axis], own);
  }
  found.together = std::max(0.0, found.together);
  return found;
}

}  // namespace clavier::model
