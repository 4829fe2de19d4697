#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clavier {

/// The length of the UTF-8 character at the start of `text`, which is not empty; 0 if there is
/// none.
std::size_t utf8_length(std::string_view text);

/// Where the first byte stands that is not part of a UTF-8 character; npos if all are.
std::size_t find_not_utf8(std::string_view text);

/// The character of this number, which is at most 0x10FFFF.
void append_utf8(std::string& out, std::uint32_t code);

}  // namespace clavier
