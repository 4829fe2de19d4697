#pragma once

#include <cstdint>
#include <string>

namespace clavier {

/// A moment of the wall clock, given in seconds since 1970, as people read it:
/// `2024-01-31 23:59:59 UTC`.
std::string utc_text(std::int64_t seconds);
/// For names of files, as Ray writes it: `2024-01-31_23-59-59`.
std::string utc_stamp(std::int64_t seconds);

}  // namespace clavier
