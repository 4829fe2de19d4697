#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "train/data/bytes.h"
#include "train/data/image.h"

namespace clavier::train::data {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::size_t kInfoHeader = 40;
constexpr std::uint32_t kPlain = 0;
constexpr std::uint32_t kMasks = 3;

struct Bmp {
  std::size_t pixels_at = 0;
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  bool from_top = false;
  unsigned bits = 0;
  std::vector<std::array<std::uint8_t, 3>> palette = {};

  std::size_t stride() const { return (width * bits + 31) / 32 * 4; }
};

Result<Bmp> read_header(std::span<const std::byte> file, std::string_view origin) {
  const auto u16 = [&](std::size_t at) { return load<std::uint16_t>(file.data() + at); };
  const auto u32 = [&](std::size_t at) { return load<std::uint32_t>(file.data() + at); };
  if (file.size() < kFileHeader + kInfoHeader)
    return corrupt_at(origin, file.size(), "the file ends within its header");
  const std::size_t header = u32(kFileHeader);
  if (header < kInfoHeader || header > 1024)
    return corrupt_at(origin, kFileHeader, fmt::format("a BMP header of {} bytes", header));
  Bmp bmp{.pixels_at = u32(10), .bits = u16(28)};
  const std::int64_t width = load<std::int32_t>(file.data() + 18);
  const std::int64_t height = load<std::int32_t>(file.data() + 22);
  bmp.from_top = height < 0;
  bmp.width = static_cast<std::uint64_t>(std::max<std::int64_t>(width, 0));
  bmp.height = static_cast<std::uint64_t>(height < 0 ? -height : height);
  TRY(check_extents(bmp.height, bmp.width, 18, origin));
  const std::uint32_t compression = u32(30);
  const bool known =
      bmp.bits == 1 || bmp.bits == 4 || bmp.bits == 8 || bmp.bits == 24 || bmp.bits == 32;
  // Masks of 32 bits are those of blue, green and red nearly always.
  const bool masks = compression == kMasks && bmp.bits == 32 && file.size() >= 66 &&
                     u32(54) == 0xff0000 && u32(58) == 0xff00 && u32(62) == 0xff;
  if (!known || (compression != kPlain && !masks))
    return corrupt_at(origin, 28,
                      fmt::format("a BMP of {} bits and compression {} is not read; save it as PNG",
                                  bmp.bits, compression));
  if (bmp.bits <= 8) {
    const std::size_t most = std::size_t{1} << bmp.bits;
    const std::size_t count = u32(46) == 0 ? most : std::min<std::size_t>(u32(46), most);
    const std::size_t at = kFileHeader + header;
    if (file.size() < at + 4 * count)
      return corrupt_at(origin, file.size(), "the file ends within its colours");
    for (std::size_t i = 0; i < count; ++i) {
      const auto* colour = reinterpret_cast<const std::uint8_t*>(file.data() + at + 4 * i);
      bmp.palette.push_back({colour[2], colour[1], colour[0]});
    }
  }
  if (bmp.pixels_at > file.size() || file.size() - bmp.pixels_at < bmp.stride() * bmp.height)
    return corrupt_at(origin, file.size(), "the file ends too early");
  return bmp;
}

}  // namespace

Result<Image> decode_bmp(std::span<const std::byte> file, std::string_view origin) {
  const Bmp bmp = TRY(read_header(file, origin));
  const bool grey = !bmp.palette.empty() &&
                    std::all_of(bmp.palette.begin(), bmp.palette.end(), [](const auto& colour) {
                      return colour[0] == colour[1] && colour[1] == colour[2];
                    });
  Image image{static_cast<std::int64_t>(bmp.height), static_cast<std::int64_t>(bmp.width),
              grey ? 1 : 3};
  image.pixels.reserve(bmp.width * bmp.height * static_cast<std::size_t>(image.channels));
  for (std::size_t y = 0; y < bmp.height; ++y) {
    const std::size_t row = bmp.from_top ? y : bmp.height - 1 - y;
    const auto* line =
        reinterpret_cast<const std::uint8_t*>(file.data() + bmp.pixels_at + row * bmp.stride());
    for (std::size_t x = 0; x < bmp.width; ++x) {
      if (bmp.palette.empty()) {
        const auto* pixel = line + x * bmp.bits / 8;
        image.pixels.insert(image.pixels.end(), {pixel[2], pixel[1], pixel[0]});
        continue;
      }
      const std::size_t bit = x * bmp.bits;
      const std::size_t index = line[bit / 8] >> (8 - bmp.bits - bit % 8) & ((1U << bmp.bits) - 1);
      if (index >= bmp.palette.size())
        return corrupt_at(origin, bmp.pixels_at + row * bmp.stride() + bit / 8,
                          fmt::format("colour {} of {}", index, bmp.palette.size()));
      image.pixels.insert(image.pixels.end(), bmp.palette[index].begin(),
                          bmp.palette[index].begin() + image.channels);
    }
  }
  return image;
}

}  // namespace clavier::train::data
