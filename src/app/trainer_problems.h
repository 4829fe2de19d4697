#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "app/study_file_source.h"
#include "app/study_spec.h"
#include "base/result.h"

/// The trainer checks its table without knowing the file; here its words get their places.
namespace clavier::app {

/// `error` of `resolve_trainer(spec)` with file, line and column of every key of [trainer], or
/// parameter of [space], that is wrong on its own; else with the place of the table.
Error place_trainer_error(const std::filesystem::path& file, std::span<const Override> overrides,
                          const StudySpec& spec, const Error& error);
/// What is wrong with one key of a table.
struct KeyProblem {
  std::string table;
  std::string key;
  std::string message;
};
/// All of them in the order of the file, each with the place of its key, else of its table.
/// REQUIRES: there are some.
Error at_keys(const std::filesystem::path& file, std::span<const Override> overrides,
              const std::vector<KeyProblem>& found);

}  // namespace clavier::app
