#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "base/json.h"
#include "base/result.h"
#include "train/spec/trainer_spec.h"
#include "train/trainer/samples.h"

namespace clavier::train {

struct CoordinateOptions {
  std::vector<double> scales = {8, 4, 2, 1};  ///< Several, all different.
  std::int64_t steps = 5;                     ///< Batches trained.
  std::int64_t seeds = 3;
};

/// How large what a layer gives is before the first batch, and by how much it has changed after
/// some: the mean magnitude on the first batch, over all seeds, for each scale.
struct Coordinates {
  std::string layer;
  std::int64_t step = 0;
  std::vector<double> magnitude = {};
  /// Of log magnitude over log width, by least squares: 0 where the width makes no difference.
  double slope = 0;
};

/// The coordinate check (Yang and Hu et al., arXiv 2203.03466, appendix D.1): trains the
/// specification at several widths and measures what every layer with parameters gives, before the
/// first batch and after each. With a right parametrisation changes are alike at every width and
/// slopes near 0; with the standard one they grow with the width. What the readout gives at the
/// start falls with the root of the width in both. By layer, then by step.
Result<std::vector<Coordinates>> check_coordinates(const TrainerSpec& spec, const Samples& samples,
                                                   c10::Device device,
                                                   const CoordinateOptions& options);

/// {"scales": […], "coordinates": [{layer, step, magnitude, slope}, …]}
Json to_json(const CoordinateOptions& options, const std::vector<Coordinates>& found);

}  // namespace clavier::train
