#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/util/Logging.h>  // Before base/check.h, whose CHECK is meant.

#include "train/fuse/layer.h"
#include "train/spec/shape.h"

namespace clavier::train {

struct ArrayOptions {
  at::ScalarType dtype = at::kFloat;
  c10::Device device = c10::kCPU;
  Kernels kernels = Kernels::kOwn;
  Plan plan = {};
  Plan evaluation = {};        ///< Where it is not the same.
  Stopwatch* watch = nullptr;  ///< Must outlive the array.
};

/// F networks of the same shape trained as one: the ordinary model is the array of one. Member f
/// owns row f of every flat buffer and nothing else is shared but the input, so no member can touch
/// another. Single-threaded; to be used under c10::InferenceMode.
class Array {
 public:
  Array(Network network, std::int64_t members, const ArrayOptions& options);

  const Network& network() const { return network_; }
  std::int64_t members() const { return members_; }
  const ArrayOptions& options() const { return options_; }

  /// (F, P): every parameter of a member, one after the other.
  const at::Tensor& parameters() const { return parameters_; }
  const at::Tensor& gradients() const { return gradients_; }
  /// (F, B): running statistics.
  const at::Tensor& buffers() const { return buffers_; }
  /// (F, sizes…), a view.
  Slot slot(int parameter) const;

  /// Draws every parameter of member f from `seeds[f]`: a member's start does not depend on its
  /// place, on its neighbours or on the device.
  void initialise(std::span<const std::uint64_t> seeds);

  /// `input`: (N, …), the same samples for every member.
  /// Returns the logits (F, N, outputs).
  at::Tensor forward(const at::Tensor& input, const Pass& pass);
  /// Sets `gradients` from the gradient of the members' summed losses by the logits.
  void backward(const at::Tensor& gradient);

 private:
  Network network_;
  std::int64_t members_;
  ArrayOptions options_;
  at::Tensor parameters_;
  at::Tensor gradients_;
  at::Tensor buffers_;
  std::vector<LayerPtr> layers_;
  std::vector<LayerPtr> evaluation_;  ///< Over the same buffers; empty: `layers_`.
};

}  // namespace clavier::train
