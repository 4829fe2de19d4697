#pragma once

#include <string_view>

namespace clavier::train::data {

/// The text of script/get_digits.py, so that an installed program needs no source tree.
std::string_view get_digits_script();

}  // namespace clavier::train::data
