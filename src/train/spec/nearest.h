#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clavier::train {

/// The candidate with the fewest edits (insert, remove, replace, swap of neighbours); the first of
/// equals; empty when none is similar enough to be a slip of the pen.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// ", did you mean 'lr'?" or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace clavier::train
