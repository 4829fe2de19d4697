// Kinds of image whose libraries need not be there when Clavier is built.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "train/data/bytes.h"
#include "train/data/image.h"

#ifdef CLAVIER_WEBP
#include <webp/decode.h>
#endif
#ifdef CLAVIER_GIF
#include <gif_lib.h>
#endif
#ifdef CLAVIER_TIFF
#include <tiffio.h>
#endif

namespace clavier::train::data {
namespace {

[[maybe_unused]] Error not_built(std::string_view kind, std::string_view package,
                                 std::string_view origin) {
  return unavailable(
      fmt::format("{}: a {} image, which this program was built without: install {} "
                  "and build it again, or save the image as PNG",
                  origin, kind, package));
}

/// A file in memory that a library reads piece by piece.
struct [[maybe_unused]] Source {
  std::span<const std::byte> file;
  std::size_t place = 0;

  std::size_t read(void* out, std::size_t count) {
    count = std::min(count, file.size() - std::min(place, file.size()));
    if (count > 0) std::memcpy(out, file.data() + place, count);
    place += count;
    return count;
  }
};

}  // namespace

#ifdef CLAVIER_WEBP
Result<Image> decode_webp(std::span<const std::byte> file, std::string_view origin) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data());
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(bytes, file.size(), &features) != VP8_STATUS_OK)
    return corrupt_at(origin, 0, "damaged WebP");
  if (features.has_animation)
    return invalid(fmt::format("{}: a WebP with several frames; save one as PNG", origin));
  TRY(check_extents(static_cast<std::uint64_t>(features.height),
                    static_cast<std::uint64_t>(features.width), 0, origin));
  Image image{features.height, features.width, 3};
  image.pixels.resize(static_cast<std::size_t>(features.height) *
                      static_cast<std::size_t>(features.width) * 3);
  if (WebPDecodeRGBInto(bytes, file.size(), image.pixels.data(), image.pixels.size(),
                        features.width * 3) == nullptr)
    return corrupt_at(origin, file.size(), "damaged WebP");
  return image;
}
#else
Result<Image> decode_webp(std::span<const std::byte>, std::string_view origin) {
  return not_built("WebP", "libwebp-dev", origin);
}
#endif

#ifdef CLAVIER_GIF
namespace {

/// The lines of an interlaced frame, in the order of the file.
std::vector<int> lines_of(int height, bool interlaced) {
  std::vector<int> lines;
  if (!interlaced)
    for (int y = 0; y < height; ++y) lines.push_back(y);
  else
    for (auto [first, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}})
      for (int y = first; y < height; y += step) lines.push_back(y);
  return lines;
}

/// Reads up to the first frame; false if there is none.
bool find_frame(GifFileType* gif) {
  for (;;) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(gif, &type) == GIF_ERROR || type == TERMINATE_RECORD_TYPE) return false;
    if (type == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) != GIF_ERROR;
    int code = 0;
    GifByteType* extension = nullptr;
    if (type != EXTENSION_RECORD_TYPE || DGifGetExtension(gif, &code, &extension) == GIF_ERROR)
      return false;
    while (extension != nullptr)
      if (DGifGetExtensionNext(gif, &extension) == GIF_ERROR) return false;
  }
}

}  // namespace

Result<Image> decode_gif(std::span<const std::byte> file, std::string_view origin) {
  Source source{file};
  const auto damaged = [&] { return corrupt_at(origin, source.place, "damaged GIF"); };
  const auto read = [](GifFileType* gif, GifByteType* out, int count) {
    return static_cast<int>(
        static_cast<Source*>(gif->UserData)->read(out, static_cast<std::size_t>(count)));
  };
  int error = 0;
  const auto close = [](GifFileType* gif) { DGifCloseFile(gif, nullptr); };
  const std::unique_ptr<GifFileType, decltype(close)> gif(DGifOpen(&source, read, &error), close);
  if (!gif || !find_frame(gif.get())) return damaged();
  const GifImageDesc& frame = gif->Image;
  const ColorMapObject* colours = frame.ColorMap ? frame.ColorMap : gif->SColorMap;
  const auto width = gif->SWidth, height = gif->SHeight;
  TRY(check_extents(static_cast<std::uint64_t>(height), static_cast<std::uint64_t>(width),
                    source.place, origin));
  if (colours == nullptr || frame.Left + frame.Width > width || frame.Top + frame.Height > height)
    return damaged();
  Image image{height, width, 3};
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  std::vector<GifByteType> line(static_cast<std::size_t>(frame.Width));
  for (const int y : lines_of(frame.Height, frame.Interlace)) {
    if (DGifGetLine(gif.get(), line.data(), frame.Width) == GIF_ERROR) return damaged();
    auto* out = image.pixels.data() +
                (static_cast<std::size_t>(frame.Top + y) * static_cast<std::size_t>(width) +
                 static_cast<std::size_t>(frame.Left)) *
                    3;
    for (const GifByteType index : line) {
      if (index >= colours->ColorCount) return damaged();
      const GifColorType& colour = colours->Colors[index];
      *out++ = colour.Red, *out++ = colour.Green, *out++ = colour.Blue;
    }
  }
  return image;
}
#else
Result<Image> decode_gif(std::span<const std::byte>, std::string_view origin) {
  return not_built("GIF", "libgif-dev", origin);
}
#endif

#ifdef CLAVIER_TIFF
namespace {

TIFF* open_tiff(Source& source) {
  TIFFSetErrorHandler(nullptr);
  TIFFSetWarningHandler(nullptr);
  return TIFFClientOpen(
      "image", "rm", &source,
      [](thandle_t handle, void* out, tmsize_t count) {
        return static_cast<tmsize_t>(
            static_cast<Source*>(handle)->read(out, static_cast<std::size_t>(count)));
      },
      [](thandle_t, void*, tmsize_t) { return tmsize_t{0}; },
      [](thandle_t handle, toff_t offset, int whence) {
        auto& from = *static_cast<Source*>(handle);
        const auto base = whence == SEEK_CUR   ? from.place
                          : whence == SEEK_END ? from.file.size()
                                               : 0;
        from.place = base + offset;
        return static_cast<toff_t>(from.place);
      },
      [](thandle_t) { return 0; },
      [](thandle_t handle) {
        return static_cast<toff_t>(static_cast<Source*>(handle)->file.size());
      },
      [](thandle_t, void**, toff_t*) { return 0; }, [](thandle_t, void*, toff_t) {});
}

}  // namespace

Result<Image> decode_tiff(std::span<const std::byte> file, std::string_view origin) {
  Source source{file};
  const std::unique_ptr<TIFF, decltype(&TIFFClose)> tiff(open_tiff(source), TIFFClose);
  std::uint32_t width = 0, height = 0;
  std::uint16_t samples = 1, photometric = PHOTOMETRIC_RGB;
  if (!tiff || !TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width) ||
      !TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height))
    return corrupt_at(origin, source.place, "damaged TIFF");
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetField(tiff.get(), TIFFTAG_PHOTOMETRIC, &photometric);
  TRY(check_extents(height, width, 0, origin));
  char why[1024] = {};
  if (!TIFFRGBAImageOK(tiff.get(), why))
    return invalid(fmt::format("{}: this TIFF is not read: {}; save it as PNG", origin, why));
  std::vector<std::uint32_t> pixels(std::size_t{width} * height);
  if (!TIFFReadRGBAImageOriented(tiff.get(), width, height, pixels.data(), ORIENTATION_TOPLEFT, 1))
    return corrupt_at(origin, std::min(source.place, file.size()), "damaged TIFF");
  const bool grey = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
  Image image{height, width, grey ? 1 : 3};
  image.pixels.reserve(pixels.size() * static_cast<std::size_t>(image.channels));
  for (const std::uint32_t pixel : pixels) {
    image.pixels.push_back(static_cast<std::uint8_t>(TIFFGetR(pixel)));
    if (grey) continue;
    image.pixels.push_back(static_cast<std::uint8_t>(TIFFGetG(pixel)));
    image.pixels.push_back(static_cast<std::uint8_t>(TIFFGetB(pixel)));
  }
  return image;
}
#else
Result<Image> decode_tiff(std::span<const std::byte>, std::string_view origin) {
  return not_built("TIFF", "libtiff-dev", origin);
}
#endif

}  // namespace clavier::train::data
