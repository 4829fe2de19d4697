#pragma once

#include <span>
#include <string_view>

#include "train/data/array.h"

namespace clavier::train::data {

/// The IDX format of the MNIST files, uncompressed: unsigned bytes, 32-bit integers, floats and
/// doubles, stored big endian and returned in this machine's order.
Result<Array> parse_idx(std::span<const std::byte> file, std::string_view origin);

/// Begins like an IDX file (two zero bytes, a known type, at least one extent).
bool looks_like_idx(std::span<const std::byte> file);

}  // namespace clavier::train::data
