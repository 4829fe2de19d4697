#include "model/signed_rank.h"

#include <gtest/gtest.h>

#include <vector>

namespace clavier::model {
namespace {

double p(const std::vector<double>& differences) { return signed_rank_p(differences); }

TEST(SignedRank, IsExactForFewPairs) {
  EXPECT_EQ(p({}), 1);
  EXPECT_EQ(p({1, 2, 3}), 0.125);
  EXPECT_EQ(p({-1, -2, -3}), 1);
  EXPECT_NEAR(p({1.5, -0.3, 2.2, 0.9, -1.1, 3.0, 0.4, 1.7}), 0.0390625, 1e-12) << "as SciPy has it";
}

TEST(SignedRank, SharesTheRanksOfEqualSizesAndHalvesZeros) {
  EXPECT_NEAR(p({1, -1, 2, 2, 0, 3, -2}), 0.21875, 1e-12) << "SciPy's zsplit by permutations";
  EXPECT_EQ(p({0, 0, 0}), 1);
}

TEST(SignedRank, IsNormalForMany) {
  std::vector<double> many;
  for (int i = 0; i < 40; ++i) many.push_back(((i * 37) % 41 - 15) / 7.0);
  EXPECT_NEAR(p(many), 0.00564, 1e-4) << "as SciPy has it";
  for (double& each : many) each = -each;
  EXPECT_NEAR(p(many), 1 - 0.00564, 1e-4);
}

}  // namespace
}  // namespace clavier::model
