#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/fuse/array.h"
#include "train/spec/shape.h"

namespace clavier::train {

/// Seconds since some moment.
using Seconds = std::function<double()>;

/// Every convolution of the network in the order in which they run.
std::vector<const ShapedLayer*> convolutions(const Network& network);

/// What a question about the fastest plan depends on.
struct PlanQuestion {
  std::int64_t members = 1;
  at::ScalarType dtype = at::kFloat;
  std::int64_t batch = 1;
  bool training = true;
};

/// The network up to its last image: what stands behind has no choices. Without a convolution
/// there, no layers.
Network image_part(const Network& network);

/// The batch that is measured for a batch of that size: a power of two, of at most 64 and of
/// bounded work.
std::int64_t measured_batch(const Network& network, std::int64_t batch);

/// Measures whole passes over `image_part` with the loops, the products and the library wherever
/// they are possible, and with the fastest of them for each convolution; returns the plan whose
/// best pass took least by `clock`. Takes tenths of a second; some seconds for the largest
/// networks. Under c10::InferenceMode.
Plan fastest_plan(const Network& network, const PlanQuestion& question, const Seconds& clock);

/// "loops products library"
std::string to_text(const Plan& plan);
/// Nothing but a plan for that many convolutions: otherwise empty.
Plan plan_from_text(std::string_view text, std::size_t convolutions);

}  // namespace clavier::train
