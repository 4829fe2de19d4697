#include "model/cma.h"

// The names of the tutorial's formulas are spelled out: the mean is pulled to the better points,
// two paths remember where it went, the step size grows where its path is longer than chance would
// make it, and the covariance is pulled to the path (rank one) and to the points' steps (rank mu).
// The covariance is split into axes and lengths once a generation, after it has changed, because
// every draw until the next one needs them.

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace clavier::model {
namespace {

using Eigen::Index;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

constexpr double kSmallest = 1e-8;      ///< Deviation at which it has converged.
constexpr double kCondition = 1e14;     ///< Of the covariance, beyond which rounding decides.
constexpr double kMostGrowth = 2.7183;  ///< Of the step size, in one generation.

double mirrored(double x) {
  x = std::abs(std::fmod(x, 2));
  return std::min(x > 1 ? 2 - x : x, 1 - 0x1p-53);
}

}  // namespace

struct Cma::Parts {
  Index n = 0;
  bool separable = false;
  std::size_t population = 0;
  Vector weights;   ///< Of the points, the best first; the worse half's are negative.
  double mass = 0;  ///< Variance-effective number of the better points.
  double sigma_rate = 0, sigma_damping = 0, path_rate = 0, one_rate = 0, mu_rate = 0;
  double chance = 0;  ///< Expected length of a standard normal vector.

  int generation = 0;
  double sigma = 0;
  Vector mean, sigma_path, path;
  Matrix covariance, axes;
  Vector lengths;  ///< Square roots of the eigenvalues.

  void set_rates();
  void split();
};

void Cma::Parts::set_rates() {
  const auto d = static_cast<double>(n);
  const auto lambda = static_cast<double>(population);
  weights.resize(static_cast<Index>(population));
  for (Index i = 0; i < weights.size(); ++i)
    weights(i) = std::log((lambda + 1) / 2) - std::log(static_cast<double>(i) + 1);
  const auto better = static_cast<Index>(population / 2);
  const auto worse = weights.size() - better;
  mass = std::pow(weights.head(better).sum(), 2) / weights.head(better).squaredNorm();
  const double worse_mass =
      std::pow(weights.tail(worse).sum(), 2) / weights.tail(worse).squaredNorm();
  sigma_rate = (mass + 2) / (d + mass + 5);
  sigma_damping = 1 + 2 * std::max(0.0, std::sqrt((mass - 1) / (d + 1)) - 1) + sigma_rate;
  path_rate = (4 + mass / d) / (d + 4 + 2 * mass / d);
  one_rate = 2 / (std::pow(d + 1.3, 2) + mass);
  mu_rate = std::min(1 - one_rate, 2 * (0.25 + mass + 1 / mass - 2) / (std::pow(d + 2, 2) + mass));
  if (separable) {
    one_rate *= (d + 2) / 3;
    mu_rate = std::min(1 - one_rate, mu_rate * (d + 2) / 3);
  }
  chance = std::sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d));
  weights.head(better) /= weights.head(better).sum();
  const double sum = -weights.tail(worse).sum();
  const double scale = std::min({1 + one_rate / mu_rate, 1 + 2 * worse_mass / (mass + 2),
                                 (1 - one_rate - mu_rate) / (d * mu_rate)});
  weights.tail(worse) *= sum > 0 ? std::max(scale, 0.0) / sum : 0;
}

void Cma::Parts::split() {
  if (separable) {
    lengths = covariance.diagonal().cwiseMax(1e-20).cwiseSqrt();
    return;
  }
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
  axes = solver.eigenvectors();
  lengths = solver.eigenvalues().cwiseMax(1e-20).cwiseSqrt();
}

Cma::Cma(std::span<const double> mean, const CmaOptions& options)
    : parts_(std::make_unique<Parts>()) {
  CHECK(!mean.empty());
  Parts& p = *parts_;
  p.n = static_cast<Index>(mean.size());
  p.separable = options.separable;
  const auto usual = static_cast<std::size_t>(3 * std::log(static_cast<double>(mean.size())));
  p.population = std::max<std::size_t>(options.population ? options.population : 4 + usual, 4);
  p.sigma = options.sigma;
  p.mean = Eigen::Map<const Vector>(mean.data(), p.n);
  p.sigma_path = p.path = Vector::Zero(p.n);
  p.covariance = p.axes = Matrix::Identity(p.n, p.n);
  p.set_rates();
  p.split();
}

Cma::Cma(Cma&&) noexcept = default;
Cma& Cma::operator=(Cma&&) noexcept = default;
Cma::~Cma() = default;

std::size_t Cma::population() const { return parts_->population; }
std::vector<double> Cma::mean() const { return {parts_->mean.begin(), parts_->mean.end()}; }

std::vector<double> Cma::draw(Rng& rng, std::span<const double> least_deviation) const {
  const Parts& p = *parts_;
  Vector z(p.n);
  for (Index i = 0; i < p.n; ++i) z(i) = rng.normal() * p.lengths(i);
  const Vector step = p.separable ? z : Vector(p.axes * z);
  std::vector<double> point;
  for (Index i = 0; i < p.n; ++i) {
    const double variance = p.sigma * p.sigma * p.covariance(i, i);
    const double least = least_deviation[static_cast<std::size_t>(i)];
    const double more = std::sqrt(std::max(least * least - variance, 0.0));
    point.push_back(mirrored(p.mean(i) + p.sigma * step(i) + more * rng.normal()));
  }
  return point;
}

void Cma::tell(const std::vector<std::span<const double>>& points) {
  Parts& p = *parts_;
  CHECK(points.size() == p.population);
  const auto whitened = [&](const Vector& step) {  // C^(−1/2) · step
    if (p.separable) return Vector(step.cwiseQuotient(p.lengths));
    return Vector(p.axes * (p.axes.transpose() * step).cwiseQuotient(p.lengths));
  };
  const auto d = static_cast<double>(p.n);
  const double longest = std::sqrt(d) + 2 * d / (d + 2);
  Matrix steps(p.n, static_cast<Index>(points.size()));
  Vector squares(steps.cols());
  for (Index i = 0; i < steps.cols(); ++i) {
    const auto& point = points[static_cast<std::size_t>(i)];
    steps.col(i) = (Eigen::Map<const Vector>(point.data(), p.n) - p.mean) / p.sigma;
    const double length = whitened(steps.col(i)).norm();
    if (length > longest) steps.col(i) *= longest / length;
    squares(i) = std::pow(std::min(length, longest), 2);
  }
  const auto better = static_cast<Index>(p.population / 2);
  const Vector step = steps.leftCols(better) * p.weights.head(better);
  p.mean = (p.mean + p.sigma * step).cwiseMax(0).cwiseMin(1);

  ++p.generation;
  p.sigma_path = (1 - p.sigma_rate) * p.sigma_path +
                 std::sqrt(p.sigma_rate * (2 - p.sigma_rate) * p.mass) * whitened(step);
  const double length = p.sigma_path.norm();
  const double settled = std::sqrt(1 - std::pow(1 - p.sigma_rate, 2 * p.generation));
  const bool straight = length / settled < (1.4 + 2 / (d + 1)) * p.chance;
  p.path *= 1 - p.path_rate;
  if (straight) p.path += std::sqrt(p.path_rate * (2 - p.path_rate) * p.mass) * step;

  const double lost = straight ? 0 : p.path_rate * (2 - p.path_rate);
  p.covariance *= 1 + p.one_rate * lost - p.one_rate - p.mu_rate * p.weights.sum();
  p.covariance += p.one_rate * p.path * p.path.transpose();
  for (Index i = 0; i < steps.cols(); ++i) {
    const double even = p.weights(i) >= 0 ? 1 : d / std::max(squares(i), 1e-12);
    p.covariance += p.mu_rate * p.weights(i) * even * steps.col(i) * steps.col(i).transpose();
  }
  p.sigma *=
      std::min(std::exp(p.sigma_rate / p.sigma_damping * (length / p.chance - 1)), kMostGrowth);
  p.sigma = std::min(p.sigma, 1.0);
  p.split();
}

bool Cma::converged() const {
  const Parts& p = *parts_;
  const double least = p.lengths.minCoeff(), most = p.lengths.maxCoeff();
  return !std::isfinite(most) || p.sigma * most < kSmallest ||
         most * most > kCondition * least * least;
}

}  // namespace clavier::model
