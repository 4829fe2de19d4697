#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "study/space.h"

/// How population-based training varies the configuration of a donor.
namespace clavier::sched {

struct ExploreOptions {
  /// Names of the parameters that may change; empty: every real number, whole number and choice.
  std::vector<std::string> parameters = {};
  double resample_probability = 0.25;        ///< Of drawing anew instead of perturbing.
  std::vector<double> factors = {1.2, 0.8};  ///< One of them, each as likely.
  /// Last word of a C++ user, applied to the explored configuration. Must be pure.
  std::function<Config(Config)> custom = nullptr;
};

/// The configuration and, in words, what was changed: "lr 0.1 * 0.8, width drawn anew".
struct Explored {
  Config config;
  std::string changes;
};

/// Places in `space.parameters` of those that may change.
std::vector<std::size_t> mutable_parameters(const Space& space, const ExploreOptions& options);

/// Nothing can change, an unknown or fixed parameter is named, a probability or a factor makes no
/// sense.
Status check(const Space& space, const ExploreOptions& options);

/// A neighbour of `donor` inside the space. Each parameter that may change is drawn anew with the
/// resample probability, else perturbed: numbers are multiplied by a factor, brought to their
/// nearest quantum (at least one away, so that small whole numbers do not stick) and clipped to the
/// domain (on a reverse logarithmic scale 1 - x is multiplied); an ordered choice moves to a
/// neighbour; an unordered one stays. What the factor cannot move (zero) is drawn anew. Conditional
/// parameters come and go with their parents, computed ones are computed again. If no neighbour of
/// kTries satisfies the constraints, the donor's own configuration is used.
Explored explore(const Space& space, const ExploreOptions& options, const Config& donor, Rng& rng);

/// `changed` as a whole configuration: what is computed is computed anew, what its changes have
/// made active is drawn, what they have made inactive goes. Nothing if a value is outside the space
/// or a constraint does not hold.
std::optional<Config> settled(const Space& space, const Config& changed, Rng& rng);

/// As Ray Tune does: not clipped, whole numbers rounded, an ordered choice (Ray's list) shifted by
/// one place and kept at its end, an unordered one (Ray's `choice` among continuous domains) only
/// drawn anew. Nothing is said about constraints, conditions and computed parameters.
Explored explore_as_ray(const Space& space, const ExploreOptions& options, const Config& donor,
                        Rng& rng);

}  // namespace clavier::sched
