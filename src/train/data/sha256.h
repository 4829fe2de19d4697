#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clavier::train::data {

/// FIPS 180-4, as 64 lower-case hexadecimal digits. For checking downloads, not for secrets.
std::string sha256(std::string_view bytes);
/// Of a file, read in pieces.
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace clavier::train::data
