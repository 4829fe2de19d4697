#pragma once

#include <cstddef>
#include <string_view>

namespace clavier {

/// The length of the UTF-8 character at the start of `text`, which is not empty; 0 if there is
/// none.
std::size_t utf8_length(std::string_view text);

/// Where the first byte stands that is not part of a UTF-8 character; npos if all are.
std::size_t find_not_utf8(std::string_view text);

}  // namespace clavier
