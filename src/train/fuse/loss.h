#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>  // Before base/check.h, whose CHECK is meant.

#include "train/fuse/layer.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {

/// Sums over samples for each member, on the logits' device until `read`.
struct Totals {
  at::Tensor loss;     ///< (F) double.
  at::Tensor correct;  ///< (F) double.
  std::int64_t samples = 0;

  static Totals zero(std::int64_t members, c10::Device device);
};

/// A batch's targets: classes (N) int64 for cross-entropy, numbers (N, outputs) for mean squared
/// error. `smoothing` holds one number per member (cross-entropy).
struct LossSpec {
  LossKind kind = LossKind::kCrossEntropy;
  std::span<const double> smoothing = {};
  Kernels kernels = Kernels::kOwn;
};

/// Adds the losses of one batch to `totals`. Logits are (F, N, outputs). Where `gradient` is given,
/// it receives the gradient of Σ_f mean_n loss — the sum over members, so that each member's
/// gradient is the one it would have alone.
void add_loss(const at::Tensor& logits, const at::Tensor& targets, const LossSpec& spec,
              Totals& totals, at::Tensor* gradient = nullptr);

}  // namespace clavier::train
