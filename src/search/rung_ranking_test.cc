#include "search/rung_ranking.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clavier::search {
namespace {

/// Trials that report as the test says; rungs at steps 1, 3 and 9, of which two trials are enough.
class RungRankingTest : public testing::Test {
 protected:
  void report(std::int64_t trial, Steps step, double value) {
    const TrialId id{trial};
    while (!state_.known(id)) {
      const TrialId next{static_cast<std::int64_t>(state_.trials().size())};
      state_.apply(Fill{.created = {{.id = next}},
                        .launches = {{.id = LaunchId{next.value},
                                      .members = {{.trial = next}},
                                      .shares = {{SlotId{0}}}}}},
                   state_.now());
    }
    turn(
        Signal{Reported{{{.trial = id, .launch = LaunchId{trial}, .step = step, .value = value}}}});
  }
  void turn(Input input) {
    const Turn turn{.id = StepId{0}, .input = std::move(input)};
    state_.apply(turn);
    rungs_.observe(turn, state_);
  }
  std::vector<std::int64_t> best(std::size_t count) const {
    std::vector<std::int64_t> ids;
    for (const TrialId id : rungs_.highest()->best(count)) ids.push_back(id.value);
    return ids;
  }

  State state_{{"accuracy", Mode::kMax}, {}};
  RungRanking rungs_{{1, 3, 9}, 2};
};

TEST_F(RungRankingTest, TheHighestRungWithEnoughTrialsCounts) {
  report(0, 1, 0.5);
  EXPECT_EQ(rungs_.highest(), nullptr);
  report(1, 1, 0.6);
  ASSERT_TRUE(rungs_.highest());
  EXPECT_EQ(rungs_.highest()->step, 1);
  EXPECT_EQ(best(9), (std::vector<std::int64_t>{1, 0}));
  report(0, 3, 0.9);
  EXPECT_EQ(rungs_.highest()->step, 1);
  report(1, 3, 0.8);
  EXPECT_EQ(rungs_.highest()->step, 3);
  EXPECT_EQ(best(1), std::vector<std::int64_t>{0});
}

TEST_F(RungRankingTest, AValueIsTheFirstAtOrBehindTheRungAndStaysSo) {
  report(0, 4, 0.5);
  report(0, 5, 0.99);
  report(1, 3, 0.6);
  EXPECT_EQ(rungs_.highest()->step, 3);
  EXPECT_EQ(best(1), std::vector<std::int64_t>{1});
}

TEST_F(RungRankingTest, WhoFailsOrHasNoNumberIsKnownAndNeverGood) {
  report(2, 1, std::nan(""));
  turn(Signal{Exited{.trial = TrialId{0}, .launch = LaunchId{0}, .kind = ExitKind::kFailed}});
  report(1, 1, 0.1);
  EXPECT_EQ(best(9), std::vector<std::int64_t>{1});
  EXPECT_EQ(rungs_.highest()->known.size(), 3u);
}

}  // namespace
}  // namespace clavier::search
