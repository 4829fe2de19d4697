#pragma once

#include <functional>
#include <optional>
#include <string>

#include "store/step_log.h"
#include "tuner/director.h"

namespace clavier::tuner {

struct Verification {
  std::int64_t steps = 0;      ///< Looked at.
  std::int64_t decisions = 0;  ///< Recomputed and equal.
  /// The first step that comes out otherwise, with both versions in words.
  std::optional<std::string> difference = {};
};

/// Recomputes every decision of a log with a fresh director and fresh policies. Rules and limits
/// may have changed from run to run: `options` says what they were in the run that begins here.
Result<Verification> verify(const store::StepLog& log, Director& director,
                            const std::function<Result<StudyOptions>(const Opened&)>& options);

}  // namespace clavier::tuner
