#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clavier::exec {

/// CRC-32C (Castagnoli) of `bytes`, going on from that of what came before them. By the
/// processor's own instruction where there is one.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same by table, on any machine.
std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before = 0);

}  // namespace clavier::exec
