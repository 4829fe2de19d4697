#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/file/study_file_problems.h"
#include "app/file/study_file_source.h"
#include "base/result.h"
#include "study/space.h"

/// `[search] warm_start`: what trials of another study have shown, for searchers that learn.
namespace clavier::app {

/// Whether what an earlier run of the study has written into its folder may be used.
enum class Copies { kUsed, kIgnored };

/// The trials that a study file names by `warm_start`, as an override that brings them into its
/// text: what is logged, resumed, moved and verified needs nothing else. Nothing if it names none,
/// or holds them already. A study that was begun has the trials it was begun with (its copy of the
/// file, in `home`), whatever has become of the other one since. Fails with the place in the file.
///
/// Of more than kMostKnown trials, evenly many of all ranks are taken.
Result<std::optional<Override>> warm_start(const StudySource& source,
                                           const std::filesystem::path& file,
                                           const std::filesystem::path& home, Copies copies);
inline constexpr std::size_t kMostKnown = 1000;

/// The keys `warm_start` and `warm_start_trials` of [search]. Of the trials those stay in
/// `space.known` that may belong to the space: no value lies outside of its domain, constraints
/// hold, some parameter that is searched is there. What the space does not have is dropped. A note
/// says how many were taken and what kept the others out. REQUIRES: `space` was checked.
void read_warm_start(const TomlNode& search, Space& space, std::vector<std::string>& names,
                     Problems& problems);
/// The value of `warm_start_trials`.
std::string write_known(const std::vector<Known>& known);

}  // namespace clavier::app
