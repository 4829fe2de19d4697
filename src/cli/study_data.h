#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "app/registry/study_spec.h"

namespace clavier::cli {

/// What trials a study has.
struct TrialsSoFar {
  std::size_t count = 0;
  std::vector<std::size_t> unfinished = {};  ///< Begun and not ended, in ascending order.
};

/// Lines to be said before a study of the built-in trainer runs in `folder`: what of its own data
/// is left out, and whether they are not those that earlier trials saw. Writes down what the data
/// are (data.json, docs/trainer.md). Never fails: what is
/// wrong with the data, the trainer says.
std::vector<std::string> look_at_data(const app::StudySpec& spec,
                                      const std::filesystem::path& folder,
                                      const std::function<TrialsSoFar()>& trials);

}  // namespace clavier::cli
