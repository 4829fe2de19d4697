#include "model/matern_gp.h"

// All loops run over one coordinate of all points at a time: columns of matrices, which Eigen
// vectorises. The kernel is written by r² rather than r, so that its slopes need no division by a
// distance that may be 0: dk/d(r²) = −5/6 · variance · (1 + √5 r) · exp(−√5 r).

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <utility>

#include "base/check.h"
#include "model/gaussian.h"
#include "model/lbfgs.h"

namespace clavier::model {
namespace {

using Eigen::ArrayXd;
using Eigen::ArrayXXd;
using Eigen::Index;
using Matrix = Gaussian::Matrix;
using Vector = Gaussian::Vector;

constexpr double kLeastNoise = 1e-6;
constexpr double kLeastVariance = 1e-12;

/// One row for each point.
Matrix rows_of(const std::vector<std::vector<double>>& points, std::size_t dimensions) {
  Matrix rows(static_cast<Index>(points.size()), static_cast<Index>(dimensions));
  for (std::size_t i = 0; i < points.size(); ++i)
    rows.row(static_cast<Index>(i)) =
        Eigen::Map<const Eigen::RowVectorXd>(points[i].data(), rows.cols());
  return rows;
}

/// Squared differences of a column's entries to `x`.
ArrayXd squares(const Matrix& rows, Index column, double x, bool unordered) {
  const auto entries = rows.col(column).array();
  if (unordered) return (entries != x).cast<double>();
  return (entries - x).square();
}

/// By r²: the kernel, and its slope.
struct Kernel {
  ArrayXXd value, slope;

  Kernel(const ArrayXXd& squared, double variance) {
    const ArrayXXd scaled = (5 * squared).sqrt();
    const ArrayXXd decay = variance * (-scaled).exp();
    slope = -5.0 / 6 * (1 + scaled) * decay;
    value = (1 + scaled + 5.0 / 3 * squared) * decay;
  }
};

/// The same kernel alone, in place of a column of r².
void to_kernel(Eigen::Ref<ArrayXd> squared, double variance) {
  const ArrayXd scaled = (5 * squared).sqrt();
  squared = (1 + scaled + 5.0 / 3 * squared) * (variance * (-scaled).exp());
}

/// The squared differences of all pairs, by coordinate.
std::vector<ArrayXXd> differences(const MaternData& data) {
  const Matrix rows = rows_of(data.points, data.unordered.size());
  std::vector<ArrayXXd> all;
  for (Index axis = 0; axis < rows.cols(); ++axis) {
    all.emplace_back(rows.rows(), rows.rows());
    for (Index i = 0; i < rows.rows(); ++i)
      all.back().col(i) =
          squares(rows, axis, rows(i, axis), data.unordered[static_cast<std::size_t>(axis)]);
  }
  return all;
}

/// As the optimiser sees them: the logarithms of variance, noise and each relevance.
MaternSettings settings_at(std::span<const double> at) {
  MaternSettings settings{std::exp(at[0]), std::exp(at[1])};
  for (const double each : at.subspan(2)) settings.relevance.push_back(std::exp(each));
  return settings;
}

/// The negative logarithms of prior and likelihood, and their gradient.
double unlikeliness(const std::vector<ArrayXXd>& squared, const Vector& values,
                    std::span<const double> at, std::span<double> gradient) {
  const MaternSettings settings = settings_at(at);
  ArrayXXd sum = ArrayXXd::Zero(values.size(), values.size());
  for (std::size_t axis = 0; axis < squared.size(); ++axis)
    sum += settings.relevance[axis] * squared[axis];
  const Kernel kernel(sum, settings.variance);
  Matrix covariance = kernel.value.matrix();
  covariance.diagonal().array() += settings.noise;
  const auto gaussian = Gaussian::of(covariance, values);
  if (!gaussian) {
    std::ranges::fill(gradient, 0);
    return std::numeric_limits<double>::infinity();
  }
  const ArrayXXd slope = gaussian->slope();
  const ArrayXXd by_square = slope * kernel.slope;
  // Gamma(2, 1) of the variance, Gamma(1.1, 30) of the noise.
  double prior = at[0] - settings.variance + 0.1 * at[1] - 30 * settings.noise;
  gradient[0] = -((slope * kernel.value).sum() + 1 - settings.variance);
  gradient[1] = -(settings.noise * slope.matrix().trace() + 0.1 - 30 * settings.noise);
  for (std::size_t axis = 0; axis < squared.size(); ++axis) {
    const double relevance = settings.relevance[axis];
    prior -= 0.1 / relevance + 0.1 * relevance;
    gradient[2 + axis] =
        -(relevance * (by_square * squared[axis]).sum() + 0.1 / relevance - 0.1 * relevance);
  }
  return -gaussian->log_likelihood - prior;
}

}  // namespace

struct MaternGp::Parts {
  std::vector<bool> unordered;
  MaternSettings settings;
  Matrix rows;
  double least_mean = 0;
  std::optional<Gaussian> gaussian = {};

  /// r² of the points to one, from row `first` on.
  ArrayXd squared(std::span<const double> point, Index first = 0) const {
    ArrayXd sum = ArrayXd::Zero(rows.rows() - first);
    for (std::size_t axis = 0; axis < point.size(); ++axis) {
      const auto column = rows.col(static_cast<Index>(axis)).tail(sum.size()).array();
      if (unordered[axis])
        sum += settings.relevance[axis] * (column != point[axis]).cast<double>();
      else
        sum += settings.relevance[axis] * (column - point[axis]).square();
    }
    return sum;
  }
  /// The covariance with one point, into a column from row `first` on.
  void covariance(std::span<const double> point, Eigen::Ref<Vector> column, Index first = 0) const {
    ArrayXd near = squared(point, first);
    to_kernel(near, settings.variance);
    column.tail(near.size()) = near.matrix();
  }
};

MaternGp::MaternGp(const MaternData& data, const MaternSettings& settings)
    : parts_(std::make_unique<Parts>(
          Parts{data.unordered, settings, rows_of(data.points, data.unordered.size())})) {
  CHECK(!data.points.empty() && data.points.size() == data.values.size());
  const Index n = parts_->rows.rows();
  Matrix covariance(n, n);  // its lower half, which is all that is read
  for (Index i = 0; i < n; ++i)
    parts_->covariance(data.points[static_cast<std::size_t>(i)], covariance.col(i), i);
  const double noise = std::max(settings.noise, kLeastNoise);
  covariance.diagonal().array() += noise;
  const Vector values = Eigen::Map<const Vector>(data.values.data(), n);
  parts_->gaussian = Gaussian::of(covariance, values);
  CHECK(parts_->gaussian.has_value(), "a covariance that is not positive definite");
  parts_->least_mean = (values - noise * parts_->gaussian->weights).minCoeff();
}

MaternGp::MaternGp(MaternGp&&) noexcept = default;
MaternGp& MaternGp::operator=(MaternGp&&) noexcept = default;
MaternGp::~MaternGp() = default;

double MaternGp::least_mean() const { return parts_->least_mean; }
double MaternGp::log_likelihood() const { return parts_->gaussian->log_likelihood; }

MaternGp::Prediction MaternGp::at(std::span<const double> point) const {
  const MaternSettings& settings = parts_->settings;
  const Kernel kernel(parts_->squared(point), settings.variance);
  const Vector near = kernel.value.matrix().col(0);
  const Vector explained = parts_->gaussian->factor.solve(near);
  Prediction found{near.dot(parts_->gaussian->weights),
                   std::max(settings.variance - near.dot(explained), kLeastVariance)};
  for (std::size_t axis = 0; axis < point.size(); ++axis) {
    Vector slope = Vector::Zero(near.size());
    if (!parts_->unordered[axis])
      slope = (2 * settings.relevance[axis] * kernel.slope.col(0) *
               (point[axis] - parts_->rows.col(static_cast<Index>(axis)).array()))
                  .matrix();
    found.mean_slope.push_back(slope.dot(parts_->gaussian->weights));
    found.variance_slope.push_back(-2 * slope.dot(explained));
  }
  return found;
}

std::vector<MaternGp::Prediction> MaternGp::at(
    const std::vector<std::vector<double>>& points) const {
  Matrix near(parts_->rows.rows(), static_cast<Index>(points.size()));
  for (std::size_t i = 0; i < points.size(); ++i)
    parts_->covariance(points[i], near.col(static_cast<Index>(i)));
  const Vector means = near.transpose() * parts_->gaussian->weights;
  parts_->gaussian->factor.matrixL().solveInPlace(near);
  std::vector<Prediction> found;
  for (Index i = 0; i < near.cols(); ++i)
    found.push_back({means(i), std::max(parts_->settings.variance - near.col(i).squaredNorm(),
                                        kLeastVariance)});
  return found;
}

MaternSettings fit_matern(const MaternData& data, int max_evaluations) {
  const std::vector<ArrayXXd> squared = differences(data);
  const Vector values =
      Eigen::Map<const Vector>(data.values.data(), static_cast<Index>(data.values.size()));
  Box box{{std::log(1e-2), std::log(kLeastNoise)}, {std::log(1e2), 0}};
  std::vector<double> start{0, std::log(MaternSettings().noise)};
  for (std::size_t axis = 0; axis < squared.size(); ++axis) {
    box.low.push_back(std::log(1e-4));
    box.high.push_back(std::log(1e4));
    start.push_back(0);
  }
  const auto function = [&](std::span<const double> at, std::span<double> gradient) {
    return unlikeliness(squared, values, at, gradient);
  };
  return settings_at(minimise(function, std::move(start), box, max_evaluations).x);
}

LogImprovement log_expected_improvement(double mean, double variance, double best) {
  const double deviation = std::sqrt(variance), z = (best - mean) / deviation;
  const double log_density = -z * z / 2 - std::log(2 * std::numbers::pi) / 2;
  // The improvement over the deviation is φ(z) + z Φ(z); its slope by z is Φ(z).
  double log_gain = 0, slope_over_gain = 0;
  if (z > -4) {
    const double below = std::erfc(-z / std::numbers::sqrt2) / 2;
    const double gain = std::exp(log_density) + z * below;
    log_gain = std::log(gain);
    slope_over_gain = below / gain;
  } else {
    // Laplace's continued fraction, Φ(−t) / φ(t) = 1 / (t + rest): nothing cancels.
    const double t = -z;
    double rest = 0;
    for (int i = 40; i > 0; --i) rest = i / (t + rest);
    log_gain = log_density + std::log(rest / (t + rest));
    slope_over_gain = 1 / rest;
  }
  return {std::log(deviation) + log_gain, -slope_over_gain / deviation,
          (1 - z * slope_over_gain) / (2 * variance)};
}

}  // namespace clavier::model
