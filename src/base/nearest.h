#pragma once

#include <span>
#include <string>
#include <string_view>

namespace clavier {

/// The only name that begins with `wrong`, else the one most like it (insertions, deletions,
/// changes and swaps of neighbours), ties to the earlier; empty when none is near enough to be what
/// was meant.
std::string nearest(std::string_view wrong, std::span<const std::string> names);

/// What follows "unknown key": `; did you mean "trials"?`, or the names there are.
std::string suggestion(std::string_view wrong, std::span<const std::string> names);

}  // namespace clavier
