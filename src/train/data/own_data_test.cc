#include "train/data/own_data.h"

#include <limits>

#include "train/data/dataset.h"
#include "train/data/npy.h"
#include "train/data/targets.h"
#include "train/data/testing.h"

namespace clavier::train::data {
namespace {

template <typename T>
TensorView view(const std::string& name, Dtype dtype, std::vector<std::int64_t> shape,
                const std::vector<T>& values) {
  return {name, dtype, std::move(shape), std::as_bytes(std::span(values))};
}

std::vector<float> floats(const Split& split) { return std::get<std::vector<float>>(split.inputs); }
std::vector<std::uint8_t> bytes(const Split& split) {
  return std::get<std::vector<std::uint8_t>>(split.inputs);
}

class OwnData : public testing::Test {
 protected:
  TemporaryFolder folder;
  std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  std::vector<std::int64_t> labels = {0, 2, 1};

  void npy(const std::string& name, const TensorView& array) {
    ASSERT_TRUE(write_npy(folder / name, array).ok());
  }
  Result<Source> read(DataSpec spec = {}) {
    if (spec.source.empty()) spec.source = folder.path().string();
    return read_own_data(spec);
  }
};

TEST_F(OwnData, AFolderOfNpyFilesIsReadWithItsOwnTestSamples) {
  npy("inputs.npy", view("", Dtype::kF32, {3, 2}, numbers));
  npy("labels.npy", view("", Dtype::kI64, {3}, labels));
  npy("test_inputs.npy", view("", Dtype::kF32, {1, 2}, std::vector<float>{7, 8}));
  npy("test_labels.npy", view("", Dtype::kI64, {1}, std::vector<std::int64_t>{3}));
  auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->shape, std::vector<std::int64_t>{2});
  EXPECT_EQ(source->classes, 4);
  EXPECT_EQ(floats(source->samples), numbers);
  EXPECT_EQ(source->test->count, 1);
  EXPECT_FALSE(source->validation);
}

TEST_F(OwnData, TheLabelsOfASingleFileAreNamed) {
  npy("x.npy", view("", Dtype::kF32, {3, 2}, numbers));
  npy("y.npy", view("", Dtype::kF64, {3, 1}, std::vector<double>{0.5, 1, -2}));
  auto path = (folder / "x.npy").string();
  EXPECT_NE(message(read({.source = path})).find("name the file of the labels"), std::string::npos);
  auto source = read({.source = path, .labels = (folder / "y.npy").string()});
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->classes, 0);
  EXPECT_EQ(source->samples.targets, (std::vector<float>{0.5, 1, -2}));
}

TEST_F(OwnData, SafetensorsAreReadByTheNamesOfTheirTensors) {
  std::vector<std::uint8_t> pixels = {1, 2, 3, 4, 5, 6};
  std::vector<TensorView> tensors = {view("inputs", Dtype::kU8, {3, 1, 2}, pixels),
                                     view("group", Dtype::kI64, {3}, labels)};
  auto path = folder / "d.safetensors";
  ASSERT_TRUE(write_safetensors(path, tensors).ok());
  EXPECT_NE(message(read({.source = path.string()})).find("there is no tensor \"labels\""),
            std::string::npos);
  auto source = read({.source = path.string(), .labels = "group"});
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->shape, (std::vector<std::int64_t>{1, 1, 2}));
  EXPECT_EQ(source->scale, 1.0F / 255);
  EXPECT_EQ(bytes(source->samples), pixels);
}

TEST_F(OwnData, CsvWithTextLabelsGivesClassesInAlphabeticalOrder) {
  auto path = folder.write("iris.csv", "a,b,label\n1,2,cat\n3,4,ant\n5,6,cat\n").string();
  auto source = read({.source = path});
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->class_names, (std::vector<std::string>{"ant", "cat"}));
  EXPECT_EQ(source->samples.labels, (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(floats(source->samples), numbers);
  EXPECT_NE(message(read({.source = path, .task = Task::kRegression})).find("\"cat\" are text"),
            std::string::npos);
}

TEST_F(OwnData, TheTaskDecidesWhatNumbersMean) {
  auto whole = folder.write("w.csv", "1,0\n2,1\n").string();
  EXPECT_EQ(read({.source = whole})->classes, 2);
  EXPECT_EQ(read({.source = whole, .task = Task::kRegression})->samples.targets,
            (std::vector<float>{0, 1}));
  auto real = folder.write("r.csv", "1,0.5\n2,1\n").string();
  EXPECT_EQ(read({.source = real})->classes, 0);
  EXPECT_NE(message(read({.source = real, .task = Task::kClassification}))
                .find("sample 0: 0.5 is no class number"),
            std::string::npos);
  auto negative = folder.write("n.csv", "1,-1\n2,1\n").string();
  EXPECT_NE(message(read({.source = negative})).find("sample 0: class -1 is not from 0"),
            std::string::npos);
  auto one = folder.write("o.csv", "1,0\n2,0\n").string();
  EXPECT_NE(message(read({.source = one})).find("all samples are of one class"), std::string::npos);
}

TEST_F(OwnData, MnistsFourFilesAreRead) {
  auto be = [](int n) { return std::string({0, 0, 0, static_cast<char>(n)}); };
  auto images = [&](int n) {
    return std::string("\0\0\x08\x03", 4) + be(n) + be(1) + be(2) + std::string(2 * n, 'p');
  };
  auto marks = [&](std::string digits) {
    return std::string("\0\0\x08\x01", 4) + be(static_cast<int>(digits.size())) + digits;
  };
  folder.write("train-images-idx3-ubyte", images(3));
  EXPECT_NE(message(read()).find("train-labels-idx1-ubyte is missing"), std::string::npos);
  folder.write("train-labels.idx1-ubyte", marks({0, 1, 2}));
  folder.write("t10k-images-idx3-ubyte", images(1));
  folder.write("t10k-labels-idx1-ubyte", marks({1}));
  auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->shape, (std::vector<std::int64_t>{1, 1, 2}));
  EXPECT_EQ(source->samples.count, 3);
  EXPECT_EQ(source->test->count, 1);
}

TEST_F(OwnData, ImagesLieInAFolderForEachClass) {
  folder.write("train/dog/1.pgm", "P5 1 1 255 a");
  folder.write("train/cat/2.PPM", "P6 1 1 255 rgb");
  folder.write("train/cat/notes.txt", "passed over");
  folder.write("test/dog/3.pgm", "P5 1 1 255 z");
  auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(source->shape, (std::vector<std::int64_t>{3, 1, 1}));
  EXPECT_EQ(bytes(source->samples), (std::vector<std::uint8_t>{'r', 'g', 'b', 'a', 'a', 'a'}));
  EXPECT_EQ(source->samples.labels, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(bytes(*source->test), (std::vector<std::uint8_t>{'z', 'z', 'z'}));
}

TEST_F(OwnData, ImagesOfSeveralSizesNeedOneSize) {
  folder.write("a/1.pgm", "P5 1 1 255 x");
  auto second = folder.write("b/2.pgm", "P5 2 1 255 yy");
  EXPECT_NE(
      message(read()).find(second.string() + ": 1 x 2 pixels, the images before it are 1 x 1"),
      std::string::npos);
  auto source = read({.source = folder.path().string(), .resize = {{2, 2}}});
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->shape, (std::vector<std::int64_t>{1, 2, 2}));
  EXPECT_EQ(bytes(source->samples),
            (std::vector<std::uint8_t>{'x', 'x', 'x', 'x', 'y', 'y', 'y', 'y'}));
}

TEST_F(OwnData, WrongImageFoldersAreRefusedByName) {
  EXPECT_NE(message(read()).find("no folder of images for each class"), std::string::npos);
  folder.write("train/a/1.pgm", "P5 1 1 255 x");
  folder.write("train/b/readme", "");
  EXPECT_NE(message(read()).find("train/b: no image"), std::string::npos);
  folder.write("train/b/1.pgm", "P5 1 1 255 ");
  EXPECT_NE(message(read()).find("train/b/1.pgm: byte 11"), std::string::npos);
  folder.write("train/b/1.pgm", "P5 1 1 255 x");
  folder.write("test/c/1.pgm", "P5 1 1 255 x");
  EXPECT_NE(message(read()).find("the training data have no class \"c\""), std::string::npos);
}

TEST_F(OwnData, WhatIsNoDataIsRefused) {
  EXPECT_NE(message(read({.source = "/nowhere"})).find("no data set known by that name"),
            std::string::npos);
  auto path = folder.write("x.txt", "").string();
  EXPECT_NE(message(read({.source = path})).find("not a .npy"), std::string::npos);
}

TEST_F(OwnData, ASmokeTestReplacesTheSamplesButKeepsTheirShape) {
  auto path = folder.write("iris.csv", "1,2,cat\n3,4,ant\n5,6,cow\n").string();
  auto data = load_dataset({.source = path, .smoke = true}, folder.path());
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->shape, std::vector<std::int64_t>{2});
  EXPECT_EQ(data->classes, 3);
  EXPECT_EQ(data->train.count, 64);
}

TEST_F(OwnData, AnExtremeImageIsResizedWithinTheRangeOfBytes) {
  Source source{.shape = {1, 2, 2}};
  source.samples = {std::vector<std::uint8_t>{255, 0, 0, 255}, {0}, {}, 1};
  ASSERT_TRUE(resize_source(source, {5, 3}).ok());
  EXPECT_EQ(source.shape, (std::vector<std::int64_t>{1, 5, 3}));
  EXPECT_EQ(bytes(source.samples).size(), 15U);
  EXPECT_EQ(bytes(source.samples)[0], 255);
  EXPECT_NE(message(resize_source(source, {0, 3})).find("must be from 1"), std::string::npos);
}

TEST(Targets, ChannelsLastAreMovedToTheFront) {
  std::vector<std::uint8_t> pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  Source source;
  ASSERT_TRUE(
      set_inputs(view("", Dtype::kU8, {1, 2, 2, 3}, pixels), "F", source, source.samples).ok());
  EXPECT_EQ(source.shape, (std::vector<std::int64_t>{3, 2, 2}));
  EXPECT_EQ(bytes(source.samples),
            (std::vector<std::uint8_t>{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12}));
}

TEST(Targets, NumbersThatAreNotFiniteAreFoundBySample) {
  std::vector<float> values = {1, 2, std::numeric_limits<float>::quiet_NaN(), 4};
  Source source;
  EXPECT_EQ(message(set_inputs(view("", Dtype::kF32, {2, 2}, values), "F", source, source.samples)),
            "F: sample 1: nan is not finite");
}

TEST(Targets, AnotherNumberOfLabelsThanOfSamplesIsRefused) {
  Source source;
  source.samples.count = 3;
  EXPECT_EQ(message(set_targets(RawLabels(std::vector<std::int64_t>{1, 2}), Task::kAuto, "F",
                                source, source.samples)),
            "F: 2 labels for 3 samples");
}

}  // namespace
}  // namespace clavier::train::data
