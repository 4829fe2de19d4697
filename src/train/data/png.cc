#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>

#include "train/data/bytes.h"
#include "train/data/image.h"

namespace clavier::train::data {
namespace {

/// What libpng's callbacks need. libpng leaves by longjmp, so nothing in a function that calls it
/// may have a destructor; this object belongs to the caller.
struct PngReader {
  std::span<const std::byte> file;
  std::size_t place = 0;
  std::array<char, 160> error{};
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
  if (reader.file.size() - reader.place < count) {
    reader.place = reader.file.size();
    png_error(png, "the file ends too early");
  }
  std::memcpy(out, reader.file.data() + reader.place, count);
  reader.place += count;
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
  *fmt::format_to_n(reader.error.begin(), reader.error.size() - 1, "{}", message).out = '\0';
  png_longjmp(png, 1);
}
void on_warning(png_structp, png_const_charp) {}

/// Reads up to the pixels; every kind of file becomes 8-bit grey or RGB.
bool read_header(PngReader& reader) {
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return false;
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, kMaxImageSide, kMaxImageSide);
  // A damaged checksum is an error everywhere, not a warning.
  png_set_crc_action(reader.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(reader.png, reader.info);
  png_set_expand(reader.png);
  png_set_scale_16(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_pixels(PngReader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

}  // namespace

Result<Image> decode_png(std::span<const std::byte> file, std::string_view origin) {
  PngReader reader{.file = file};
  auto failure = [&] {
    return corrupt_at(origin, reader.place,
                      reader.error[0] ? fmt::format("damaged PNG: {}", reader.error.data())
                                      : std::string("no memory for a PNG"));
  };
  if (!read_header(reader)) return failure();
  auto height = png_get_image_height(reader.png, reader.info);
  auto width = png_get_image_width(reader.png, reader.info);
  TRY(check_extents(height, width, reader.place, origin));
  int channels = png_get_channels(reader.png, reader.info);
  auto stride = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  if ((channels != 1 && channels != 3) || png_get_rowbytes(reader.png, reader.info) != stride)
    return corrupt_at(origin, reader.place, fmt::format("a PNG of {} channels", channels));
  Image image{height, width, channels};
  image.pixels.resize(height * stride);
  std::vector<png_bytep> rows;
  for (std::size_t y = 0; y < height; ++y) rows.push_back(image.pixels.data() + y * stride);
  if (!read_pixels(reader, rows.data())) return failure();
  return image;
}

}  // namespace clavier::train::data
