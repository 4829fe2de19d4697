#include "train/data/own_data.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cmath>
#include <limits>

#include "tests/support/data_files.h"
#include "train/data/cifar_pickle.h"
#include "train/data/dataset.h"
#include "train/data/gzip.h"
#include "train/data/npy.h"
#include "train/data/targets.h"

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

TEST_F(OwnData, EmptyFoldersAndWhatFileSystemsLeaveAreLeftOutAndTold) {
  folder.write("train/a/1.pgm", "P5 1 1 255 x");
  folder.write("train/b/1.pgm", "P5 1 1 255 x");
  folder.write("train/c/notes", "");
  folder.write("train/a/.DS_Store", "");
  folder.write("train/__MACOSX/a/._1.pgm", "");
  folder.write("test/b/1.pgm", "P5 1 1 255 x");
  folder.write("test/c/notes", "");
  const auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->class_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(source->samples.labels, (std::vector<std::int64_t>{0, 1}));
  const auto& told = source->remarks;
  const auto has = [&](const std::string& line) {
    return std::find(told.begin(), told.end(), line) != told.end();
  };
  EXPECT_TRUE(
      has("left out, a folder without an image: " + (folder / "train/c").string() + " and 1 more"));
  EXPECT_TRUE(
      has("left out, of the file system: " + (folder / "train/__MACOSX").string() + " and 1 more"));
  EXPECT_EQ(left_out({.source = folder.path().string()}).size(), 3U);
  EXPECT_EQ(left_out({.source = folder.path().string()}), told);
}

TEST_F(OwnData, TablesBesideEachOtherAreThePartsOfTheData) {
  folder.write("train.csv", "a,kind,label\n1,x,no\n2,y,yes\n3,x,no\n");
  folder.write("Valid.csv",
               "\xef\xbb\xbf"
               "a,kind,label\r\n4,z,yes\r\n");
  folder.write("test.csv", "a,kind,label\n5,x,maybe\n6,y,no\n");
  const auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->samples.count, 3);
  ASSERT_TRUE(source->validation && source->test);
  EXPECT_EQ(source->validation->count, 1);
  EXPECT_EQ(source->test->count, 2);
  EXPECT_EQ(source->class_names, (std::vector<std::string>{"maybe", "no", "yes"}));
  EXPECT_EQ(source->samples.labels, (std::vector<std::int64_t>{1, 2, 1}));
  EXPECT_EQ(source->validation->labels, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(source->test->labels, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(source->columns.at(1).categories, (std::vector<std::string>{"x", "y", "z"}));
  EXPECT_EQ(std::get<std::vector<float>>(source->validation->inputs), (std::vector<float>{4, 2}));
  EXPECT_EQ(std::get<std::vector<float>>(source->test->inputs), (std::vector<float>{5, 0, 6, 1}));
}

TEST_F(OwnData, AByteOrderMarkOfATableWithoutHeaderIsNoPartOfItsFirstValue) {
  folder.write("train.csv", "1,2,0\n3,4,1\n5,6,0\n");
  folder.write("test.csv",
               "\xef\xbb\xbf"
               "7,8,1\n");
  const auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  ASSERT_TRUE(source->test);
  EXPECT_EQ(std::get<std::vector<float>>(source->test->inputs), (std::vector<float>{7, 8}));
}

TEST_F(OwnData, ATestTableWithoutLabelsIsLeftOutAndAWrongLineIsToldWithItsFile) {
  folder.write("train.csv", "a,b,label\n1,2,0\n3,4,1\n5,6,0\n");
  folder.write("test.csv", "a,b\n1,2\n");
  const auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_FALSE(source->test);
  EXPECT_EQ(source->remarks.back(),
            "left out: " + (folder / "test.csv").string() + " has other columns than train.csv");
  const auto validation = folder.write("val.csv", "a,b,label\n1,2,0\n3,4\n");
  EXPECT_NE(message(read()).find(validation.string() + ": line 3"), std::string::npos)
      << message(read());
  folder.write("validation.csv", "a,b,label\n1,2,0\n");
  EXPECT_NE(message(read()).find("stand for the same part"), std::string::npos);
}

TEST_F(OwnData, ATableBesideFoldersOfImagesIsNoTableOfItsOwn) {
  folder.write("train.csv", "file,label\n1.pgm,a\n");
  folder.write("a/1.pgm", "P5 1 1 255 x");
  folder.write("b/1.pgm", "P5 1 1 255 x");
  const auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->shape, (std::vector<std::int64_t>{1, 1, 1}));
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
  EXPECT_EQ(message(add_labels(std::vector<std::int64_t>{1, 2}, "F", 3, source)),
            "F: 2 labels for 3 samples");
}

TEST_F(OwnData, ClassesAreTheDifferentLabelsOfAllSplits) {
  auto classes = [&](const std::string& rows) {
    auto source = read({.source = folder.write("c.csv", rows).string()});
    return source.ok() ? source->class_names : std::vector<std::string>{message(source)};
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(classes("5,1\n6,2\n"), (Names{"1", "2"}));
  EXPECT_EQ(classes("5,0\n6,999999\n"), (Names{"0", "999999"}));
  EXPECT_EQ(classes("5,-1\n6,1\n"), (Names{"-1", "1"}));
  EXPECT_EQ(classes("5,0.0\n6,1.0\n7,1.0\n"), (Names{"0", "1"}));
  npy("inputs.npy", view("", Dtype::kF32, {3, 2}, numbers));
  npy("labels.npy", view("", Dtype::kI64, {3}, std::vector<std::int64_t>{7, 9, 7}));
  npy("test_inputs.npy", view("", Dtype::kF32, {1, 2}, std::vector<float>{7, 8}));
  npy("test_labels.npy", view("", Dtype::kI64, {1}, std::vector<std::int64_t>{8}));
  auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->class_names, (Names{"7", "8", "9"}));
  EXPECT_EQ(source->samples.labels, (std::vector<std::int64_t>{0, 2, 0}));
  EXPECT_EQ(source->test->labels, (std::vector<std::int64_t>{1}));
}

TEST_F(OwnData, ManyDifferentWholeNumbersAreValues) {
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += "1," + std::to_string(i * 7) + "\n";
  auto path = folder.write("v.csv", rows).string();
  EXPECT_EQ(read({.source = path})->classes, 0);
  EXPECT_EQ(read({.source = path, .task = Task::kClassification})->classes, 60);
}

TEST_F(OwnData, LabelsOfEveryTypeAreRead) {
  npy("inputs.npy", view("", Dtype::kF32, {3, 2}, numbers));
  auto classes = [&](Dtype dtype, const auto& values) {
    npy("labels.npy", view("", dtype, {3}, values));
    auto source = read();
    return source.ok() ? source->classes : -1;
  };
  EXPECT_EQ(classes(Dtype::kBool, std::vector<std::uint8_t>{0, 1, 1}), 2);
  EXPECT_EQ(classes(Dtype::kI8, std::vector<std::int8_t>{-1, 1, 0}), 3);
  EXPECT_EQ(classes(Dtype::kU16, std::vector<std::uint16_t>{0, 1, 1}), 2);
  EXPECT_EQ(classes(Dtype::kI16, std::vector<std::int16_t>{0, 1, 1}), 2);
  EXPECT_EQ(classes(Dtype::kF32, std::vector<float>{0, 1, 1}), 2);
  EXPECT_EQ(classes(Dtype::kF32, std::vector<float>{0, 1, 0.5F}), 0);
}

std::string packed(const std::string& text) {
  z_stream zlib{};
  deflateInit2(&zlib, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  deflate(&zlib, Z_FINISH);
  out.resize(zlib.total_out);
  deflateEnd(&zlib);
  return out;
}

TEST_F(OwnData, FilesAreReadAsGzipPacksThem) {
  auto csv =
      read({.source = folder.write("A.CSV.gz", packed("a,b,label\n1,2,x\n3,4,y\n")).string()});
  ASSERT_TRUE(csv.ok()) << message(csv);
  EXPECT_EQ(csv->classes, 2);
  mutate_everywhere(packed("hello") + packed(", you"), false,
                    [](auto file) { return gunzip(file, "FILE"); });
  EXPECT_EQ(as_text(*gunzip(as_bytes(packed("hello") + packed(", you")), "F")), "hello, you");
  EXPECT_NE(message(gunzip(as_bytes(packed("hello")), "F", 3)).find("more than the 3 bytes"),
            std::string::npos);
}

TEST_F(OwnData, IdxFilesAreReadAsTheyAreDownloaded) {
  auto big = [](int n) { return std::string({0, 0, 0, static_cast<char>(n)}); };
  auto images = packed(std::string("\0\0\x08\x03", 4) + big(2) + big(1) + big(2) + "abcd");
  auto labels = packed(std::string("\0\0\x08\x01", 4) + big(2) + std::string("\1\2", 2));
  for (const char* set : {"raw/", "emnist-letters-"}) {
    TemporaryFolder own;
    for (const char* part : {"train", "test"}) {
      own.write(std::string(set) + part + "-images-idx3-ubyte.gz", images);
      own.write(std::string(set) + part + "-labels-idx1-ubyte.gz", labels);
    }
    auto source = read({.source = own.path().string()});
    ASSERT_TRUE(source.ok()) << message(source);
    EXPECT_EQ(source->classes, 2);
    EXPECT_EQ(source->test->count, 2);
    auto file =
        read({.source = (own / (std::string(set) + "train-images-idx3-ubyte.gz")).string()});
    EXPECT_TRUE(file.ok()) << message(file);
  }
  folder.write("emnist-letters-train-images-idx3-ubyte.gz", images);
  folder.write("emnist-digits-train-images-idx3-ubyte.gz", images);
  EXPECT_NE(message(read()).find("name the file of images that you mean"), std::string::npos);
}

/// As Python 2's cPickle wrote the official files: two images of class 7 and 1.
std::string cifar_pickle(int brightness) {
  const std::string pixels(2 * 3072, static_cast<char>(brightness));
  const auto word = [](const std::string& text) {
    return std::string("U") + static_cast<char>(text.size()) + text;
  };
  return std::string("\x80\2}q\1(", 6) + word("batch_label") + "q\2" + word("one") + "q\3" +
         word("labels") + "q\4]q\5(K\7K\1e" + word("data") +
         "q\6cnumpy.core.multiarray\n_reconstruct\nq\7cnumpy\nndarray\nq\x08" +
         std::string("K\0\x85", 3) + word("b") + "\x87R(K\1M" + std::string("\2\0M\0\x0c\x86", 6) +
         "cnumpy\ndtype\nq\x09" + word("u1") + std::string("K\0K\1\x87R", 6) + "\x89T" +
         std::string("\0\x18\0\0", 4) + pixels + "tb" + word("filenames") + "](" + word("a.png") +
         word("b.png") + "eu.";
}

TEST_F(OwnData, CifarIsReadAsTorchvisionKeepsIt) {
  for (int batch = 1; batch <= 5; ++batch)
    folder.write(fmt::format("cifar-10-batches-py/data_batch_{}", batch), cifar_pickle(batch));
  EXPECT_NE(message(read()).find("test_batch"), std::string::npos);
  folder.write("cifar-10-batches-py/test_batch", cifar_pickle(9));
  for (const auto& source : {folder.path(), folder / "cifar-10-batches-py"}) {
    auto read_in = read({.source = source.string()});
    ASSERT_TRUE(read_in.ok()) << message(read_in);
    EXPECT_EQ(read_in->samples.count, 10);
    EXPECT_EQ(read_in->samples.labels[0], 7);
    EXPECT_EQ(bytes(read_in->samples).back(), 5);
    EXPECT_EQ(bytes(*read_in->test).front(), 9);
    EXPECT_EQ(read_in->class_names[7], "horse");
  }
}

TEST_F(OwnData, DamagedPicklesAreSurvived) {
  auto file = cifar_pickle(1);
  const auto parse = [](std::span<const std::byte> bytes) -> Result<std::int64_t> {
    Split split;
    TRY(append_cifar_pickle(bytes, RecordKind::kCifar10, "FILE", split));
    return split.count;
  };
  const auto pixels = file.find(std::string(3072, '\1'));
  for (std::size_t i = 0; i < file.size(); i = i + 1 == pixels + 8 ? file.size() - 40 : i + 1) {
    EXPECT_FALSE(parse(as_bytes(file.substr(0, i))).ok()) << i;
    for (const char change : {'\x01', '\x10', '\x7f'}) {
      auto changed = file;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const auto result = parse(as_bytes(changed));
      EXPECT_TRUE(result.ok() || message(result).find("FILE") != std::string::npos);
    }
  }
}

TEST_F(OwnData, TheUsualNamesOfSplitsAreKnown) {
  for (const char* name : {"valid", "val", "validation", "dev", "eval", "Valid"}) {
    TemporaryFolder own;
    own.write("training/a/1.pgm", "P5 1 1 255 x");
    own.write("training/b/1.pgm", "P5 1 1 255 x");
    own.write(std::string(name) + "/b/1.pgm", "P5 1 1 255 y");
    own.write("testing/1.pgm", "P5 1 1 255 z");
    own.write("more/a/1.pgm", "P5 1 1 255 z");
    auto source = read({.source = own.path().string()});
    ASSERT_TRUE(source.ok()) << message(source);
    EXPECT_EQ(source->samples.count, 2) << name;
    EXPECT_EQ(source->validation->count, 1) << name;
    EXPECT_FALSE(source->test);
    ASSERT_EQ(source->remarks.size(), 2U);
    EXPECT_NE(source->remarks[1].find("testing has no folder for each class"), std::string::npos);
    EXPECT_NE(source->remarks[0].find("left out: the folder"), std::string::npos);
    own.write("evaL/a/1.pgm", "P5 1 1 255 x");
    if (std::string(name) == "eval") continue;
    EXPECT_NE(message(read({.source = own.path().string()})).find("for the same part of the data"),
              std::string::npos);
  }
}

TEST_F(OwnData, AClassMayBeCalledTrain) {
  folder.write("train/1.pgm", "P5 1 1 255 x");
  folder.write("ship/1.pgm", "P5 1 1 255 x");
  EXPECT_EQ(read()->class_names, (std::vector<std::string>{"ship", "train"}));
  TemporaryFolder own;
  own.write("val/a/1.pgm", "P5 1 1 255 x");
  EXPECT_NE(message(read({.source = own.path().string()})).find("val beside no folder \"train\""),
            std::string::npos);
}

TEST_F(OwnData, ContentDecidesWhatIsAnImageAndTheRestIsTold) {
  folder.write("a/deeper/1.weird", "P5 1 1 255 x");
  folder.write("a/notes.txt", "PS: no image");
  folder.write("b/2.jpg", "P5 1 1 255 y");
  folder.write("b/thumbs.db", "");
  auto source = read();
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->samples.count, 2);
  ASSERT_EQ(source->remarks.size(), 1U);
  EXPECT_NE(source->remarks[0].find("left out, no images: 1 .db, 1 .txt (such as "),
            std::string::npos)
      << source->remarks[0];
}

TEST_F(OwnData, AClassWhoseNameIsNoUtf8IsRefused) {
  folder.write("gr\xfcn/1.pgm", "P5 1 1 255 x");
  EXPECT_NE(message(read()).find("its name is no UTF-8: rename it"), std::string::npos);
}

TEST_F(OwnData, DamagedImagesAreLeftOutAndCountedWhereWished) {
  folder.write("a/1.pgm", "P5 1 1 255 x");
  folder.write("a/2.pgm", "P5 1 1 255 ");
  folder.write("b/1.pgm", "P5 1 1 255 x");
  EXPECT_NE(message(read()).find("skip_damaged = true leaves such images out"), std::string::npos);
  auto source = read({.source = folder.path().string(), .skip_damaged = true});
  ASSERT_TRUE(source.ok()) << message(source);
  EXPECT_EQ(source->samples.count, 2);
  EXPECT_NE(source->remarks[0].find("damaged: 1 image (such as "), std::string::npos);
  EXPECT_EQ(left_out({.source = folder.path().string(), .skip_damaged = true}), source->remarks);
  EXPECT_EQ(left_out({.source = folder.path().string()}), std::vector<std::string>{});
}

TEST_F(OwnData, GapsAndTextOfATableAreLearntFromTheTrainingSplit) {
  std::string rows = "size,colour,label\n";
  for (int i = 0; i < 20; ++i)
    rows += fmt::format("{},{},{}\n", i == 3 ? "NA" : std::to_string(i), i % 2 ? "red" : "blue",
                        i % 4 < 2 ? "yes" : "no");
  auto path = folder.write("t.csv", rows).string();
  auto data = load_dataset({.source = path}, folder.path());
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->shape, std::vector<std::int64_t>{3});
  EXPECT_EQ(data->columns[1].categories, (std::vector<std::string>{"blue", "red"}));
  EXPECT_EQ(data->columns[0].missing, 1);
  EXPECT_NEAR(data->columns[0].fill, data->mean[0], 1e-5);
  for (const auto* split : {&data->train, &data->validation, &data->test})
    for (float value : floats(*split)) EXPECT_TRUE(std::isfinite(value));
  EXPECT_EQ(load_dataset({.source = path, .smoke = true}, folder.path())->shape, data->shape);
}

TEST_F(OwnData, TargetsOfARegressionAreStandardised) {
  std::string rows = "x,y\n";
  for (int i = 0; i < 40; ++i) rows += fmt::format("{},{}.5\n", i, 1000 + 3 * i);
  auto path = folder.write("t.csv", rows).string();
  auto data = load_dataset({.source = path}, folder.path());
  ASSERT_TRUE(data.ok()) << message(data);
  double sum = 0;
  for (float target : data->train.targets) sum += target;
  EXPECT_NEAR(data->target_mean, sum / static_cast<double>(data->train.count), 1e-6);
  EXPECT_GT(data->target_deviation, 10);
  EXPECT_EQ(load_dataset({.source = path, .standardise = false}, folder.path())->target_deviation,
            1);
}

}  // namespace
}  // namespace clavier::train::data
