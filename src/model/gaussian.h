#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace clavier::model {

/// Values of mean 0 and what follows from their covariance, noise included: what every Gaussian
/// process is made of, whatever its kernel. For the sources of this folder, as it needs Eigen.
struct Gaussian {
  using Matrix = Eigen::MatrixXd;
  using Vector = Eigen::VectorXd;

  Eigen::LLT<Matrix> factor;
  Vector weights;  ///< The inverse covariance times the values.
  double log_likelihood = 0;

  /// Nothing if the covariance is not positive definite.
  static std::optional<Gaussian> of(const Matrix& covariance, const Vector& values) {
    Gaussian all{Eigen::LLT<Matrix>(covariance), {}};
    if (all.factor.info() != Eigen::Success) return {};
    all.weights = all.factor.solve(values);
    all.log_likelihood = -values.dot(all.weights) / 2 -
                         all.factor.matrixLLT().diagonal().array().log().sum() -
                         static_cast<double>(values.size()) * std::log(2 * std::numbers::pi) / 2;
    return all;
  }

  /// Of the log-likelihood, by each entry of the covariance.
  Eigen::ArrayXXd slope() const {
    const Matrix inverse = factor.solve(Matrix::Identity(weights.size(), weights.size()));
    return (weights * weights.transpose() - inverse).array() / 2;
  }
};

}  // namespace clavier::model
