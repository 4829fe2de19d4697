#include "train/data/split.h"

#include <numeric>
#include <set>

#include "tests/support/data_files.h"
#include "train/data/resize.h"

namespace clavier::train::data {
namespace {

/// Sample i has the inputs (i, 2 i) and the class i % 3.
Source numbered(std::int64_t n) {
  Source source{.shape = {2}, .classes = 3};
  std::vector<float> inputs;
  for (std::int64_t i = 0; i < n; ++i) {
    inputs.push_back(static_cast<float>(i));
    inputs.push_back(static_cast<float>(2 * i));
    source.samples.labels.push_back(i % 3);
  }
  source.samples.inputs = inputs;
  source.samples.count = n;
  return source;
}

std::vector<int> ids(const Split& split) {
  const auto& inputs = std::get<std::vector<float>>(split.inputs);
  EXPECT_EQ(std::ssize(inputs), 2 * split.count);
  EXPECT_EQ(std::ssize(split.labels), split.count);
  std::vector<int> result;
  for (std::int64_t i = 0; i < split.count; ++i) {
    result.push_back(static_cast<int>(inputs[2 * i]));
    EXPECT_EQ(inputs[2 * i + 1], 2 * inputs[2 * i]);
    EXPECT_EQ(split.labels[i], result.back() % 3);
  }
  return result;
}

TEST(Split, TheThreePartsAreDisjointStratifiedAndComplete) {
  auto data = split_source(numbered(300), {.source = "x", .seed = 4}, "x");
  ASSERT_TRUE(data.ok()) << message(data);
  auto train = ids(data->train), validation = ids(data->validation), test = ids(data->test);
  EXPECT_EQ(test.size(), 60U);
  EXPECT_EQ(validation.size(), 48U);
  EXPECT_EQ(train.size(), 192U);
  std::set<int> all(train.begin(), train.end());
  all.insert(validation.begin(), validation.end());
  all.insert(test.begin(), test.end());
  EXPECT_EQ(all.size(), 300U);
  for (int c = 0; c < 3; ++c)
    EXPECT_EQ(std::count(data->test.labels.begin(), data->test.labels.end(), c), 20);
}

TEST(Split, TheSeedMovesValidationButNeverTheTestSamples) {
  auto a = split_source(numbered(300), {.source = "x", .seed = 1}, "x");
  auto again = split_source(numbered(300), {.source = "x", .seed = 1}, "x");
  auto b = split_source(numbered(300), {.source = "x", .seed = 2}, "x");
  EXPECT_EQ(ids(a->validation), ids(again->validation));
  EXPECT_NE(ids(a->validation), ids(b->validation));
  EXPECT_EQ(ids(a->test), ids(b->test));
}

TEST(Split, TheSamplesTakenAreTheOnesOfTheFirstRelease) {
  std::vector<std::int64_t> labels = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
  EXPECT_EQ(stratified(10, labels, 0.4, 0x7e57).taken, (std::vector<std::int64_t>{0, 4, 5, 7}));
}

TEST(Split, EveryClassKeepsASample) {
  std::vector<std::int64_t> labels = {0, 1, 2, 2, 3, 3, 3};
  auto parts = stratified(7, labels, 0.9, 1);
  std::set<std::int64_t> kept;
  for (auto position : parts.kept) kept.insert(labels[position]);
  EXPECT_EQ(kept.size(), 4U);
}

TEST(Split, ALimitKeepsTheClassesInProportion) {
  auto data = split_source(numbered(300), {.source = "x", .samples = 30}, "x");
  EXPECT_EQ(data->train.count, 30);
  EXPECT_EQ(data->validation.count, 7);
  EXPECT_EQ(data->test.count, 7);
  EXPECT_EQ(std::count(data->train.labels.begin(), data->train.labels.end(), 0), 10);
}

TEST(Split, FeaturesAreNormalisedByTheTrainingPart) {
  Source source{.shape = {2}, .classes = 0};
  source.samples = {std::vector<float>{1, 7, 3, 7}, {}, {0, 1}, 2};
  source.validation = source.test = Split{std::vector<float>{100, 100}, {}, {5}, 1};
  auto data = split_source(source, {.source = "x"}, "x");
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->mean, (std::vector<float>{2, 7}));
  EXPECT_EQ(data->deviation,
            (std::vector<float>{1, 1}));  // The constant feature is not divided by 0.
}

TEST(Split, BytesAreNormalisedPerChannelInTheScaleOfTheNetwork) {
  Source source{.shape = {2, 1, 2}, .classes = 1, .scale = 1.0F / 255};
  source.samples = {std::vector<std::uint8_t>{0, 255, 51, 51}, {0}, {}, 1};
  source.validation = source.test = source.samples;
  auto data = split_source(source, {.source = "x"}, "x");
  EXPECT_FLOAT_EQ(data->mean[0], 0.5F);
  EXPECT_FLOAT_EQ(data->deviation[0], 0.5F);
  EXPECT_FLOAT_EQ(data->mean[1], 0.2F);
}

TEST(Split, EmptyPartsAndWrongFractionsAreRefused) {
  EXPECT_EQ(message(split_source(numbered(300), {.source = "x", .validation = 1}, "x")),
            "validation = 1 must be at least 0 and below 1");
  EXPECT_EQ(message(split_source(numbered(3), {.source = "x", .validation = 0}, "x")),
            "x: 3 samples leave 3 for training and 0 for validation");
}

TEST(Resize, EnlargingByFourIsExactlyBilinear) {
  std::vector<float> line = {0, 8, 16}, out(12);
  Resizer(1, 3, 1, 12).apply(line, out);
  EXPECT_EQ(out, (std::vector<float>{0, 0, 1, 3, 5, 7, 9, 11, 13, 15, 16, 16}));
  std::vector<float> column(12);
  Resizer(3, 1, 12, 1).apply(line, column);
  EXPECT_EQ(column, out);
}

TEST(Resize, ShrinkingCountsEveryPixelAndKeepsAConstant) {
  std::vector<float> plane(64, 3), out(4);
  Resizer(8, 8, 2, 2).apply(plane, out);
  for (float value : out) EXPECT_FLOAT_EQ(value, 3);
  for (std::size_t i = 0; i < plane.size(); ++i) {
    std::vector<float> dot(64), seen(4);
    dot[i] = 1;
    Resizer(8, 8, 2, 2).apply(dot, seen);
    EXPECT_GT(std::accumulate(seen.begin(), seen.end(), 0.0F), 0) << i;
  }
}

TEST(Resize, TheSameSizeChangesNothing) {
  std::vector<float> plane = {1, 2, 3, 4, 5, 6}, out(6);
  Resizer(2, 3, 2, 3).apply(plane, out);
  EXPECT_EQ(out, plane);
}

}  // namespace
}  // namespace clavier::train::data
