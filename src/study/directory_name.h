#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "study/config.h"
#include "study/ids.h"

namespace clavier {

/// Ray's name for a trial: five hexadecimal digits of the study and the trial's number, as in
/// `3fa1c_00007`. The same for the same study name and trial.
std::string trial_name(std::string_view study, TrialId trial);

/// Ray's tag of a configuration: `8_l1=64,lr=0.0100` (the count from 1, then every parameter by
/// name; reals with four decimals, as Ray prints them).
std::string experiment_tag(TrialId trial, const Config& config);

/// The name of the trial's folder in the study's: `<study>_<trial name>_<tag>_<date>`, with
/// everything a file name should not hold replaced by '_', cut at kMaxDirectoryName bytes before
/// the date. `utc_us` is the moment of its creation, microseconds since 1970.
std::string trial_directory_name(std::string_view study, TrialId trial, const Config& config,
                                 std::int64_t utc_us);

inline constexpr std::size_t kMaxDirectoryName = 130;

}  // namespace clavier
