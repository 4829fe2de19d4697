#include "model/drifting_gp.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "model/gaussian.h"
#include "model/lbfgs.h"

namespace clavier::model {
namespace {

using Eigen::Index;
using Matrix = Gaussian::Matrix;
using Vector = Gaussian::Vector;

constexpr double kLeastNoise = 1e-6;

double squared_distance(const GpPoint& a, const GpPoint& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.x.size(); ++i) sum += (a.x[i] - b.x[i]) * (a.x[i] - b.x[i]);
  return sum;
}

double covariance(const GpPoint& a, const GpPoint& b, const GpSettings& settings) {
  return settings.variance * std::exp(-squared_distance(a, b) / settings.length_scale) *
         std::pow(1 - settings.decay, std::abs(a.time - b.time) / 2);
}

/// Squared distances of x, and distances in time, of all pairs.
struct Distances {
  Matrix space, time;

  explicit Distances(const std::vector<GpPoint>& points) {
    const auto n = static_cast<Index>(points.size());
    space.resize(n, n);
    time.resize(n, n);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j <= i; ++j) {
        const GpPoint &a = points[static_cast<std::size_t>(i)],
                      &b = points[static_cast<std::size_t>(j)];
        space(i, j) = space(j, i) = squared_distance(a, b);
        time(i, j) = time(j, i) = std::abs(a.time - b.time);
      }
  }

  Matrix covariances(const GpSettings& settings) const {
    const double rate = std::log1p(-settings.decay) / 2;
    return settings.variance *
           (-space.array() / settings.length_scale + rate * time.array()).exp().matrix();
  }
};

/// As the optimiser sees them: logarithms, but for the decay.
GpSettings settings_at(std::span<const double> at) {
  return {std::exp(at[0]), std::exp(at[1]), at[2], std::exp(at[3])};
}

/// The negative logarithm of the likelihood and its gradient at `settings_at`.
double unlikeliness(const Distances& distances, const Vector& values, std::span<const double> at,
                    std::span<double> gradient) {
  const GpSettings settings = settings_at(at);
  const Matrix covariances = distances.covariances(settings);
  Matrix noisy = covariances;
  noisy.diagonal().array() += settings.noise;
  const auto gaussian = Gaussian::of(noisy, values);
  if (!gaussian) {
    std::ranges::fill(gradient, 0);
    return std::numeric_limits<double>::infinity();
  }
  const Eigen::ArrayXXd slope = gaussian->slope();
  const Eigen::ArrayXXd by_variance = slope * covariances.array();
  gradient[0] = -by_variance.sum();
  gradient[1] = -(by_variance * distances.space.array()).sum() / settings.length_scale;
  gradient[2] = (by_variance * distances.time.array()).sum() / (2 * (1 - settings.decay));
  gradient[3] = -settings.noise * slope.matrix().trace();
  return -gaussian->log_likelihood;
}

}  // namespace

struct DriftingGp::Parts {
  std::vector<GpPoint> points;
  GpSettings settings;
  std::optional<Gaussian> gaussian = {};
};

DriftingGp::DriftingGp(std::vector<GpPoint> points, std::span<const double> values,
                       GpSettings settings)
    : parts_(std::make_unique<Parts>(Parts{std::move(points), settings})) {
  CHECK(!parts_->points.empty() && parts_->points.size() == values.size());
  Matrix noisy = Distances(parts_->points).covariances(settings);
  noisy.diagonal().array() += std::max(settings.noise, kLeastNoise);
  const Vector y = Eigen::Map<const Vector>(values.data(), static_cast<Index>(values.size()));
  parts_->gaussian = Gaussian::of(noisy, y);
  CHECK(parts_->gaussian.has_value(), "a covariance that is not positive definite");
}

DriftingGp::DriftingGp(DriftingGp&&) noexcept = default;
DriftingGp::~DriftingGp() = default;

double DriftingGp::log_likelihood() const { return parts_->gaussian->log_likelihood; }
std::size_t DriftingGp::size() const { return parts_->points.size(); }

DriftingGp::Prediction DriftingGp::at(const GpPoint& point) const {
  const auto n = static_cast<Index>(size());
  const auto dimensions = static_cast<Index>(point.x.size());
  Vector near(n);
  Matrix slopes(n, dimensions);
  for (Index i = 0; i < n; ++i) {
    const GpPoint& other = parts_->points[static_cast<std::size_t>(i)];
    near(i) = covariance(point, other, parts_->settings);
    for (Index j = 0; j < dimensions; ++j) {
      const auto at = static_cast<std::size_t>(j);
      slopes(i, j) = -2 * (point.x[at] - other.x[at]) / parts_->settings.length_scale * near(i);
    }
  }
  const Vector explained = parts_->gaussian->factor.solve(near);
  const Vector mean_slope = slopes.transpose() * parts_->gaussian->weights;
  const Vector variance_slope = -2 * (slopes.transpose() * explained);
  return {.mean = near.dot(parts_->gaussian->weights),
          .variance = std::max(parts_->settings.variance - near.dot(explained), 0.0),
          .mean_slope = {mean_slope.begin(), mean_slope.end()},
          .variance_slope = {variance_slope.begin(), variance_slope.end()}};
}

GpSettings fit_gp(const std::vector<GpPoint>& points, std::span<const double> values,
                  GpSettings start, int max_evaluations) {
  const Distances distances(points);
  const Vector y = Eigen::Map<const Vector>(values.data(), static_cast<Index>(values.size()));
  const Box box{{std::log(1e-3), std::log(1e-5), 0, std::log(kLeastNoise)},
                {0, 0, 0.5, std::log(1e2)}};
  std::vector<double> from{std::log(start.variance), std::log(start.length_scale), start.decay,
                           std::log(start.noise)};
  for (std::size_t i = 0; i < from.size(); ++i)
    from[i] = std::clamp(from[i], box.low[i], box.high[i]);
  const auto function = [&](std::span<const double> at, std::span<double> gradient) {
    return unlikeliness(distances, y, at, gradient);
  };
  return settings_at(minimise(function, std::move(from), box, max_evaluations).x);
}

}  // namespace clavier::model
