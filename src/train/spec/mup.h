#pragma once

#include <vector>

#include "train/spec/shape.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {

struct ScaledNetwork {
  Network network;
  /// Of each parameter: what its learning rate is multiplied by and its decay divided by, so that
  /// rate × decay stays. Empty: all are 1.
  std::vector<double> rates = {};
};

/// The network that a specification trains on such samples, its widths divided by `spec.scale`.
/// With `mup` it is drawn and learns so that the hyperparameters of the network of scale 1, which
/// the specification means, are right for it, too: the maximal update parametrisation (Yang and Hu
/// et al., arXiv 2203.03466, table 3). With scale 1 both parametrisations are the same.
Result<ScaledNetwork> network_of(const TrainerSpec& spec, const Shape& input, std::int64_t outputs);

}  // namespace clavier::train
