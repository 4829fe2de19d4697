#include "search/sobol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/rng.h"

namespace clavier::search {
namespace {

TEST(SobolSequence, EveryBlockOfAPowerOfTwoFillsEveryIntervalOnce) {
  const SobolSequence sequence(20, 7);
  for (const std::uint64_t block : {0U, 1U, 5U})
    for (std::size_t dimension = 0; dimension < 20; ++dimension) {
      std::set<int> intervals;
      for (std::uint64_t index = 0; index < 256; ++index) {
        const double x = sequence.at(dimension, block * 256 + index);
        ASSERT_GE(x, 0);
        ASSERT_LT(x, 1);
        intervals.insert(static_cast<int>(x * 256));
      }
      EXPECT_EQ(intervals.size(), 256U) << dimension;
    }
}

TEST(SobolSequence, TheFirstTwoDimensionsFillEveryElementaryBoxOnce) {
  const SobolSequence sequence(2, 11);
  for (int bits = 0; bits <= 8; ++bits) {
    std::set<std::pair<int, int>> boxes;
    for (std::uint64_t index = 0; index < 256; ++index)
      boxes.insert({static_cast<int>(sequence.at(0, index) * (1 << bits)),
                    static_cast<int>(sequence.at(1, index) * (1 << (8 - bits)))});
    EXPECT_EQ(boxes.size(), 256U) << bits;
  }
}

TEST(SobolSequence, SeedsScrambleIndependently) {
  const SobolSequence a(3, 1), b(3, 2), again(3, 1);
  int same = 0;
  for (std::uint64_t index = 0; index < 100; ++index)
    for (std::size_t dimension = 0; dimension < 3; ++dimension) {
      EXPECT_EQ(a.at(dimension, index), again.at(dimension, index));
      same += a.at(dimension, index) == b.at(dimension, index);
    }
  EXPECT_EQ(same, 0);
}

TEST(SobolSequence, IntegratesBetterThanIndependentDraws) {
  const auto integrand = [](const std::array<double, 4>& x) {
    double product = 1;
    for (const double each : x) product *= 1 + (each - 0.5);
    return product;  // its mean is 1
  };
  double sobol_error = 0, random_error = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const SobolSequence sequence(4, seed);
    Rng rng(seed);
    double sobol = 0, random = 0;
    for (std::uint64_t index = 0; index < 1024; ++index) {
      std::array<double, 4> x{}, y{};
      for (std::size_t d = 0; d < 4; ++d) x[d] = sequence.at(d, index), y[d] = rng.uniform();
      sobol += integrand(x);
      random += integrand(y);
    }
    sobol_error += std::abs(sobol / 1024 - 1);
    random_error += std::abs(random / 1024 - 1);
  }
  EXPECT_LT(sobol_error, random_error / 10);
}

TEST(SobolSequence, TheLargestIndexAndDimensionWork) {
  const SobolSequence sequence(SobolSequence::kMaxDimensions, 1);
  const double x = sequence.at(SobolSequence::kMaxDimensions - 1,
                               (std::uint64_t{1} << SobolSequence::kIndexBits) - 1);
  EXPECT_GE(x, 0);
  EXPECT_LT(x, 1);
}

TEST(SobolSearch, CoversEachParameterEvenly) {
  Space space;
  space.parameters = {{"x", Real{0, 1}}, {"n", Integer{0, 15}}};
  const SobolSearch search(space, 3);
  const State state(Objective{"loss", Mode::kMin}, RetryLimits{});
  std::set<int> intervals;
  std::vector<int> counts(16, 0);
  for (std::int64_t trial = 0; trial < 64; ++trial) {
    const auto config = std::get<Config>(search.suggest(state, TrialId{trial}));
    intervals.insert(static_cast<int>(*config.find("x")->as<double>() * 64));
    ++counts[static_cast<std::size_t>(*config.find("n")->as<std::int64_t>())];
  }
  EXPECT_EQ(intervals.size(), 64U);
  for (const int count : counts) EXPECT_EQ(count, 4);
}

}  // namespace
}  // namespace clavier::search
