#include "train/data/safetensors.h"

#include <cmath>
#include <limits>

#include "tests/support/data_files.h"

namespace clavier::train::data {
namespace {

template <typename T>
std::span<const std::byte> raw(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

std::string file_of(std::string header, std::string_view data) {
  std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), 8);
  return file + header + std::string(data);
}

Result<SafeTensors> parse(std::string_view file) {
  return parse_safetensors(as_bytes(file), "FILE");
}

std::string refusal(std::string header, std::string_view data) {
  return message(parse(file_of(std::move(header), data)));
}

class Written : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<TensorView> tensors = {{"labels", Dtype::kI64, {2}, raw(labels)},
                                       {"a", Dtype::kF32, {2, 2}, raw(numbers)},
                                       {"mask \"é\"", Dtype::kU8, {3}, raw(mask)},
                                       {"nothing", Dtype::kF32, {0, 4}, {}},
                                       {"scalar", Dtype::kF64, {}, raw(scalar)}};
    auto status = write_safetensors(path, tensors, {{"step", "7"}});
    ASSERT_TRUE(status.ok()) << message(status);
  }
  TemporaryFolder folder;
  std::filesystem::path path = folder / "x.safetensors";
  std::vector<float> numbers = {1.5F, -0.0F, std::numeric_limits<float>::infinity(), 3};
  std::vector<std::int64_t> labels = {-1, 9'000'000'000};
  std::vector<std::uint8_t> mask = {1, 0, 1};
  std::vector<double> scalar = {0.1};
};

TEST_F(Written, IsReadBackAsItWas) {
  auto read = read_safetensors(path);
  ASSERT_TRUE(read.ok()) << message(read);
  EXPECT_EQ(read->tensors().size(), 5U);
  EXPECT_EQ(read->metadata().at("step"), "7");
  const auto* a = read->find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, Dtype::kF32);
  EXPECT_EQ(a->shape, (std::vector<std::int64_t>{2, 2}));
  ASSERT_EQ(a->bytes.size(), 16U);
  EXPECT_EQ(std::memcmp(a->bytes.data(), numbers.data(), 16), 0);
  ASSERT_NE(read->find("mask \"é\""), nullptr);
  EXPECT_EQ(load<double>(read->find("scalar")->bytes.data()), 0.1);
  EXPECT_EQ(read->find("b"), nullptr);
}

TEST_F(Written, LeavesNoTemporaryFileAndDoesNotDependOnTheOrder) {
  auto first = read_file(path);
  std::vector<TensorView> two = {{"b", Dtype::kU8, {3}, raw(mask)},
                                 {"a", Dtype::kU8, {3}, raw(mask)}};
  std::vector<TensorView> swapped = {two[1], two[0]};
  ASSERT_TRUE(write_safetensors(folder / "1", two).ok());
  ASSERT_TRUE(write_safetensors(folder / "2", swapped).ok());
  EXPECT_EQ(*read_file(folder / "1"), *read_file(folder / "2"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 3);
}

TEST_F(Written, SurvivesEveryDamage) {
  auto bytes = read_file(path);
  mutate_everywhere(std::string(as_text(*bytes)), true,
                    [](auto file) { return parse_safetensors(file, "FILE"); });
}

TEST_F(Written, ATensorOutlivesTheObjectItCameFromIfACopyLives) {
  auto copy = [&] {
    auto read = read_safetensors(path);
    return read.value();
  }();
  EXPECT_EQ(load<std::int64_t>(copy.find("labels")->bytes.data()), -1);
}

TEST(SafeTensors, ACleanErrorNamesTheFileAndTheByte) {
  EXPECT_EQ(message(parse("\x01")), "FILE: byte 1: the file ends within the length of its header");
  EXPECT_EQ(
      message(parse(std::string(7, '\0') + "\x10")),
      "FILE: byte 0: a header of 1152921504606846976 bytes is more than the 16777216 allowed");
  EXPECT_EQ(refusal("{]", ""), "FILE: the header is not JSON at byte 9: a name was expected");
  EXPECT_EQ(refusal("[]", ""), "FILE: byte 8: the header does not begin with {");
  EXPECT_EQ(message(read_safetensors("/nowhere/x")),
            "/nowhere/x: cannot open: No such file or directory");
}

TEST(SafeTensors, WhatTheFormatForbidsIsRefused) {
  const std::string a = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  EXPECT_EQ(refusal(a + "}", "ab"), "no error");
  EXPECT_NE(refusal(a + "}", "abc").find("1 bytes belong to no tensor"), std::string::npos);
  EXPECT_NE(refusal(a + "}", "a").find("not within the 1"), std::string::npos);
  EXPECT_NE(refusal(a + R"(,"a":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})", "ab")
                .find("\"a\" stands twice"),
            std::string::npos);
  EXPECT_NE(refusal(a + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "abc")
                .find("begins at 1 of the data instead of 2"),
            std::string::npos);
  EXPECT_NE(refusal(a + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})", "abcd")
                .find("begins at 3 of the data instead of 2"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,2]}})", "ab")
                .find("F32 of shape [2] need 8 bytes, it has 2"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"a":{"dtype":"X9","shape":[2],"data_offsets":[0,2]}})", "ab")
                .find("unknown type \"X9\""),
            std::string::npos);
  EXPECT_NE(refusal(R"({"a":{"dtype":"U8","shape":[2]}})", "ab").find("must have exactly"),
            std::string::npos);
  EXPECT_NE(
      refusal(R"({"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", "")
          .find("impossible shape"),
      std::string::npos);
  EXPECT_NE(refusal(R"({"__metadata__":{"a":1}})", "").find("may not have"), std::string::npos);
}

TEST(SafeTensors, DeepNestingIsRefusedAtOnce) {
  EXPECT_NE(
      refusal("{\"a\":" + std::string(1 << 20, '['), "").find("at byte 76: nested too deeply"),
      std::string::npos);
}

TEST(SafeTensors, AFolderThatIsNotThereIsAnErrorOfTheWriter) {
  EXPECT_NE(message(write_safetensors("/nowhere/x", {})).find("/nowhere/x"), std::string::npos);
}

}  // namespace
}  // namespace clavier::train::data
