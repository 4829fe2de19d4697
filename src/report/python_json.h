#pragma once

#include <string>

#include "base/json.h"

namespace clavier::report {

/// As `json.dump(value, file, indent=2, sort_keys=True)` writes it.
std::string indented(const Json& json);

}  // namespace clavier::report
