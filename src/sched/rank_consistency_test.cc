#include "sched/rank_consistency.h"

#include <gtest/gtest.h>

#include "sched/asha.h"
#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

const Objective kLoss{"loss", Mode::kMin};

/// Feeds an ASHA of three brackets, rungs 1, 4 and 16, with trials that start in the last one, so
/// that nothing is stopped before step 16; `early`: what trial i has at step 1, where it has i
/// then.
template <typename Early>
std::vector<int> drawn(const Early& early, bool learns = true) {
  Asha asha(kLoss, {.max_steps = 17, .reduction = 4, .brackets = 3, .learns_brackets = learns}, 1);
  Desk desk(asha, kLoss);
  for (int i = 0; i < 12; ++i) {
    const TrialId trial = desk.start(16, 2);
    desk.report(trial, 1, early(i));
    desk.report(trial, 4, i);
    desk.report(trial, 16, i);
    desk.report(trial, 17, i);
    desk.exit(trial, ExitKind::kCompleted);
  }
  std::vector<int> count(3);
  for (const Runnable& runnable : asha.next(desk.state(), 1000))
    ++count[static_cast<std::size_t>(std::get<New>(runnable).bracket)];
  return count;
}

TEST(RankConsistency, ChangesNothingWhereTheFirstRungTellsTheOrder) {
  const auto count = drawn([](int i) { return 2.0 * i; });
  EXPECT_EQ(count, drawn([](int i) { return 2.0 * i; }, false));
  EXPECT_GT(count[0], 550);
}

TEST(RankConsistency, TakesTrialsFromABracketWhoseFirstRungMisleads) {
  const auto count = drawn([](int i) { return -1.0 * i; });
  EXPECT_LT(count[0], 150);
  EXPECT_GT(count[0], 0) << "none is given up";
  EXPECT_GT(count[1], count[2]);
}

TEST(RankConsistency, LearnsOnlyOfTheKeyThatAsksForIt) {
  const auto misled = [](int i) { return -1.0 * i; };
  EXPECT_EQ(drawn(misled, false), drawn([](int i) { return 1.0 * i; }, false));
}

TEST(RankConsistency, WaitsForEnoughTrials) {
  const Rungs rungs({.max_steps = 5, .brackets = 2});
  RankConsistency few(kLoss, rungs);
  State state(kLoss, {});
  for (std::size_t i = 0; i < RankConsistency::kEnough; ++i) {
    EXPECT_EQ(few.factors().front(), 1) << i;
    Fill fill{.created = {{.id = TrialId{static_cast<std::int64_t>(i)}}}};
    fill.launches.push_back({.id = state.next_launch(),
                             .members = {{.trial = fill.created[0].id}},
                             .shares = {{SlotId{0}}}});
    state.apply(fill, state.now());
    for (const Steps step : {1, 4}) {
      const double value = static_cast<double>(i) * (step == 1 ? 1 : -1);
      Turn turn{.id = StepId{0},
                .input = Signal{Reported{{{.trial = fill.created[0].id,
                                           .launch = fill.launches[0].id,
                                           .step = step,
                                           .value = value}}}}};
      state.apply(turn);
      few.observe(turn, state);
    }
  }
  EXPECT_EQ(few.factors().front(), RankConsistency::kLeast);
}

}  // namespace
}  // namespace clavier::sched
