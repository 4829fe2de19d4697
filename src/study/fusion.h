#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "study/config.h"
#include "study/ids.h"

namespace clavier {

/// Which trials may be trained as one array, on one slot.
struct Fusion {
  std::int64_t members = 1;  ///< Of an array, at most; 1: there are none.
  bool learned = false;      ///< How many are best is learned, of each kind of trials.
  /// Parameters in which all members of an array agree.
  std::vector<std::string> shared = {};

  bool on() const { return members > 1; }
  /// The same text for all that may be members of one array: they agree, and go on from the same
  /// step.
  std::string alike(const Config& config, Steps from, double width) const;
  friend bool operator==(const Fusion&, const Fusion&) = default;
};

}  // namespace clavier
