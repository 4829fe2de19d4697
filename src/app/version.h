#pragma once

#include <string_view>

namespace clavier::app {

extern const std::string_view kVersion;  ///< "0.1.0"
extern const std::string_view kCommit;   ///< Short hash of the sources; "unknown" outside git.

}  // namespace clavier::app
