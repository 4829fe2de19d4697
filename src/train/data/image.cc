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
  if (data.size() != values * depth)
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

Result<Image> decode_image(std::span<const std::byte> file, std::string_view origin) {
  auto text = as_text(file);
  if (text.starts_with("\x89PNG")) return decode_png(file, origin);
  if (text.starts_with("\xff\xd8")) return decode_jpeg(file, origin);
  if (text.starts_with("P") && text.size() > 1 && text[1] >= '1' && text[1] <= '7')
    return decode_pnm(file, origin);
  return corrupt_at(origin, 0, "no PNG, JPEG, PGM or PPM image");
}

}  // namespace clavier::train::data
