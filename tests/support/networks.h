#pragma once

#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>  // Before base/check.h, whose CHECK is meant.

#include "train/fuse/array.h"
#include "train/spec/shape.h"

/// Networks and stock LibTorch to compare arrays with.
namespace clavier::train::testing {

struct Case {
  std::string_view name;
  std::string_view model;  ///< As in a study file.
  Shape input;
};

/// Small networks that have every layer in every surrounding that matters.
const std::vector<Case>& cases();

/// Everyone who may do the arithmetic.
struct Way {
  Kernels kernels;
  Plan plan;
};
inline const Way kWays[] = {{Kernels::kOwn, {Convolver::kLoops}},
                            {Kernels::kOwn, {Convolver::kProducts}},
                            {Kernels::kOwn, {Convolver::kLibrary}},
                            {Kernels::kLibrary, {}}};

Network network_of(const Case& chosen);

/// Parameters of one member as leaves of LibTorch's own differentiation.
std::vector<at::Tensor> leaves(const Array& array, std::int64_t member);

/// The member's network from stock operators: (N, outputs). `running` are the batch norms'
/// statistics in the order of the network's buffers, changed in training.
at::Tensor stock_forward(const Network& network, const std::vector<at::Tensor>& parameters,
                         std::vector<at::Tensor>& running, const at::Tensor& input, bool training);

std::vector<at::Tensor> fresh_running(const Network& network, at::ScalarType dtype);

/// Largest difference relative to the largest number, or to 1e-3 where all are next to nothing.
double difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace clavier::train::testing
