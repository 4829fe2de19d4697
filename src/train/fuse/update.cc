#include "train/fuse/update.h"

#include <cmath>

#include "train/fuse/dispatch.h"

namespace clavier::train::kernels {
namespace {

template <int, typename T>
CLAVIER_INLINE void sgd_body(const SgdStep& step, T* __restrict weights,
                             const T* __restrict gradient, T* __restrict velocity,
                             std::int64_t count) {
  const T lr = static_cast<T>(step.lr);
  const T decay = static_cast<T>(step.weight_decay);
  const T scale = static_cast<T>(step.gradient_scale);
  const T momentum = static_cast<T>(step.momentum);
  const T fresh = static_cast<T>(step.first ? 1 : 1 - step.dampening);
  if (momentum == 0) {
    for (std::int64_t i = 0; i < count; ++i)
      weights[i] -= lr * (scale * gradient[i] + decay * weights[i]);
  } else if (step.nesterov) {
    for (std::int64_t i = 0; i < count; ++i) {
      const T g = scale * gradient[i] + decay * weights[i];
      velocity[i] = momentum * velocity[i] + fresh * g;
      weights[i] -= lr * (g + momentum * velocity[i]);
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      const T g = scale * gradient[i] + decay * weights[i];
      velocity[i] = momentum * velocity[i] + fresh * g;
      weights[i] -= lr * velocity[i];
    }
  }
}

template <int, typename T>
CLAVIER_INLINE void adam_body(const AdamStep& step, T* __restrict weights,
                              const T* __restrict gradient, T* __restrict first,
                              T* __restrict second, std::int64_t count) {
  const T beta1 = static_cast<T>(step.beta1);
  const T beta2 = static_cast<T>(step.beta2);
  const T rest1 = static_cast<T>(1 - step.beta1);
  const T rest2 = static_cast<T>(1 - step.beta2);
  const T eps = static_cast<T>(step.eps);
  const T rate = static_cast<T>(step.lr / step.correction1);
  const T root = static_cast<T>(1 / std::sqrt(step.correction2));
  const T coupled = static_cast<T>(step.decoupled ? 0 : step.weight_decay);
  const T shrink = static_cast<T>(step.decoupled ? 1 - step.lr * step.weight_decay : 1);
  const T scale = static_cast<T>(step.gradient_scale);
  for (std::int64_t i = 0; i < count; ++i) {
    const T g = scale * gradient[i] + coupled * weights[i];
    first[i] = beta1 * first[i] + rest1 * g;
    second[i] = beta2 * second[i] + rest2 * g * g;
    weights[i] = shrink * weights[i] - rate * first[i] / (std::sqrt(second[i]) * root + eps);
  }
}

template <typename T>
double sum_of_squares(const T* numbers, std::int64_t count) {
  double parts[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; ++k)
      parts[k] += static_cast<double>(numbers[i + k]) * static_cast<double>(numbers[i + k]);
  for (; i < count; ++i) parts[0] += static_cast<double>(numbers[i]) * numbers[i];
  double sum = 0;
  for (double part : parts) sum += part;
  return sum;
}

}  // namespace

#define CLAVIER_UPDATES(T)                                                                    \
  CLAVIER_DISPATCH(                                                                           \
      sgd, sgd_body,                                                                          \
      (const SgdStep& step, T* weights, const T* gradient, T* velocity, std::int64_t count),  \
      (step, weights, gradient, velocity, count))                                             \
  CLAVIER_DISPATCH(adam, adam_body,                                                           \
                   (const AdamStep& step, T* weights, const T* gradient, T* first, T* second, \
                    std::int64_t count),                                                      \
                   (step, weights, gradient, first, second, count))                           \
  double square_norm(const T* numbers, std::int64_t count) {                                  \
    return sum_of_squares(numbers, count);                                                    \
  }
CLAVIER_UPDATES(float)
CLAVIER_UPDATES(double)

}  // namespace clavier::train::kernels
