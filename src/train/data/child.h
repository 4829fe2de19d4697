#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/subprocess.h"

namespace clavier::train::data {

/// Runs a program found along PATH with our environment and our terminal, no shell in between, and
/// waits for its end. It dies with us. `inherited` (-1: none) stays open in it, as descriptor 3.
Result<ProcessEnd> run_program(const std::vector<std::string>& command, int inherited = -1);

/// A program of that name stands in PATH.
bool has_program(std::string_view name);

}  // namespace clavier::train::data
