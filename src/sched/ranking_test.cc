#include "sched/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace clavier::sched {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Few different values, some of them not a number, so that ties and ends are common.
double draw(Rng& rng) {
  const std::uint64_t die = rng.below(20);
  return die == 0 ? kNaN : die == 1 ? -INFINITY : die == 2 ? INFINITY : std::floor(die / 2.0);
}

TEST(Ranking, AgreesWithASortedListAcrossManyBlocks) {
  Rng rng(1);
  Ranking ranking;
  std::vector<Ranking::Entry> sorted;
  for (std::int64_t i = 0; i < 1500; ++i) {
    const Ranking::Entry entry{draw(rng), TrialId{static_cast<std::int64_t>(mix(i, 0) >> 1)}};
    ranking.insert(entry);
    sorted.push_back(entry);
  }
  std::ranges::sort(sorted, [](auto a, auto b) { return Ranking::precedes(a, b); });
  ASSERT_EQ(ranking.size(), sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ASSERT_EQ(ranking.at(i).trial, sorted[i].trial);
    ASSERT_EQ(ranking.index(sorted[i]), i);
    const auto better = std::ranges::count_if(
        sorted, [&](auto entry) { return Ranking::precedes(entry.key, sorted[i].key); });
    ASSERT_EQ(ranking.better(sorted[i].key), static_cast<std::size_t>(better));
  }
}

TEST(Ranking, NotANumberComesAfterInfinityAndTiesWithItself) {
  Ranking ranking;
  ranking.insert({kNaN, TrialId{0}});
  ranking.insert({INFINITY, TrialId{1}});
  ranking.insert({kNaN, TrialId{2}});
  EXPECT_EQ(ranking.at(0).trial, TrialId{1});
  EXPECT_EQ(ranking.better(kNaN), 1u);
  EXPECT_EQ(ranking.better(INFINITY), 0u);
}

TEST(Ranking, KeyAtMergesKeysThatAreNotInItYet) {
  Rng rng(2);
  for (int round = 0; round < 200; ++round) {
    Ranking ranking;
    std::vector<double> all, extra;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(rng.below(9)); ++i) {
      all.push_back(static_cast<double>(rng.below(6)));
      ranking.insert({all.back(), TrialId{i}});
    }
    for (std::uint64_t i = rng.below(5); i > 0; --i)
      extra.push_back(static_cast<double>(rng.below(6)));
    std::ranges::sort(extra);
    all.insert(all.end(), extra.begin(), extra.end());
    std::ranges::sort(all);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(key_at(ranking, extra, i), all[i]);
  }
}

TEST(Ranking, ComparesUnderBothModes) {
  EXPECT_LT((Objective{"loss", Mode::kMin}.rank_key(1)),
            (Objective{"loss", Mode::kMin}.rank_key(2)));
  EXPECT_LT((Objective{"accuracy", Mode::kMax}.rank_key(2)),
            (Objective{"accuracy", Mode::kMax}.rank_key(1)));
}

}  // namespace
}  // namespace clavier::sched
