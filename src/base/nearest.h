#pragma once

#include <span>
#include <string>
#include <string_view>

namespace clavier {

/// The only name that begins with `wrong`, else the one most like it (insertions, deletions,
/// changes and swaps of neighbours), ties to the earlier; empty when none is near enough to be what
/// was meant.
std::string nearest(std::string_view wrong, std::span<const std::string> names);

/// The same; else the only one that is part of `wanted` or has it as a part ("val_loss" for
/// "loss").
std::string meant_by(std::string_view wanted, std::span<const std::string> names);

/// What follows "unknown key": `; did you mean "trials"?`, or the names there are.
std::string suggestion(std::string_view wrong, std::span<const std::string> names);

}  // namespace clavier
