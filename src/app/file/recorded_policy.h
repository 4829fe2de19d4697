#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "app/file/study_file_source.h"
#include "base/result.h"

namespace clavier::app {

/// The policy that a study file with `pbt_replay` names by `policy` or `from`, as an override that
/// brings its lines into the study's text: what is logged, resumed, moved and verified needs no
/// other file. Nothing if the file does not replay, or holds the lines already.
///
/// `file` is the study file; `home` the folder of all studies. If the named file or study is gone,
/// the lines come from the copy of the study file that an earlier run left in `home`. Fails with
/// the place in the study file.
Result<std::optional<Override>> recorded_policy(const StudySource& source,
                                                const std::filesystem::path& file,
                                                const std::filesystem::path& home);

inline constexpr std::size_t kMaxPolicyBytes = 2 << 20;

}  // namespace clavier::app
