#include "train/data/records.h"

#include "tests/support/data_files.h"
#include "train/data/dataset.h"
#include "train/data/install.h"
#include "train/data/sha256.h"

namespace clavier::train::data {
namespace {

std::string record(std::initializer_list<int> labels, char fill) {
  std::string bytes;
  for (int label : labels) bytes += static_cast<char>(label);
  return bytes + std::string(3072, fill);
}

Status append(std::string_view file, RecordKind kind, Split& split) {
  return append_records(as_bytes(file), kind, "FILE", split);
}

TEST(Cifar, RecordsAreALabelAndThreePlanes) {
  Split split;
  ASSERT_TRUE(append(record({3}, 'a') + record({9}, 'b'), RecordKind::kCifar10, split).ok());
  ASSERT_TRUE(append(record({0}, 'c'), RecordKind::kCifar10, split).ok());
  EXPECT_EQ(split.count, 3);
  EXPECT_EQ(split.labels, (std::vector<std::int64_t>{3, 9, 0}));
  const auto& bytes = std::get<std::vector<std::uint8_t>>(split.inputs);
  ASSERT_EQ(bytes.size(), 3U * 3072);
  EXPECT_EQ(bytes[3071], 'a');
  EXPECT_EQ(bytes[3072], 'b');
}

TEST(Cifar, TheHundredHaveAGroupAndAClass) {
  Split fine, coarse;
  auto file = record({4, 99}, 'a');
  ASSERT_TRUE(append(file, RecordKind::kCifar100Fine, fine).ok());
  ASSERT_TRUE(append(file, RecordKind::kCifar100Coarse, coarse).ok());
  EXPECT_EQ(fine.labels.front(), 99);
  EXPECT_EQ(coarse.labels.front(), 4);
}

TEST(Cifar, CutFilesAndStrangeLabelsAreRefusedByByte) {
  Split split;
  EXPECT_EQ(message(append(record({1}, 'a').substr(1), RecordKind::kCifar10, split)),
            "FILE: byte 3072: the file ends within a record of 3073 bytes");
  EXPECT_EQ(message(append(record({1}, 'a') + record({10}, 'a'), RecordKind::kCifar10, split)),
            "FILE: byte 3073: class 10 of 10");
  EXPECT_EQ(message(append(record({1, 100}, 'a'), RecordKind::kCifar100Fine, split)),
            "FILE: byte 1: class 100 of 100");
}

TEST(Mnist5k, RecordsAreADigitAndItsPixels) {
  Split split;
  const auto file =
      std::string(1, 7) + std::string(784, 'a') + std::string(1, 2) + std::string(784, 'b');
  ASSERT_TRUE(append(file, RecordKind::kMnist5k, split).ok());
  EXPECT_EQ(split.labels, (std::vector<std::int64_t>{7, 2}));
  EXPECT_EQ(std::get<std::vector<std::uint8_t>>(split.inputs)[784], 'b');
}

TEST(Mnist5k, AnotherFileThanTheKnownOneIsRefused) {
  TemporaryFolder folder;
  EXPECT_NE(
      message(load_dataset({.source = "mnist5k"}, folder.path())).find("clavier data mnist5k"),
      std::string::npos);
  folder.write("mnist5k/images.bin", std::string(3'925'000, '0'));
  EXPECT_NE(message(load_dataset({.source = "mnist5k"}, folder.path())).find("damaged (SHA-256"),
            std::string::npos);
}

TEST(Mnist5k, TheRealOnesAreFiveHundredOfEachDigit) {
  const char* place = std::getenv("CLAVIER_DATA");
  if (place == nullptr || missing_file(*find_known("mnist5k"), place))
    GTEST_SKIP() << "they are not in $CLAVIER_DATA (script/get_wheel_images.py mnist5k gets them)";
  const auto data = load_dataset({.source = "mnist5k", .seed = 7}, place);
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->shape, (std::vector<std::int64_t>{1, 28, 28}));
  EXPECT_EQ(data->class_names.back(), "9");
  EXPECT_EQ(data->train.count + data->validation.count + data->test.count, 5000);
  EXPECT_EQ(std::count(data->test.labels.begin(), data->test.labels.end(), 3), 100);
  // Brightness as it is known of MNIST.
  EXPECT_NEAR(data->mean.front(), 0.1307, 0.005);
  EXPECT_NEAR(data->deviation.front(), 0.3081, 0.01);
}

TEST(Cifar, AMissingOrCutOfficialFileIsNamedTogetherWithTheCommandThatGetsIt) {
  TemporaryFolder folder;
  EXPECT_NE(message(load_dataset({.source = "cifar10"}, folder.path()))
                .find("data_batch_1.bin is missing; get it with: clavier data cifar10"),
            std::string::npos);
  folder.write("cifar-100-binary/train.bin", record({1, 1}, 'a'));
  EXPECT_NE(message(load_dataset({.source = "cifar100"}, folder.path()))
                .find("train.bin has 3074 bytes instead of 153700000"),
            std::string::npos);
}

TEST(Cifar, WholeFoldersOfTheOfficialSizesAreReadAndSplit) {
  TemporaryFolder folder;
  const auto& set = *find_known("cifar10");
  std::string batch;
  for (int i = 0; i < 10'000; ++i) batch += record({i % 10}, static_cast<char>(i));
  auto first = folder.write(set.folder + "/" + set.files[0].name, batch);
  for (std::size_t i = 1; i < set.files.size(); ++i)
    std::filesystem::create_hard_link(first, folder / (set.folder + "/" + set.files[i].name));
  auto data = load_dataset({.source = "cifar10", .seed = 3}, folder.path());
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->train.count, 40'000);
  EXPECT_EQ(data->validation.count, 10'000);
  EXPECT_EQ(data->test.count, 10'000);
  EXPECT_EQ(data->shape, (std::vector<std::int64_t>{3, 32, 32}));
  EXPECT_EQ(data->mean.front(), 0.4914F);
  EXPECT_EQ(std::get<0>(data->train.inputs).size(), 40'000U * 3072);
  EXPECT_EQ(std::count(data->validation.labels.begin(), data->validation.labels.end(), 7), 1000);
}

std::string digits_line(int brightness, int label) {
  std::string line;
  for (int i = 0; i < 64; ++i) line += std::to_string(i == 9 ? brightness : 0) + ",";
  return line + std::to_string(label) + "\n";
}

TEST(Digits, LinesAreBrightnessesFromZeroToSixteenAndADigit) {
  auto source = parse_digits(digits_line(8, 3) + digits_line(16, 0), "FILE");
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->shape, (std::vector<std::int64_t>{1, 8, 8}));
  EXPECT_EQ(source->samples.labels, (std::vector<std::int64_t>{3, 0}));
  EXPECT_EQ(std::get<1>(source->samples.inputs)[9], 0.5F);
  EXPECT_EQ(message(parse_digits(digits_line(8, 3) + digits_line(17, 3), "FILE")),
            "FILE: line 2: brightness 17 is not from 0 to 16");
  EXPECT_EQ(message(parse_digits(digits_line(8, 12), "FILE")), "FILE: line 1: \"12\" is no digit");
  EXPECT_EQ(message(parse_digits("1,2\n", "FILE")),
            "FILE: line 1, byte 0: no column \"65\": the file has no header, give a number from 1 "
            "to 2, or set header = true");
}

TEST(Digits, AnotherFileThanTheKnownOneIsRefused) {
  TemporaryFolder folder;
  EXPECT_NE(message(load_dataset({.source = "digits"}, folder.path())).find("clavier data digits"),
            std::string::npos);
  folder.write("digits/digits.csv", std::string(264'712, '0'));
  EXPECT_NE(message(load_dataset({.source = "digits"}, folder.path())).find("damaged (SHA-256"),
            std::string::npos);
}

TEST(Digits, TheRealOnesAreAsTheyWereInTheFirstRelease) {
  const char* place = std::getenv("CLAVIER_DATA");
  if (place == nullptr || missing_file(*find_known("digits"), place))
    GTEST_SKIP() << "the digits are not in $CLAVIER_DATA (script/get_wheel_images.py gets them)";
  auto data = load_dataset({.source = "digits", .seed = 7}, place);
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->shape, (std::vector<std::int64_t>{1, 32, 32}));
  EXPECT_EQ(data->train.count, 1150);
  EXPECT_EQ(data->validation.count, 288);
  EXPECT_EQ(data->test.count, 359);
  const auto& test = std::get<1>(data->test.inputs);
  EXPECT_EQ(sha256(as_text(std::as_bytes(std::span(test)))),
            "e30a96fdeeeb94850d5aaef9b0850fdb013ed2a02326659755f3b402d4b9ca08");
}

}  // namespace
}  // namespace clavier::train::data
