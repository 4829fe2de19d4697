#pragma once

#include <string_view>

namespace clavier::app {

extern const std::string_view kVersion;   ///< "0.1.0"
extern const std::string_view kCommit;    ///< Short hash of the sources; "unknown" outside git.
extern const std::string_view kLibTorch;  ///< Of the trainer built beside; empty without one.
extern const bool kTrainerHasCuda;        ///< Whether that LibTorch can use GPUs.

}  // namespace clavier::app
