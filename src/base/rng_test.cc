#include "base/rng.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace clavier {
namespace {

TEST(Rng, SameKeyGivesSameDraws) {
  auto a = Rng::keyed(7, 3, 1), b = Rng::keyed(7, 3, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Rng, EveryWordOfTheKeyMattersAndSoDoesTheirOrder) {
  std::set<std::uint64_t> first;
  for (int a = 0; a < 10; ++a)
    for (int b = 0; b < 10; ++b) first.insert(Rng::keyed(7, a, b).next());
  EXPECT_EQ(first.size(), 100u);
}

TEST(Rng, UniformHasTheRightMeanAndStaysInRange) {
  Rng rng(1);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

TEST(Rng, NormalHasUnitVariance) {
  Rng rng(2);
  double sum = 0, squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 100000, 0, 0.02);
  EXPECT_NEAR(squares / 100000, 1, 0.02);
}

TEST(Rng, ShuffleIsAPermutation) {
  std::vector<int> items{0, 1, 2, 3, 4, 5, 6, 7};
  Rng(3).shuffle(std::span(items));
  EXPECT_EQ(std::set<int>(items.begin(), items.end()).size(), 8u);
}

TEST(StableHash, NeverChanges) { EXPECT_EQ(stable_hash("lr"), stable_hash(std::string("lr"))); }

}  // namespace
}  // namespace clavier
