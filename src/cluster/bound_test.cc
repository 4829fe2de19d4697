#include "cluster/bound.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace clavier::cluster {
namespace {

using Numbers = std::vector<double>;

TEST(Rate, WorkAndFinishAreInverseAcrossPieces) {
  const Rate rate({{0, 4}, {10, 1}, {20, 0}, {30, 2}});
  EXPECT_DOUBLE_EQ(rate.work(5, 35), 20 + 10 + 0 + 10);
  EXPECT_DOUBLE_EQ(rate.finish(5, 40), 35);
  EXPECT_DOUBLE_EQ(rate.finish(5, 20), 10);
  EXPECT_DOUBLE_EQ(rate.at(10), 1);
  EXPECT_TRUE(std::isinf(Rate(0).finish(0, 1)));
}

TEST(Bound, ManyTrialsAreBoundByAllSlotsTogether) {
  const Numbers works(20, 1000.0), rates{320, 20, 16, 12, 12, 11, 4, 4, 4};
  EXPECT_DOUBLE_EQ(preemptive_bound(works, rates), 20000.0 / 403);
}

TEST(Bound, FewTrialsAreBoundByAsManyOfTheFastest) {
  EXPECT_DOUBLE_EQ(preemptive_bound(Numbers(4, 1000.0), Numbers{4, 12, 16, 20, 320}), 4000.0 / 368);
  EXPECT_DOUBLE_EQ(preemptive_bound(Numbers{100, 1, 1}, Numbers{2, 1, 1}), 50);
}

TEST(Bound, NoWorkTakesNoTimeAndNoSlotsForEver) {
  EXPECT_EQ(preemptive_bound(Numbers{}, Numbers{}), 0);
  EXPECT_TRUE(std::isinf(preemptive_bound(Numbers{1}, Numbers{})));
  EXPECT_TRUE(std::isinf(shared_bound(Numbers{1}, Numbers{})));
}

TEST(Bound, ATrialThatMaySpreadUsesEverySlot) {
  EXPECT_DOUBLE_EQ(shared_bound(Numbers{10}, Numbers{4, 1}), 2);
}

TEST(Bound, FollowsRatesThatChange) {
  // 4/s until 10, then 1/s; the other slot 1/s throughout.
  const std::vector<Rate> rates{Rate({{0, 4}, {10, 1}}), Rate(1)};
  EXPECT_DOUBLE_EQ(preemptive_bound(Numbers{60}, rates), 30);
  EXPECT_DOUBLE_EQ(preemptive_bound(Numbers(10, 6.0), rates), 15);
  const std::vector<Rate> constant{Rate(4), Rate(1)};
  EXPECT_DOUBLE_EQ(preemptive_bound(Numbers(10, 6.0), constant),
                   preemptive_bound(Numbers(10, 6.0), Numbers{4, 1}));
}

}  // namespace
}  // namespace clavier::cluster
