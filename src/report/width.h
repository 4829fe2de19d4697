#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text on a terminal: how wide it is, and cutting it without breaking a character.
namespace clavier::report {

/// The text with nothing in it that a terminal would obey, or that hides or reorders letters: such
/// characters are written as `\u001b`, bytes that are no UTF-8 as U+FFFD. Ends of lines and tabs
/// stay.
std::string visible(std::string_view text);

/// `visible` in one line: tabs and ends of lines become spaces.
std::string clean(std::string_view text);

/// How many bytes at the end of the text begin what only the next ones tell: a character, or an end
/// of line.
std::size_t begun(std::string_view text);

/// Columns that the text takes on a terminal: two for wide East Asian characters and emoji, none
/// for combining marks. REQUIRES: clean text.
std::size_t width(std::string_view text);

/// The text if it fits into `columns`, else its beginning and an ellipsis, at most that wide.
/// REQUIRES: clean text.
std::string fit(std::string_view text, std::size_t columns);
/// The same with an ellipsis in the middle.
std::string fit_ends(std::string_view text, std::size_t columns);

}  // namespace clavier::report
