#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstdio>

// jpeglib.h needs FILE and size_t before it.
#include <jpeglib.h>

#include <jerror.h>

#include "train/data/bytes.h"
#include "train/data/image.h"

namespace clavier::train::data {
namespace {

/// libjpeg leaves by longjmp, so nothing in a function that calls it may have a destructor; this
/// object belongs to the caller.
struct JpegReader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> error{};
  std::size_t size = 0;

  /// Where libjpeg has got to.
  std::size_t place() const {
    return info.src == nullptr ? 0 : size - std::min(size, info.src->bytes_in_buffer);
  }
  ~JpegReader() { jpeg_destroy_decompress(&info); }
};

void leave(j_common_ptr info) {
  auto& reader = *static_cast<JpegReader*>(info->client_data);
  (*info->err->format_message)(info, reader.error.data());
  std::longjmp(reader.escape, 1);
}
/// Warnings (level -1) are damage that libjpeg would paint over, but for those of files that other
/// readers take without a word: stray bytes before a marker, more data than needed, odd headers.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_PROGRESSION: return;
    default: leave(info);
  }
}

bool read_header(JpegReader& reader, const unsigned char* file, std::size_t size) {
  reader.info.err = jpeg_std_error(&reader.errors);
  reader.info.client_data = &reader;
  reader.errors.error_exit = leave;
  reader.errors.emit_message = on_message;
  reader.size = size;
  if (setjmp(reader.escape)) return false;
  jpeg_CreateDecompress(&reader.info, JPEG_LIB_VERSION, sizeof reader.info);
  reader.info.client_data = &reader;
  jpeg_mem_src(&reader.info, file, size);
  jpeg_read_header(&reader.info, TRUE);
  const int components = reader.info.num_components;
  reader.info.out_color_space = components == 1   ? JCS_GRAYSCALE
                                : components == 4 ? JCS_CMYK
                                                  : JCS_RGB;
  reader.info.dct_method = JDCT_ISLOW;
  return true;
}

bool read_pixels(JpegReader& reader, unsigned char* pixels, std::size_t stride) {
  if (setjmp(reader.escape)) return false;
  jpeg_start_decompress(&reader.info);
  while (reader.info.output_scanline < reader.info.output_height) {
    unsigned char* row = pixels + reader.info.output_scanline * stride;
    jpeg_read_scanlines(&reader.info, &row, 1);
  }
  jpeg_finish_decompress(&reader.info);
  return true;
}

/// Inks to light, as PIL does it. Adobe's files hold what is left of the light instead of the ink.
void cmyk_to_rgb(Image& image, bool adobe) {
  std::vector<std::uint8_t> out;
  out.reserve(image.pixels.size() / 4 * 3);
  const auto light = [&](std::size_t i) { return adobe ? image.pixels[i] : 255 - image.pixels[i]; };
  for (std::size_t i = 0; i < image.pixels.size(); i += 4)
    for (std::size_t c = 0; c < 3; ++c)
      out.push_back(static_cast<std::uint8_t>((light(i + c) * light(i + 3) + 127) / 255));
  image.pixels = std::move(out);
  image.channels = 3;
}

}  // namespace

Result<Image> decode_jpeg(std::span<const std::byte> file, std::string_view origin) {
  JpegReader reader;
  auto failure = [&] {
    return corrupt_at(origin, reader.place(), fmt::format("damaged JPEG: {}", reader.error.data()));
  };
  if (!read_header(reader, reinterpret_cast<const unsigned char*>(file.data()), file.size()))
    return failure();
  const auto& info = reader.info;
  TRY(check_extents(info.image_height, info.image_width, reader.place(), origin));
  int channels = info.num_components == 2 ? 3 : info.num_components;
  auto stride = static_cast<std::size_t>(info.image_width) * static_cast<std::size_t>(channels);
  Image image{info.image_height, info.image_width, channels};
  image.pixels.resize(info.image_height * stride);
  if (!read_pixels(reader, image.pixels.data(), stride)) return failure();
  if (channels == 4) cmyk_to_rgb(image, info.saw_Adobe_marker);
  return image;
}

}  // namespace clavier::train::data
