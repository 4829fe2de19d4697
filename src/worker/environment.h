#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "worker/protocol.h"

namespace clavier::worker {

inline constexpr char kDescriptorVariable[] = "CLAVIER_FD";
/// Of a configuration as JSON: the kernel takes 128 KiB per variable.
inline constexpr std::size_t kMaxConfigBytes = 100 << 10;

/// What a worker finds in its environment besides CLAVIER_FD: CLAVIER_CONFIG, _TRIAL, _LAUNCH,
/// _DIR, _CHECKPOINT, _STEP, _UNTIL, _SLOTS. Names that do not apply are absent: the caller removes
/// inherited variables that begin with CLAVIER_. Fails if the configuration is too large.
Result<std::vector<std::pair<std::string, std::string>>> environment(const StartLine& start);

}  // namespace clavier::worker
