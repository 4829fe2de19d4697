#include "train/data/image.h"

#include <jpeglib.h>
#include <png.h>
#include <cstdio>

#include "tests/support/data_files.h"

namespace clavier::train::data {
namespace {

/// A 3 × 2 gradient. `format` is one of libpng's.
std::string png_file(png_uint_32 format, const std::vector<std::uint8_t>& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = 3;
  image.height = 2;
  image.format = format;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr);
  std::string file(size, '\0');
  png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr);
  file.resize(size);
  return file;
}

std::string jpeg_file(int side, int channels, std::uint8_t brightness) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = info.image_height = static_cast<JDIMENSION>(side);
  info.input_components = channels;
  info.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_start_compress(&info, TRUE);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(side * channels), brightness);
  for (int y = 0; y < side; ++y) {
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  std::string file(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&info);
  std::free(out);
  return file;
}

const std::vector<std::uint8_t> kGrey = {0, 50, 100, 150, 200, 255};
const std::vector<std::uint8_t> kColour = {0, 1,  2,  3,  4,  5,  6,  7,  8,
                                           9, 10, 11, 12, 13, 14, 15, 16, 255};

Result<Image> decode(std::string_view file) { return decode_image(as_bytes(file), "FILE"); }

TEST(Image, PngIsDecodedWithoutLoss) {
  auto grey = decode(png_file(PNG_FORMAT_GRAY, kGrey));
  ASSERT_TRUE(grey.ok()) << message(grey);
  EXPECT_EQ(grey->height, 2);
  EXPECT_EQ(grey->width, 3);
  EXPECT_EQ(grey->channels, 1);
  EXPECT_EQ(grey->pixels, kGrey);
  auto colour = decode(png_file(PNG_FORMAT_RGB, kColour));
  ASSERT_TRUE(colour.ok()) << message(colour);
  EXPECT_EQ(colour->channels, 3);
  EXPECT_EQ(colour->pixels, kColour);
}

TEST(Image, TransparencyIsDropped) {
  std::vector<std::uint8_t> pixels;
  for (auto value : kGrey) pixels.insert(pixels.end(), {value, 128});
  auto image = decode(png_file(PNG_FORMAT_GA, pixels));
  ASSERT_TRUE(image.ok()) << message(image);
  EXPECT_EQ(image->channels, 1);
}

TEST(Image, JpegIsDecodedToItsColours) {
  for (int channels : {1, 3}) {
    auto image = decode(jpeg_file(8, channels, 77));
    ASSERT_TRUE(image.ok()) << message(image);
    EXPECT_EQ(image->channels, channels);
    ASSERT_EQ(std::ssize(image->pixels), 64 * channels);
    for (int value : image->pixels) EXPECT_NEAR(value, 77, 1);
  }
}

TEST(Image, PnmOfEightAndSixteenBitsIsDecoded) {
  auto grey = decode("P5 # comment\n3\n1 100\n" + std::string({0, 50, 100}));
  ASSERT_TRUE(grey.ok()) << message(grey);
  EXPECT_EQ(grey->pixels, (std::vector<std::uint8_t>{0, 128, 255}));
  auto colour = decode("P6 1 1 65535 " + std::string("\xff\xff\x80\x80\0\0", 6));
  ASSERT_TRUE(colour.ok()) << message(colour);
  EXPECT_EQ(colour->pixels, (std::vector<std::uint8_t>{255, 128, 0}));
}

TEST(Image, WhatIsNoImageIsRefusedByByte) {
  EXPECT_EQ(message(decode("GIFT")),
            "FILE: byte 0: no PNG, JPEG, PGM, PPM, BMP, WebP, GIF or TIFF image");
  EXPECT_EQ(message(decode("P5 3 1 255 ab")),
            "FILE: byte 13: the image needs 3 bytes, the file has 2");
  EXPECT_EQ(message(decode("P5 1 1 9 z")), "FILE: byte 9: brightness 122 of 9");
  EXPECT_EQ(message(decode("P5 99999 99999 255 ")),
            "FILE: byte 19: an image of 99999 x 99999 pixels is not read");
  auto png = png_file(PNG_FORMAT_GRAY, kGrey);
  EXPECT_NE(message(decode(png.substr(0, 40))).find("FILE: byte 40: damaged PNG: the file ends"),
            std::string::npos);
}

/// `file` in any state is survived; `exact`: no part of it is taken for the whole.
void damage(const std::string& file, bool exact = true) {
  mutate_everywhere(file, false, [](auto bytes) { return decode_image(bytes, "FILE"); });
  for (std::size_t i = 0; exact && i < file.size(); ++i)
    EXPECT_FALSE(decode(file.substr(0, i)).ok()) << i;
}

TEST(Image, EveryDamageIsSurvivedAndEveryCutSeen) {
  damage(png_file(PNG_FORMAT_RGB, kColour));
  damage(jpeg_file(8, 3, 77));
  damage("P6\n2 1\n255\nabcdef");
}

TEST(Image, BytesAfterTheImageArePassedOver) {
  for (const auto& file :
       {png_file(PNG_FORMAT_RGB, kColour), jpeg_file(8, 3, 77), std::string("P5 1 1 255 x")})
    EXPECT_TRUE(decode(file + "more").ok()) << message(decode(file + "more"));
}

TEST(Image, StrayBytesBeforeTheEndOfAJpegArePassedOver) {
  auto file = jpeg_file(8, 3, 77);
  file.insert(file.size() - 2, "\x01\x02\x03");
  auto image = decode(file);
  ASSERT_TRUE(image.ok()) << message(image);
  EXPECT_NEAR(image->pixels[0], 77, 1);
}

TEST(Image, InksBecomeLight) {
  // The writer marks its file as Adobe's, whose inks are stored as light.
  auto image = decode(jpeg_file(8, 4, 200));
  ASSERT_TRUE(image.ok()) << message(image);
  EXPECT_EQ(image->channels, 3);
  ASSERT_EQ(image->pixels.size(), 192U);
  EXPECT_NEAR(image->pixels[0], 200 * 200 / 255, 1);
}

std::string little(std::uint32_t value, std::size_t bytes) {
  return {reinterpret_cast<const char*>(&value), bytes};
}

std::string bmp_file(std::uint32_t bits, const std::string& palette, const std::string& rows) {
  const auto at = static_cast<std::uint32_t>(54 + palette.size());
  return "BM" + little(at + static_cast<std::uint32_t>(rows.size()), 4) + little(0, 4) +
         little(at, 4) + little(40, 4) + little(2, 4) + little(1, 4) + little(1, 2) +
         little(bits, 2) + little(0, 4) + std::string(12, '\0') +
         little(static_cast<std::uint32_t>(palette.size() / 4), 4) + little(0, 4) + palette + rows;
}

TEST(Image, BmpOfColoursAndOfAPaletteIsDecoded) {
  auto colour = bmp_file(24, "", std::string("\1\2\3\4\5\6\0\0", 8));
  ASSERT_TRUE(decode(colour).ok()) << message(decode(colour));
  EXPECT_EQ(decode(colour)->pixels, (std::vector<std::uint8_t>{3, 2, 1, 6, 5, 4}));
  auto one = bmp_file(1, std::string("\0\0\0\0\xff\xff\xff\0", 8), std::string("\x40\0\0\0", 4));
  ASSERT_TRUE(decode(one).ok()) << message(decode(one));
  EXPECT_EQ(decode(one)->channels, 1);
  EXPECT_EQ(decode(one)->pixels, (std::vector<std::uint8_t>{0, 255}));
  damage(colour);
  EXPECT_NE(message(decode(bmp_file(16, "", "xxxx"))).find("save it as PNG"), std::string::npos);
}

TEST(Image, WebpGifAndTiffAreDecodedWhereTheirLibrariesAre) {
  const std::string gif("GIF89a\1\0\1\0\x80\0\0\xff\0\0\0\0\xff,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;",
                        35);
  const std::string webp(
      "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\7\x10\x11\x11\x88\x88\xfe\7\0", 34);
  std::string tiff = "II" + little(42, 2) + little(10, 4) + "ab" + little(9, 2);
  for (auto [tag, value] : {std::pair{256U, 2U},
                            {257U, 1U},
                            {258U, 8U},
                            {259U, 1U},
                            {262U, 1U},
                            {273U, 8U},
                            {277U, 1U},
                            {278U, 1U},
                            {279U, 2U}})
    tiff += little(tag, 2) + little(4, 2) + little(1, 4) + little(value, 4);
  tiff += little(0, 4);
  for (const auto& [file, pixels] :
       {std::pair{gif, std::vector<std::uint8_t>{255, 0, 0}}, {tiff, {'a', 'b'}}, {webp, {}}}) {
    auto image = decode(file);
    if (!image.ok() && image.error().code == ErrorCode::kUnavailable) {
      EXPECT_NE(message(image).find("this program was built without: install"), std::string::npos);
      continue;
    }
    ASSERT_TRUE(image.ok()) << message(image);
    EXPECT_TRUE(pixels.empty() || image->pixels == pixels);
    damage(file, false);
  }
}

}  // namespace
}  // namespace clavier::train::data
