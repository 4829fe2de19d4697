#pragma once

#include <cstdint>

/// One member's optimizer step over its row of the flat buffers, in one pass over memory.
namespace clavier::train::kernels {

struct SgdStep {
  double lr = 0;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool first = false;  ///< The momentum starts as the gradient itself.
  double gradient_scale = 1;
};

struct AdamStep {
  double lr = 0;
  double beta1 = 0;
  double beta2 = 0;
  double eps = 0;
  double weight_decay = 0;
  bool decoupled = false;  ///< AdamW.
  double correction1 = 1;  ///< 1 - beta1^t.
  double correction2 = 1;
  double gradient_scale = 1;
};

void sgd(const SgdStep& step, float* weights, const float* gradient, float* velocity,
         std::int64_t count);
void sgd(const SgdStep& step, double* weights, const double* gradient, double* velocity,
         std::int64_t count);
void adam(const AdamStep& step, float* weights, const float* gradient, float* first, float* second,
          std::int64_t count);
void adam(const AdamStep& step, double* weights, const double* gradient, double* first,
          double* second, std::int64_t count);
/// Sum of squares.
double square_norm(const float* numbers, std::int64_t count);
double square_norm(const double* numbers, std::int64_t count);

}  // namespace clavier::train::kernels
