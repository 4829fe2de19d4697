#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "worker/protocol.h"

namespace clavier::worker {

/// Replaces {name} in every argument (or variable of the environment): parameters of the
/// configuration and {trial}, {dir}, {checkpoint}, {until}, {slots}. {name:-text} is `text` where
/// there is no value, {{name}} the literal {name}; other braces stay. Fails for a name without a
/// value.
Result<std::vector<std::string>> substitute(const std::vector<std::string>& command,
                                            const StartLine& start);

/// The names that a command uses, in order of their first appearance, each once.
std::vector<std::string> placeholders(const std::vector<std::string>& command);

/// Whether `name` is one of {trial}, {dir}, {checkpoint}, {until}, {slots}.
bool is_reserved(std::string_view name);

}  // namespace clavier::worker
