#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier::train::data {

using Bytes = std::vector<std::byte>;

inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{64} << 30;

/// The whole file. Fails by name if it is missing, a folder, unreadable or above the bound.
Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t limit = kMaxFileBytes);

/// Writes beside `path` and renames, so that `path` is whole or as it was. Not forced to disk.
Status write_file(const std::filesystem::path& path,
                  std::span<const std::span<const std::byte>> parts);

/// "FILE: byte N: WHAT", the form of every reader's complaint.
Error corrupt_at(std::string_view origin, std::uint64_t byte, std::string_view what);

/// Product of a shape; nothing if an extent is negative or the product exceeds 2^62.
std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape);

/// A number stored at any alignment in this machine's byte order.
template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// [3, 32, 32] for messages.
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace clavier::train::data
