#pragma once

#include <cstdint>
#include <string>

#include "study/config.h"
#include "study/node.h"

namespace clavier {

/// How many slots of one machine a trial takes at once, all or none: a number, or what one of its
/// parameters says.
struct GangSize {
  std::int64_t number = 1;     ///< Also where the trial does not have the parameter.
  std::string parameter = {};  ///< Empty: all trials are alike.

  bool differs() const { return !parameter.empty(); }
  bool one() const { return !differs() && number == 1; }
  /// Of a trial with this configuration; 0 if its parameter is no whole number of at least 1.
  std::int64_t of(const Config& config) const;
  friend bool operator==(const GangSize&, const GangSize&) = default;
};

/// What a launch over several slots has: the first one's id, everybody's cores and devices, the
/// speed of the slowest.
/// REQUIRES: there is one, and all are of one node.
Slot joined(const std::vector<Slot>& slots);

}  // namespace clavier
