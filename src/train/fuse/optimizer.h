#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>  // Before base/check.h, whose CHECK is meant.

#include "train/fuse/layer.h"
#include "train/spec/shape.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {

/// What members of one array may differ in.
struct MemberOptions {
  double lr = 0.01;
  double momentum = 0;
  double dampening = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  double clip_norm = 0;  ///< 0: not clipped.
  bool nesterov = false;
};

MemberOptions member_options(const TrainerSpec& spec);

/// Parameters one behind the other, of every member, whose learning rate is multiplied and whose
/// decay is divided by `rate`.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t count = 0;
  double rate = 1;
};

/// `rates` are of the network's parameters; empty: all are 1.
std::vector<Stretch> stretches(const Network& network, const std::vector<double>& rates);

/// SGD, Adam and AdamW as PyTorch defines them, over the flat buffers of all members at once. Each
/// member has its own options and its own count of steps, so members of any age fit together.
class Optimizer {
 public:
  /// `stretches` cover the parameters; empty: all as one.
  Optimizer(OptimizerKind kind, const at::Tensor& parameters, Kernels kernels = Kernels::kOwn,
            std::vector<Stretch> stretches = {});

  /// REQUIRES: one entry per member; parameters as those given before.
  void step(std::span<const MemberOptions> members, at::Tensor& parameters,
            const at::Tensor& gradients);

  OptimizerKind kind() const { return kind_; }
  /// (F, P) each: momentum for SGD, first and second moment for Adam. For checkpoints.
  const std::vector<at::Tensor>& moments() const { return moments_; }
  /// Steps taken by each member; part of the state.
  std::vector<std::int64_t>& steps() { return steps_; }
  const std::vector<std::int64_t>& steps() const { return steps_; }

 private:
  void plain(std::span<const MemberOptions> members, at::Tensor& parameters,
             const at::Tensor& gradients);
  void sgd(std::span<const MemberOptions> members, at::Tensor& parameters, at::Tensor gradients);
  void adam(std::span<const MemberOptions> members, at::Tensor& parameters, at::Tensor gradients);

  /// (F, 1) becomes (F, P) where parameters have rates of their own.
  at::Tensor faster(const at::Tensor& rate) const;
  at::Tensor slower(const at::Tensor& decay) const;

  OptimizerKind kind_;
  bool plain_;
  std::vector<Stretch> stretches_;
  at::Tensor rates_;  ///< (1, P), for LibTorch's arithmetic; undefined: all are 1.
  std::vector<at::Tensor> moments_;
  std::vector<std::int64_t> steps_;
};

}  // namespace clavier::train
