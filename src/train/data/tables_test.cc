// The readers of numbers: .npy, IDX and CSV.
#include <cmath>

#include "train/data/csv.h"
#include "train/data/idx.h"
#include "train/data/npy.h"
#include "train/data/testing.h"

namespace clavier::train::data {
namespace {

std::string npy(std::string_view header, std::string_view data, char version = 1) {
  std::string file = "\x93NUMPY";
  file += {version, '\0', static_cast<char>(header.size()), '\0'};
  if (version > 1) file += std::string(2, '\0');
  return file + std::string(header) + std::string(data);
}
std::string npy_error(std::string_view header, std::string_view data) {
  return message(parse_npy(as_bytes(npy(header, data)), "FILE"));
}

TEST(Npy, EveryTypeIsWrittenAndReadBack) {
  TemporaryFolder folder;
  for (auto dtype : {Dtype::kU8, Dtype::kI32, Dtype::kI64, Dtype::kF32, Dtype::kF64}) {
    std::string data(6 * size_bytes(dtype), 'x');
    for (auto shape : {std::vector<std::int64_t>{2, 3}, {6}, {1, 6, 1}}) {
      ASSERT_TRUE(write_npy(folder / "a.npy", {"", dtype, shape, as_bytes(data)}).ok());
      auto file = read_file(folder / "a.npy");
      EXPECT_EQ((file->size() - data.size()) % 64, 0U);
      auto array = parse_npy(*file, "FILE");
      ASSERT_TRUE(array.ok()) << message(array);
      EXPECT_EQ(array->dtype, dtype);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(as_text(array->bytes), data);
    }
  }
}

TEST(Npy, AllVersionsAndTheirOddButValidHeadersAreRead) {
  for (char version : {1, 2, 3}) {
    auto file = npy("{'shape': (2,), \"descr\": '|u1', 'fortran_order': False}  \n", "ab", version);
    auto array = parse_npy(as_bytes(file), "FILE");
    ASSERT_TRUE(array.ok()) << message(array);
    EXPECT_EQ(array->shape, std::vector<std::int64_t>{2});
  }
}

TEST(Npy, WhatIsNotReadIsRefusedWithAWayOut) {
  EXPECT_NE(npy_error("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd")
                .find("byte 48: Fortran order is not read: numpy.save(file, "
                      "numpy.ascontiguousarray(array))"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd")
                .find("type '>f4' is not read; save it as"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd")
                .find("shape [2] needs 8 bytes, the file has 4"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f8', 'fortran_order': False, 'shape': "
                      "(3037000500, 3037000500), }",
                      "abcd")
                .find("impossible shape"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'shape': (2,), }", "").find("must each stand once"),
            std::string::npos);
}

TEST(Npy, SurvivesEveryDamage) {
  mutate_everywhere(
      npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1), }\n", "12345678"), true,
      [](auto file) { return parse_npy(file, "FILE"); });
}

std::string idx(int type, std::initializer_list<int> shape, std::string_view data) {
  std::string file = {'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  for (int extent : shape)
    for (int shift : {24, 16, 8, 0}) file += static_cast<char>(extent >> shift);
  return file + std::string(data);
}

TEST(Idx, BytesAndBigEndianNumbersAreRead) {
  auto bytes = idx(8, {2, 1, 2}, "abcd");
  EXPECT_TRUE(looks_like_idx(as_bytes(bytes)));
  auto array = parse_idx(as_bytes(bytes), "FILE");
  ASSERT_TRUE(array.ok()) << message(array);
  EXPECT_EQ(array->shape, (std::vector<std::int64_t>{2, 1, 2}));
  EXPECT_EQ(as_text(array->bytes), "abcd");

  auto floats = idx(13, {1}, std::string_view("\x3f\xc0\0\0", 4));
  EXPECT_EQ(load<float>(parse_idx(as_bytes(floats), "FILE")->bytes.data()), 1.5F);
}

TEST(Idx, WrongFilesAreRefusedByByte) {
  EXPECT_EQ(message(parse_idx(as_bytes("\x1f\x8b  "), "FILE")),
            "FILE: byte 0: the file is compressed: gunzip it first");
  EXPECT_EQ(message(parse_idx(as_bytes(idx(8, {2, 3}, "abcd")), "FILE")),
            "FILE: byte 16: shape [2, 3] needs 6 bytes, the file has 4");
  EXPECT_EQ(message(parse_idx(as_bytes(idx(9, {1}, "a")), "FILE")),
            "FILE: byte 2: type 0x09 is not read (ubyte 0x08, int 0x0c, float 0x0d, double 0x0e "
            "are)");
}

TEST(Idx, SurvivesEveryDamage) {
  mutate_everywhere(idx(12, {2, 1}, "abcdefgh"), true,
                    [](auto file) { return parse_idx(file, "FILE"); });
}

std::string csv_error(std::string_view text, std::string_view label = "") {
  return message(parse_csv(text, label, "FILE"));
}

TEST(Csv, AHeaderNamesTheLabelColumn) {
  auto table = parse_csv("a,class,b\r\n1, dog,2.5\r\n-3e1,\"a \"\"cat\"\"\n\",+4\r\n", "", "FILE");
  ASSERT_TRUE(table.ok()) << message(table);
  EXPECT_EQ(table->columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table->label_column, "class");
  EXPECT_EQ(table->features, (std::vector<float>{1, 2.5, -30, 4}));
  EXPECT_EQ(table->labels, (std::vector<std::string>{"dog", "a \"cat\"\n"}));
}

TEST(Csv, WithoutAHeaderTheLastColumnIsTheLabel) {
  auto table = parse_csv("1;2;x\n\n3;4;y", "", "FILE");
  ASSERT_TRUE(table.ok()) << message(table);
  EXPECT_EQ(table->rows, 2);
  EXPECT_EQ(table->width, 2);
  EXPECT_EQ(table->labels, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(parse_csv("1;2;x\n3;4;y", "1", "FILE").error().message,
            "FILE: line 1, byte 4: \"x\" in column 3 is no finite number");
}

TEST(Csv, AWrongLineIsRefusedByLineAndByte) {
  EXPECT_EQ(csv_error("a,b,y\n1,,0\n"), "FILE: line 2, byte 8: no number in column \"b\"");
  EXPECT_EQ(csv_error("a,b,y\n1,2,0\n1,nan,0\n"),
            "FILE: line 3, byte 14: \"nan\" in column \"b\" is no finite number");
  EXPECT_EQ(csv_error("a,b,y\n1,2\n"), "FILE: line 2, byte 8: 2 fields instead of 3");
  EXPECT_EQ(csv_error("a,b,y\n1,2,\n"), "FILE: line 2, byte 10: the label is missing");
  EXPECT_EQ(csv_error("a,y\n\"1,2\n"), "FILE: line 2, byte 4: a quote is not closed");
  EXPECT_EQ(csv_error("a,b\n1,2\n", "z"), "FILE: line 1, byte 0: no column \"z\"; there are a, b");
  EXPECT_EQ(csv_error(""), "FILE: line 1, byte 0: the file is empty");
}

TEST(Csv, SurvivesEveryDamage) {
  mutate_everywhere("a,\"b\",y\n1,\"2\",\"c\"\"d\"\n3,-4e-2,e\n", false,
                    [](auto file) { return parse_csv(as_text(file), "", "FILE"); });
}

}  // namespace
}  // namespace clavier::train::data
