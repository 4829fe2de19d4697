#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier::train::data {

/// Eight bits per channel, a row after the other, the channels of a pixel together.
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  int channels = 0;  ///< 1 (grey) or 3 (red, green, blue).
  std::vector<std::uint8_t> pixels = {};
};

inline constexpr std::int64_t kMaxImageSide = 16'384;
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 26;

/// Decodes PNG, JPEG (grey, colour or CMYK; the camera's orientation is not applied), binary PGM
/// and PPM, BMP, and where this program was built with their libraries WebP, GIF (the first frame)
/// and TIFF (the first page), told apart by their first bytes. Transparency is dropped, sixteen
/// bits become eight. Bytes after the image are passed over, as are stray ones within a JPEG.
/// Damaged, cut and oversized files are refused by byte, also where a viewer would show a part.
Result<Image> decode_image(std::span<const std::byte> file, std::string_view origin);

/// The kind of image that begins with these bytes ("PNG"); empty if they are of none. 16 suffice.
std::string_view image_kind(std::span<const std::byte> start);

Result<Image> decode_png(std::span<const std::byte> file, std::string_view origin);
Result<Image> decode_jpeg(std::span<const std::byte> file, std::string_view origin);
Result<Image> decode_pnm(std::span<const std::byte> file, std::string_view origin);
Result<Image> decode_bmp(std::span<const std::byte> file, std::string_view origin);
Result<Image> decode_webp(std::span<const std::byte> file, std::string_view origin);
Result<Image> decode_gif(std::span<const std::byte> file, std::string_view origin);
Result<Image> decode_tiff(std::span<const std::byte> file, std::string_view origin);

/// Refuses empty images and those above the bounds.
Status check_extents(std::uint64_t height, std::uint64_t width, std::uint64_t byte,
                     std::string_view origin);

}  // namespace clavier::train::data
