#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "train/data/array.h"

namespace clavier::train::data {

/// NumPy's .npy format, versions 1 to 3, of truth values, whole numbers, f4 and f8, little
/// endian, in C order; whatever else there is is refused with the call that converts it.
Result<Array> parse_npy(std::span<const std::byte> file, std::string_view origin);

/// Version 1.0. REQUIRES: one of the types above, bytes as many as the shape says.
Status write_npy(const std::filesystem::path& path, const TensorView& array);

}  // namespace clavier::train::data
