#include "tests/support/scheduler_contract.h"

#include <cmath>
#include <limits>

#include "sched/asha.h"
#include "sched/asha_promotion.h"
#include "sched/fifo.h"
#include "sched/hyperband.h"
#include "sched/median.h"
#include "sched/pb2.h"
#include "sched/pbt.h"
#include "sched/ray/asha.h"
#include "sched/ray/pbt.h"

namespace clavier::sched::contract {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// `visits` of a scheduler that counts them.
template <typename T>
std::int64_t visits(const Scheduler& scheduler) {
  return static_cast<const T&>(scheduler).visits();
}

const Space kSpace = {{{"lr", Real{1e-4, 1, Scale::kLog}},
                       {"width", Integer{1, 64}},
                       {"momentum", Choice{{0.8, 0.9, 0.99}, true}}}};

std::unique_ptr<Scheduler> make_pbt(Objective objective, PbtOptions options) {
  return std::make_unique<Pbt>(objective, kSpace, std::move(options), 1);
}

std::unique_ptr<Scheduler> make_ray_pbt(Objective objective, RayPbtOptions options) {
  return std::make_unique<RayPbt>(objective, kSpace, std::move(options), 1);
}

const std::vector<Subject> kSubjects = {
    {"fifo", [](Objective) { return std::make_unique<Fifo>(FifoOptions{.max_steps = 20}); }},
    {"fifo_without_end", [](Objective) { return std::make_unique<Fifo>(FifoOptions{}); }},
    {"asha",
     [](Objective objective) {
       return std::make_unique<Asha>(objective, AshaOptions{.max_steps = 50, .reduction = 3}, 1);
     },
     visits<Asha>},
    {"asha_brackets",
     [](Objective objective) {
       return std::make_unique<Asha>(
           objective, AshaOptions{.max_steps = 40, .grace = 2, .reduction = 2.5, .brackets = 3}, 1);
     },
     visits<Asha>},
    {"asha_promotion",
     [](Objective objective) {
       return std::make_unique<AshaPromotion>(objective,
                                              AshaOptions{.max_steps = 50, .reduction = 3}, 1);
     },
     visits<AshaPromotion>},
    {"asha_promotion_brackets",
     [](Objective objective) {
       return std::make_unique<AshaPromotion>(
           objective, AshaOptions{.max_steps = 40, .reduction = 2, .brackets = 2}, 1);
     },
     visits<AshaPromotion>},
    {"asha_learned_brackets",
     [](Objective objective) {
       return std::make_unique<Asha>(
           objective,
           AshaOptions{
               .max_steps = 40, .grace = 2, .reduction = 2, .brackets = 3, .learns_brackets = true},
           1);
     },
     visits<Asha>},
    {"hyperband",
     [](Objective objective) {
       return std::make_unique<HyperBand>(objective,
                                          hyperband_brackets({.max_steps = 27, .reduction = 3}));
     },
     visits<HyperBand>},
    {"hyperband_of_ray",
     [](Objective objective) {
       return std::make_unique<HyperBand>(
           objective, ray_hyperband_brackets({.max_steps = 40, .reduction = 4}));
     },
     visits<HyperBand>},
    {"ray_asha",
     [](Objective objective) {
       return std::make_unique<RayAsha>(
           objective, RayAshaOptions{.max_t = 50, .reduction_factor = 3, .brackets = 2}, 1);
     },
     visits<RayAsha>},
    {"ray_asha_without_end",
     [](Objective objective) {
       return std::make_unique<RayAsha>(objective,
                                        RayAshaOptions{.max_t = 40, .stop_last_trials = false}, 1);
     },
     visits<RayAsha>},
    {"median",
     [](Objective objective) {
       return std::make_unique<Median>(objective, MedianOptions{.every = 4, .max_steps = 30});
     },
     visits<Median>},
    {"percentile",
     [](Objective objective) {
       return std::make_unique<Median>(
           objective, MedianOptions{.every = 4, .percentile = 25, .max_steps = 30});
     },
     visits<Median>},
    {"median_by_seconds",
     [](Objective objective) {
       return std::make_unique<Median>(
           objective, MedianOptions{.axis = Axis::kSeconds, .grace = 2.5, .every = 3});
     },
     visits<Median>},
    {"pbt",
     [](Objective objective) {
       return make_pbt(std::move(objective), {.interval = 5, .max_steps = 40});
     }},
    {"pbt_without_end",
     [](Objective objective) {
       return make_pbt(std::move(objective), {.interval = 3, .burn_in = 10, .quantile = 0.5});
     }},
    {"pbt_synchronous",
     [](Objective objective) {
       return make_pbt(std::move(objective),
                       {.interval = 5, .max_steps = 40, .exchange = Exchange::kSynchronous});
     }},
    {"pb2",
     [](Objective objective) {
       return std::make_unique<Pb2>(objective, kSpace, PbtOptions{.interval = 16, .max_steps = 40},
                                    1);
     }},
    {"pb2_synchronous",
     [](Objective objective) {
       return std::make_unique<Pb2>(
           objective, kSpace,
           PbtOptions{.interval = 16, .max_steps = 40, .exchange = Exchange::kSynchronous}, 1);
     }},
    {"pbt_ray",
     [](Objective objective) {
       return make_ray_pbt(std::move(objective),
                           {.perturbation_interval = 5, .burn_in_period = 4, .max_steps = 40});
     },
     nullptr, false},
    {"pbt_hrfs",
     [](Objective objective) {
       return make_ray_pbt(std::move(objective),
                           {.perturbation_interval = 5, .max_steps = 40, .counter = Counter::kOwn});
     },
     nullptr, false},
};

std::vector<Action> actions(const Entry& entry) {
  std::vector<Action> actions;
  for (const Decision& decision : entry.step.turn.decisions) {
    actions.push_back(decision.action);
    // The donor's value is as reported: its sign differs between the modes.
    if (auto* exploit = std::get_if<Exploit>(&actions.back()))
      exploit->donor_value = std::abs(exploit->donor_value);
  }
  return actions;
}

class SchedulerContract : public testing::TestWithParam<Subject> {
 protected:
  std::unique_ptr<Scheduler> make(Mode mode = Mode::kMin) const {
    return GetParam().make({"loss", mode});
  }
};

TEST_P(SchedulerContract, FinishesWithASearcherExhaustedAfterFewTrials) {
  for (const std::int64_t trials : {0, 1, 5}) {
    const auto scheduler = make();
    Study study(*scheduler, {.exhausted_after = trials});
    study.run();
    EXPECT_EQ(std::ssize(study.state().trials()), trials);
  }
}

TEST_P(SchedulerContract, FinishesAtTheLimitWithEveryStride) {
  for (const Steps stride : {1, 3, 7, 100}) {
    const auto scheduler = make();
    Study study(*scheduler, {.stride = stride});
    study.run();
    EXPECT_EQ(study.state().trials().size(), 30u);
    EXPECT_GT(study.state().count(TrialStatus::kCompleted), 0u);
  }
}

TEST_P(SchedulerContract, AnswersTheSameWhenToldTheLog) {
  for (const bool in_step : {false, true}) {
    const Setting setting{.limit = 60, .slots = 5, .in_step = in_step};
    const auto scheduler = make();
    Study study(*scheduler, setting);
    study.run();
    const auto fresh = make();
    expect_replays(*fresh, setting, study.log());
  }
}

TEST_P(SchedulerContract, TreatsMinAndMaxAlike) {
  const auto low = make(Mode::kMin), high = make(Mode::kMax);
  Study small(*low, {.mode = Mode::kMin});
  Study large(*high, {.mode = Mode::kMax,
                      .value = [](TrialId trial, Steps step) { return -curve(trial, step); }});
  small.run();
  large.run();
  ASSERT_EQ(small.log().size(), large.log().size());
  for (std::size_t i = 0; i < small.log().size(); ++i)
    ASSERT_EQ(actions(small.log()[i]), actions(large.log()[i]));
}

TEST_P(SchedulerContract, EndsWhenSomeOrAllValuesAreNotFinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double value : {kNaN, kInfinity, -kInfinity}) {
    // As in Ray an infinity is ranked there: whoever has it is taken over without end.
    if (GetParam().name == "pbt_ray" && !std::isnan(value)) continue;
    const auto sometimes = make(), always = make();
    Study some(*sometimes, {.value = [=](TrialId trial, Steps step) {
      return trial.value % 3 == 0 ? value : curve(trial, step);
    }});
    some.run();
    Study all(*always, {.value = [=](TrialId, Steps) { return value; }});
    all.run();
    EXPECT_EQ(all.state().trials().size(), 30u);
  }
}

TEST_P(SchedulerContract, LivesWithFailuresAndLosses) {
  const auto scheduler = make();
  const Setting setting{.limit = 60, .fails = [](TrialId trial, int attempt, Steps step) {
                          std::optional<ExitKind> kind;
                          if (trial.value % 4 == 1 && step == 3) kind = ExitKind::kFailed;
                          if (trial.value % 4 == 2 && attempt == 1 && step >= 2)
                            kind = ExitKind::kLost;
                          if (trial.value % 4 == 3 && attempt <= 2 && step >= 5)
                            kind = ExitKind::kLost;
                          return kind;
                        }};
  Study study(*scheduler, setting);
  study.run();
  EXPECT_EQ(study.state().trials().size(), 60u);
  EXPECT_GT(study.state().count(TrialStatus::kCompleted), 0u);
  const auto fresh = make();
  expect_replays(*fresh, setting, study.log());
}

TEST_P(SchedulerContract, DecidesReportsOfOneTurnWhateverTheirOrder) {
  if (!GetParam().order_free) GTEST_SKIP() << "its rule takes reports one by one";
  const auto first = make(), second = make();
  Study ordered(*first, {.limit = 64, .slots = 8, .in_step = true});
  Study reversed(*second, {.limit = 64, .slots = 8, .in_step = true, .reversed = true});
  ordered.run();
  reversed.run();
  const auto by_trial = [](std::vector<Decision> decisions) {
    std::ranges::sort(decisions, {}, [](const Decision& each) { return subject(each.action); });
    return decisions;
  };
  ASSERT_EQ(ordered.log().size(), reversed.log().size());
  for (std::size_t i = 0; i < ordered.log().size(); ++i)
    ASSERT_EQ(by_trial(ordered.log()[i].step.turn.decisions),
              by_trial(reversed.log()[i].step.turn.decisions));
}

TEST_P(SchedulerContract, TouchesNoMoreEntriesPerReportAtTenTimesTheTrials) {
  if (!GetParam().visits) GTEST_SKIP() << "keeps no entries";
  const auto per_report = [&](std::int64_t trials) {
    const auto scheduler = make();
    Study study(*scheduler, {.limit = trials, .own_end = 50});
    study.run();
    return static_cast<double>(GetParam().visits(*scheduler)) /
           static_cast<double>(study.state().reports());
  };
  const double few = per_report(100), many = per_report(1000);
  EXPECT_GT(few, 0);
  EXPECT_LT(many, 2 * few + 5) << "from " << few;
}

INSTANTIATE_TEST_SUITE_P(All, SchedulerContract, testing::ValuesIn(kSubjects),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace clavier::sched::contract
