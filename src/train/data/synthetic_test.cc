#include "train/data/synthetic.h"

#include <cmath>
#include <limits>

#include "tests/support/data_files.h"

namespace clavier::train::data {
namespace {

const std::vector<float>& values(const Split& split) {
  return std::get<std::vector<float>>(split.inputs);
}

/// Accuracy on the test split of the class means estimated from the training split.
double nearest_mean_score(const Dataset& data) {
  auto size = values(data.train).size() / static_cast<std::size_t>(data.train.count);
  std::vector<std::vector<double>> means(static_cast<std::size_t>(data.classes),
                                         std::vector<double>(size));
  std::vector<double> counts(means.size());
  for (std::size_t i = 0; i < data.train.labels.size(); ++i) {
    auto label = static_cast<std::size_t>(data.train.labels[i]);
    ++counts[label];
    for (std::size_t k = 0; k < size; ++k) means[label][k] += values(data.train)[i * size + k];
  }
  int right = 0;
  for (std::size_t i = 0; i < data.test.labels.size(); ++i) {
    double best = std::numeric_limits<double>::infinity();
    std::int64_t answer = -1;
    for (std::size_t c = 0; c < means.size(); ++c) {
      double distance = 0;
      for (std::size_t k = 0; k < size; ++k) {
        double off = values(data.test)[i * size + k] - means[c][k] / counts[c];
        distance += off * off;
      }
      if (distance < best) best = distance, answer = static_cast<std::int64_t>(c);
    }
    right += answer == data.test.labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(data.test.count);
}

SyntheticSpec small() {
  return {.shape = {1, 8, 8}, .classes = 4, .train = 4000, .validation = 10, .test = 4000};
}

TEST(Synthetic, ASimpleLearnerReachesTheCeilingAndDoesNotPassIt) {
  for (double difficulty : {0.3, 0.6, 1.0}) {
    auto spec = small();
    spec.difficulty = difficulty;
    auto data = synthetic_dataset(spec, 1);
    ASSERT_TRUE(data.ok()) << message(data);
    double ceiling = *synthetic_ceiling(spec), score = nearest_mean_score(*data);
    // Three deviations of a share of 4,000 test samples plus the error of the estimate.
    EXPECT_NEAR(score, ceiling, 3 * std::sqrt(ceiling * (1 - ceiling) / 4000) + 0.01) << difficulty;
  }
}

TEST(Synthetic, TheCeilingFallsWithTheDifficulty) {
  auto spec = small();
  spec.difficulty = 0;
  EXPECT_EQ(*synthetic_ceiling(spec), 1);
  spec.difficulty = 0.5;
  double middle = *synthetic_ceiling(spec);
  spec.difficulty = 20;
  double hard = *synthetic_ceiling(spec);
  EXPECT_LT(middle, 1);
  EXPECT_LT(hard, 0.32);
  EXPECT_GT(hard, 0.25);
}

TEST(Synthetic, TwoClassesHaveTheErrorThatTheHeaderStates) {
  SyntheticSpec spec{.shape = {3, 32, 32}, .classes = 2, .difficulty = 0.5};
  // Φ(-1/0.5), up to the deviation of the distance of two random means in 48 dimensions.
  EXPECT_NEAR(*synthetic_ceiling(spec), 1 - 0.0228, 0.02);
}

TEST(Synthetic, ValuesHaveAVarianceNearOne) {
  auto data = synthetic_dataset({.shape = {3, 16, 16}, .difficulty = 0.2}, 1);
  double square = 0;
  for (float value : values(data->train)) square += value * value;
  EXPECT_NEAR(square / static_cast<double>(values(data->train).size()), 1, 0.35);
}

TEST(Synthetic, TheSeedChangesTheTrainingSamplesButNeverTheTestSamples) {
  auto a = synthetic_dataset(small(), 1), again = synthetic_dataset(small(), 1),
       b = synthetic_dataset(small(), 2);
  EXPECT_EQ(values(a->train), values(again->train));
  EXPECT_NE(values(a->train), values(b->train));
  EXPECT_NE(values(a->validation), values(b->validation));
  EXPECT_EQ(values(a->test), values(b->test));
}

TEST(Synthetic, MoreSamplesBeginWithTheSameOnes) {
  auto spec = small();
  auto many = synthetic_dataset(spec, 1);
  spec.train = 10;
  auto few = synthetic_dataset(spec, 1);
  EXPECT_TRUE(std::equal(values(few->train).begin(), values(few->train).end(),
                         values(many->train).begin()));
}

TEST(Synthetic, ATeacherUsesEveryClassAndLeavesAShareToChance) {
  SyntheticSpec spec{
      .kind = SyntheticKind::kTeacher, .shape = {10}, .classes = 5, .difficulty = 0.2};
  auto data = synthetic_dataset(spec, 1);
  ASSERT_TRUE(data.ok()) << message(data);
  for (int c = 0; c < 5; ++c)
    EXPECT_GT(std::count(data->train.labels.begin(), data->train.labels.end(), c), 100);
  EXPECT_NEAR(*synthetic_ceiling(spec), 0.84, 1e-12);
  // The same inputs labelled without chance differ in the share that chance changed.
  spec.difficulty = 0;
  auto sure = synthetic_dataset(spec, 1);
  EXPECT_EQ(values(sure->train), values(data->train));
  int changed = 0;
  for (std::size_t i = 0; i < sure->train.labels.size(); ++i)
    changed += sure->train.labels[i] != data->train.labels[i];
  EXPECT_NEAR(changed / 2000.0, 0.16, 0.03);
}

TEST(Synthetic, ARegressionTeacherHasTargetsOfVarianceOne) {
  SyntheticSpec spec{.kind = SyntheticKind::kTeacher, .shape = {10}, .classes = 0, .difficulty = 0};
  auto data = synthetic_dataset(spec, 1);
  ASSERT_TRUE(data.ok()) << message(data);
  double sum = 0, square = 0;
  for (float target : data->train.targets) sum += target, square += target * target;
  EXPECT_NEAR(sum / 2000, 0, 0.1);
  EXPECT_NEAR(square / 2000, 1, 0.15);
  spec.difficulty = 0.5;
  EXPECT_EQ(*synthetic_ceiling(spec), 0.25);
}

TEST(Synthetic, WrongSpecificationsAreRefused) {
  EXPECT_EQ(message(synthetic_dataset({.shape = {3, 32}}, 1)),
            "synthetic shape [3, 32] must be [channels, height, width] or [features]");
  EXPECT_EQ(message(synthetic_dataset({.classes = 1}, 1)),
            "synthetic classes = 1 must be 2 to 10000 (or 0 with the teacher)");
  EXPECT_EQ(message(synthetic_dataset({.difficulty = -1}, 1)),
            "synthetic difficulty = -1 must be 0 or more");
  EXPECT_EQ(message(synthetic_dataset({.train = 0}, 1)),
            "0 synthetic samples: there must be 1 to 10000000");
}

TEST(Smoke, KnownSetsNeedNoFiles) {
  for (auto [source, channels, classes] :
       {std::tuple{"digits", 1, 10}, {"cifar10", 3, 10}, {"cifar100", 3, 100}}) {
    auto data = load_dataset({.source = source, .smoke = true}, "/nowhere");
    ASSERT_TRUE(data.ok()) << message(data);
    EXPECT_EQ(data->shape, (std::vector<std::int64_t>{channels, 32, 32}));
    EXPECT_EQ(data->classes, classes);
    EXPECT_EQ(data->train.bytes(), channels == 3);
    EXPECT_EQ(data->train.count, 64);
    EXPECT_EQ(data->mean.size(), static_cast<std::size_t>(channels));
  }
}

TEST(Smoke, SyntheticKeepsItsSizeLimitAndShape) {
  auto data = load_dataset({.source = "synthetic", .resize = {{8, 8}}, .samples = 40}, "/nowhere");
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->shape, (std::vector<std::int64_t>{3, 8, 8}));
  EXPECT_EQ(data->train.count, 40);
  EXPECT_EQ(data->test.count, 10);
}

}  // namespace
}  // namespace clavier::train::data
