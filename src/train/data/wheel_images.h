#pragma once

#include <string_view>

namespace clavier::train::data {

/// The text of script/get_wheel_images.py, so that an installed program needs no source tree.
std::string_view wheel_images_script();

}  // namespace clavier::train::data
