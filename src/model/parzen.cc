#include "model/parzen.h"

// What is asked for most is the density of a few points under a mixture of many kernels: columns
// by axis, so that the inner loop runs over kernels, in single precision, which halves its time and
// leaves far more digits than a density of so few points means. What a kernel has outside [0, 1]
// is settled once, before any point is asked for; of cells, only those that some point lies in.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/check.h"

namespace clavier::model {
namespace {

using Eigen::Index;
using Column = Eigen::ArrayXf;

constexpr double kLeastMass = 1e-12;  ///< Of a cell, so that its logarithm is a number.
constexpr double kStray = 3;          ///< Of each choice, shared out among the kernels.
constexpr double kRootTwoPi = 2.5066282746310002;

/// The part of the standard normal below z, from a table: within 1e-5, at a tenth of the time.
double normal_below(double z) {
  constexpr int kPerUnit = 128, kReach = 6;
  static const auto table = [] {
    std::array<double, 2 * kReach * kPerUnit + 2> values{};
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::erfc((kReach - static_cast<double>(i) / kPerUnit) / std::sqrt(2.0)) / 2;
    return values;
  }();
  if (z <= -kReach) return 0;
  if (z >= kReach) return 1;
  const double at = (z + kReach) * kPerUnit;
  const auto below = static_cast<std::size_t>(at);
  return table[below] + (table[below + 1] - table[below]) * (at - static_cast<double>(below));
}

/// Of a normal density around a point in [0, 1], what lies within [low, high].
double inside(double centre, double deviation, double low, double high) {
  return normal_below((high - centre) / deviation) - normal_below((low - centre) / deviation);
}

/// By kernel; NaN where its point does not exist on this axis.
std::vector<double> deviations(const std::vector<double>& centres, double least_width) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t k = 0; k < centres.size(); ++k)
    if (!std::isnan(centres[k])) order.emplace_back(centres[k], k);
  std::ranges::sort(order);
  const double least = std::max(least_width, 1 / (2 + static_cast<double>(order.size())));
  std::vector<double> widths(centres.size(), std::nan(""));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double x = order[i].first;
    const double left = i > 0 ? x - order[i - 1].first : 0;
    const double right = i + 1 < order.size() ? order[i + 1].first - x : 0;
    // A single point has the ends for neighbours.
    const double gap = order.size() > 1 ? std::max(left, right) : std::max(x, 1 - x);
    widths[order[i].second] = std::clamp(gap, least, 1.0);
  }
  return widths;
}

}  // namespace

std::size_t Axis::cell(double unit) const {
  const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, unit);
  return static_cast<std::size_t>(above - edges.begin()) - 1;
}

struct Parzen::Parts {
  /// One axis; each vector by kernel.
  struct Along {
    const Axis& axis;
    std::vector<double> centre = {};     ///< NaN: the point does not exist here.
    std::vector<double> deviation = {};  ///< Not of choices.
    Column middle = {}, sharpness = {};  ///< Real: the centre, and 1 / (2 · deviation²) or 0.
    Column peak = {};                    ///< Real: the logarithm of the density at the centre.

    double stray() const { return kStray / (static_cast<double>(centre.size()) + 1); }
    float uniform(std::size_t cell) const {
      return static_cast<float>(std::log(axis.edges[cell + 1] - axis.edges[cell]));
    }
    double mass(std::size_t kernel, std::size_t cell) const;
    Column column(std::size_t cell) const;
    void settle_reals();
  };
  std::vector<Along> axes;
  std::size_t kernels = 0;
  double prior_weight = 1;
};

/// What the kernel gives to a cell.
double Parzen::Parts::Along::mass(std::size_t kernel, std::size_t cell) const {
  const double x = centre[kernel];
  if (axis.kind == Axis::Kind::kChoice) {
    const double all = 1 + static_cast<double>(axis.cells()) * stray();
    return ((axis.cell(x) == cell ? 1 : 0) + stray()) / all;
  }
  return inside(x, deviation[kernel], axis.edges[cell], axis.edges[cell + 1]) /
         inside(x, deviation[kernel], 0, 1);
}

/// The logarithms of what all kernels give to a cell.
Column Parzen::Parts::Along::column(std::size_t cell) const {
  Column masses(static_cast<Index>(centre.size()));
  for (std::size_t k = 0; k < centre.size(); ++k)
    masses(static_cast<Index>(k)) =
        std::isnan(centre[k]) ? uniform(cell)
                              : static_cast<float>(std::log(std::max(mass(k, cell), kLeastMass)));
  return masses;
}

void Parzen::Parts::Along::settle_reals() {
  const auto n = static_cast<Index>(centre.size());
  middle.setZero(n);
  sharpness.setZero(n);
  peak.setZero(n);
  for (Index k = 0; k < n; ++k) {
    const double x = centre[static_cast<std::size_t>(k)];
    if (std::isnan(x)) continue;
    const double width = deviation[static_cast<std::size_t>(k)];
    middle(k) = static_cast<float>(x);
    sharpness(k) = static_cast<float>(0.5 / (width * width));
    peak(k) = static_cast<float>(-std::log(inside(x, width, 0, 1) * width * kRootTwoPi));
  }
}

Parzen::Parzen(const std::vector<Axis>& axes, const std::vector<std::span<const double>>& points,
               double prior_weight, double least_width)
    : parts_(std::make_unique<Parts>()) {
  CHECK(prior_weight > 0);
  parts_->kernels = points.size();
  parts_->prior_weight = prior_weight;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    Parts::Along along{axes[d]};
    for (const auto& point : points) along.centre.push_back(point[d]);
    if (axes[d].kind != Axis::Kind::kChoice)
      along.deviation = deviations(along.centre, least_width);
    if (axes[d].kind == Axis::Kind::kReal) along.settle_reals();
    parts_->axes.push_back(std::move(along));
  }
}

Parzen::Parzen(Parzen&&) noexcept = default;
Parzen::~Parzen() = default;

std::vector<double> Parzen::draw(Rng& rng) const {
  constexpr int kTries = 64;  // at least a third of a kernel lies inside
  const double all = static_cast<double>(parts_->kernels) + parts_->prior_weight;
  const auto kernel = static_cast<std::size_t>(rng.uniform() * all);
  std::vector<double> point;
  for (const Parts::Along& along : parts_->axes) {
    double x = rng.uniform();
    const bool knows = kernel < parts_->kernels && !std::isnan(along.centre[kernel]);
    if (knows && along.axis.kind == Axis::Kind::kChoice) {
      const double others = static_cast<double>(along.axis.cells()) * along.stray();
      if (rng.uniform() * (1 + others) < 1) x = along.centre[kernel];
    } else if (knows) {
      for (int i = 0; i < kTries; ++i) {
        const double near = along.centre[kernel] + along.deviation[kernel] * rng.normal();
        if (near < 0 || near >= 1) continue;
        x = near;
        break;
      }
    }
    const bool real = along.axis.kind == Axis::Kind::kReal;
    point.push_back(real ? x : along.axis.middle(along.axis.cell(x)));
  }
  return point;
}

std::vector<double> Parzen::log_density(const std::vector<std::vector<double>>& points) const {
  const auto n = static_cast<Index>(parts_->kernels);
  std::vector<std::vector<std::optional<Column>>> columns;
  for (const Parts::Along& along : parts_->axes) columns.emplace_back(along.axis.cells());
  std::vector<double> densities;
  Column sum(n);
  for (const std::vector<double>& point : points) {
    sum.setZero();
    auto prior = static_cast<float>(std::log(parts_->prior_weight));
    for (std::size_t d = 0; d < parts_->axes.size(); ++d) {
      const Parts::Along& along = parts_->axes[d];
      if (std::isnan(point[d])) continue;
      if (along.axis.kind == Axis::Kind::kReal) {
        const auto x = static_cast<float>(point[d]);
        sum += along.peak - (along.middle - x).square() * along.sharpness;
        continue;
      }
      const std::size_t cell = along.axis.cell(point[d]);
      prior += along.uniform(cell);
      auto& column = columns[d][cell];
      if (!column) column = along.column(cell);
      sum += *column;
    }
    const float top = n > 0 ? std::max(prior, sum.maxCoeff()) : prior;
    const double rest = static_cast<double>((sum - top).exp().sum() + std::exp(prior - top));
    densities.push_back(static_cast<double>(top) + std::log(rest) -
                        std::log(static_cast<double>(n) + parts_->prior_weight));
  }
  return densities;
}

}  // namespace clavier::model
