#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "study/time.h"

namespace clavier::app {

/// "30min", "1h 20m", "45s", "1.5 hours", "250ms"; a bare number counts seconds.
/// Negative, endless (beyond 100 years) and unitless parts are errors.
Result<StudyDuration> parse_duration(std::string_view text);
/// The same with every unit that is not zero, exact: "1h 20m", "0.25s".
std::string to_text(StudyDuration duration);

/// Bytes: "64MB", "1.5 GB", "512KB", "100B" (1 KB = 1024 B).
Result<std::int64_t> parse_bytes(std::string_view text);
std::string bytes_to_text(std::int64_t bytes);

}  // namespace clavier::app
