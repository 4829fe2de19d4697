#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "app/study_file_source.h"
#include "app/study_spec.h"
#include "base/result.h"

/// The trainer checks its table without knowing the file; here its words get their places.
namespace clavier::app {

/// `error` of `resolve_trainer(spec)` with file, line and column of every key of [trainer], or
/// parameter of [space], that is wrong on its own; else with the place of the table.
Error place_trainer_error(const std::filesystem::path& file, std::span<const Override> overrides,
                          const StudySpec& spec, const Error& error);
/// A message with the place of this key of [trainer].
Error at_trainer_key(const std::filesystem::path& file, std::span<const Override> overrides,
                     std::string_view key, const std::string& message);

}  // namespace clavier::app
