#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text on a terminal: how wide it is, and cutting it without breaking a character.
namespace clavier::report {

/// The text without anything that could move the cursor or break a line: control characters become
/// spaces, bytes that are no UTF-8 become U+FFFD.
std::string clean(std::string_view text);

/// Columns that the text takes on a terminal: two for wide East Asian characters and emoji, none
/// for combining marks. REQUIRES: clean text.
std::size_t width(std::string_view text);

/// The text if it fits into `columns`, else its beginning and an ellipsis, at most that wide.
/// REQUIRES: clean text.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace clavier::report
