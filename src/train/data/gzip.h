#pragma once

#include <filesystem>

#include "train/data/bytes.h"

namespace clavier::train::data {

/// What gzip packed, of any number of members. Fails by byte at damage and above `limit`.
Result<Bytes> gunzip(std::span<const std::byte> file, std::string_view origin,
                     std::uint64_t limit = kMaxFileBytes);

/// A file as it was before gzip packed it, if it did; its content decides, not its name.
Result<Bytes> read_unpacked(const std::filesystem::path& path);

}  // namespace clavier::train::data
