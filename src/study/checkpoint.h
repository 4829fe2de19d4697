#pragma once

#include <cstdint>
#include <string>

#include "study/ids.h"

namespace clavier {

/// A directory that a worker wrote and the study owns from the committed step on. Immutable.
/// Named by (trial, launch, step): an old attempt can never overwrite a newer one.
struct Checkpoint {
  TrialId trial;
  LaunchId launch;
  Steps step = 0;
  std::string path;  ///< Relative to the study's folder, '/' between parts.
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

}  // namespace clavier
