#include "train/data/idx.h"

#include <fmt/format.h>

#include <algorithm>

namespace clavier::train::data {
namespace {

std::optional<Dtype> type_of(std::byte code) {
  switch (static_cast<int>(code)) {
    case 0x08: return Dtype::kU8;
    case 0x0c: return Dtype::kI32;
    case 0x0d: return Dtype::kF32;
    case 0x0e: return Dtype::kF64;
    default: return std::nullopt;
  }
}

std::uint32_t big_endian(const std::byte* from) {
  return __builtin_bswap32(load<std::uint32_t>(from));
}

constexpr std::size_t kMagicBytes = 4;

}  // namespace

bool looks_like_idx(std::span<const std::byte> file) {
  return file.size() >= kMagicBytes && file[0] == std::byte{0} && file[1] == std::byte{0} &&
         type_of(file[2]) && file[3] != std::byte{0};
}

Result<Array> parse_idx(std::span<const std::byte> file, std::string_view origin) {
  if (file.size() < kMagicBytes)
    return corrupt_at(origin, file.size(), "the file ends within its header");
  if (file[0] != std::byte{0} || file[1] != std::byte{0})
    return corrupt_at(origin, 0, "no IDX file: it must begin with two zero bytes");
  auto dtype = type_of(file[2]);
  if (!dtype)
    return corrupt_at(origin, 2,
                      fmt::format("type {:#04x} is not read (ubyte 0x08, int 0x0c, float 0x0d, "
                                  "double 0x0e are)",
                                  static_cast<int>(file[2])));
  auto dimensions = static_cast<std::size_t>(file[3]);
  if (dimensions == 0) return corrupt_at(origin, 3, "no dimensions");
  std::size_t start = kMagicBytes + 4 * dimensions;
  if (file.size() < start)
    return corrupt_at(origin, file.size(), "the file ends within its header");

  Array array{*dtype, {}, {}};
  for (std::size_t i = 0; i < dimensions; ++i)
    array.shape.push_back(big_endian(file.data() + kMagicBytes + 4 * i));
  auto count = element_count(array.shape);
  std::uint64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, size_bytes(*dtype), &bytes))
    return corrupt_at(origin, kMagicBytes,
                      fmt::format("impossible shape {}", shape_text(array.shape)));
  auto data = file.subspan(start);
  if (data.size() != bytes)
    return corrupt_at(origin, start + std::min<std::uint64_t>(bytes, data.size()),
                      fmt::format("shape {} needs {} bytes, the file has {}",
                                  shape_text(array.shape), bytes, data.size()));
  array.bytes.assign(data.begin(), data.end());
  auto width = size_bytes(*dtype);
  if (width > 1)
    for (auto at = array.bytes.begin(); at != array.bytes.end(); at += width)
      std::reverse(at, at + width);
  return array;
}

}  // namespace clavier::train::data
