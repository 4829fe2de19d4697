#include "train/data/image.h"

#include <fmt/format.h>

#include <charconv>

#include "train/data/bytes.h"

namespace clavier::train::data {
namespace {

/// The numbers of a PNM header: separated by space, '#' begins a comment.
class PnmHeader {
 public:
  explicit PnmHeader(std::string_view text) : text_(text) {}
  std::size_t place() const { return place_; }

  std::optional<std::uint64_t> number() {
    while (place_ < text_.size() && (space() || text_[place_] == '#'))
      place_ = text_[place_] == '#' ? std::min(text_.find('\n', place_), text_.size()) : place_ + 1;
    std::uint64_t value = 0;
    auto [end, code] = std::from_chars(text_.data() + place_, text_.data() + text_.size(), value);
    if (code != std::errc()) return std::nullopt;
    place_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  /// The single space before the pixels.
  bool end() {
    if (place_ >= text_.size() || !space()) return false;
    ++place_;
    return true;
  }

 private:
  bool space() const { return std::string_view(" \t\r\n").find(text_[place_]) != text_.npos; }
  std::string_view text_;
  std::size_t place_ = 2;
};

std::uint8_t rescaled(std::uint32_t value, std::uint64_t most) {
  return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
}

}  // namespace

Status check_extents(std::uint64_t height, std::uint64_t width, std::uint64_t byte,
                     std::string_view origin) {
  if (height == 0 || width == 0 || height > kMaxImageSide || width > kMaxImageSide ||
      height * width > kMaxImagePixels)
    return corrupt_at(origin, byte,
                      fmt::format("an image of {} x {} pixels is not read", height, width));
  return ok_status();
}

Result<Image> decode_pnm(std::span<const std::byte> file, std::string_view origin) {
  auto text = as_text(file);
  int channels = text.starts_with("P6") ? 3 : 1;
  if (!text.starts_with("P5") && !text.starts_with("P6"))
    return corrupt_at(origin, 0, "only the binary kinds P5 and P6 of PNM are read");
  PnmHeader header(text);
  auto width = header.number(), height = header.number(), most = header.number();
  if (!width || !height || !most || *most == 0 || *most > 65'535 || !header.end())
    return corrupt_at(origin, header.place(), "no PNM header");
  TRY(check_extents(*height, *width, header.place(), origin));
  std::size_t depth = *most > 255 ? 2 : 1;
  auto data = file.subspan(header.place());
  std::size_t values = *width * *height * static_cast<std::size_t>(channels);
  if (data.size() < values * depth)
    return corrupt_at(
        origin, header.place() + std::min(data.size(), values * depth),
        fmt::format("the image needs {} bytes, the file has {}", values * depth, data.size()));
  Image image{static_cast<std::int64_t>(*height), static_cast<std::int64_t>(*width), channels};
  image.pixels.reserve(values);
  for (std::size_t i = 0; i < values; ++i) {
    auto value = static_cast<std::uint32_t>(data[i * depth]);
    if (depth == 2) value = value << 8 | static_cast<std::uint32_t>(data[i * depth + 1]);
    if (value > *most)
      return corrupt_at(origin, header.place() + i * depth,
                        fmt::format("brightness {} of {}", value, *most));
    image.pixels.push_back(rescaled(value, *most));
  }
  return image;
}

std::string_view image_kind(std::span<const std::byte> start) {
  auto text = as_text(start);
  if (text.starts_with("\x89PNG")) return "PNG";
  if (text.starts_with("\xff\xd8\xff")) return "JPEG";
  if (text.size() > 2 && text[0] == 'P' && text[1] >= '1' && text[1] <= '6' &&
      std::string_view(" \t\r\n#").find(text[2]) != text.npos)
    return "PNM";
  // "BM" may begin a text; two further fields of the header are zero.
  if (text.size() >= 10 && text.starts_with("BM") &&
      text.substr(6, 4) == std::string_view("\0\0\0\0", 4))
    return "BMP";
  if (text.starts_with("GIF87a") || text.starts_with("GIF89a")) return "GIF";
  if (text.size() >= 12 && text.starts_with("RIFF") && text.substr(8, 4) == "WEBP") return "WebP";
  if (text.starts_with(std::string_view("II*\0", 4)) ||
      text.starts_with(std::string_view("MM\0*", 4)))
    return "TIFF";
  return {};
}

Result<Image> decode_image(std::span<const std::byte> file, std::string_view origin) {
  const auto kind = image_kind(file);
  if (kind == "PNG") return decode_png(file, origin);
  if (kind == "JPEG") return decode_jpeg(file, origin);
  if (kind == "PNM") return decode_pnm(file, origin);
  if (kind == "BMP") return decode_bmp(file, origin);
  if (kind == "WebP") return decode_webp(file, origin);
  if (kind == "GIF") return decode_gif(file, origin);
  if (kind == "TIFF") return decode_tiff(file, origin);
  return corrupt_at(origin, 0, "no PNG, JPEG, PGM, PPM, BMP, WebP, GIF or TIFF image");
}

}  // namespace clavier::train::data
