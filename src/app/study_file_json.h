#pragma once

#include <string>
#include <string_view>

#include "app/study_file_document.h"

namespace clavier::app {

/// A table as a JSON object, keys in the order of the file; dates become text.
std::string toml_to_json(const TomlNode& node);
/// The inverse, for the whole file that `check` shows: the lines of the table `name` and of the
/// tables below it. Keys with null are left out. REQUIRES: `json` is a JSON object.
std::string json_to_toml(std::string_view json, std::string_view name);

}  // namespace clavier::app
