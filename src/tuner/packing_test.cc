#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/simulated_study.h"

/// Packing end to end, in virtual time: 27 steps at most, noise of 10 %, two GPUs.
namespace clavier::tuner {
namespace {

using Settings = SimulatedStudy::Settings;

const std::vector<double> kGains{1, 1.9, 2.6, 3.0}, kLoses{1, 0.8}, kAlone{1};

struct Ran {
  double seconds = 0;
  std::size_t trials = 0;
  std::size_t sent_away = 0;
  std::size_t most_on_a_device = 0;
};

Ran run(Settings settings, std::vector<double> sharing) {
  settings.sharing = std::move(sharing);
  const std::size_t places = settings.sharing.size();
  SimulatedStudy study(settings);
  EXPECT_TRUE(study.start_with({}).ok());
  EXPECT_TRUE(study.run().ok());
  Ran ran{.seconds = seconds(study.state().now()), .trials = study.state().trials().size()};
  State state({"loss", Mode::kMin}, {.max_failures = 3});
  for (const Step& step : study.steps()) {
    state.apply(step);
    std::array<std::size_t, 2> on_device{};
    for (const TrialId id : state.with_status(TrialStatus::kRunning))
      ++on_device[static_cast<std::size_t>(state.trial(id).slot.value) / places];
    ran.most_on_a_device = std::max({ran.most_on_a_device, on_device[0], on_device[1]});
    for (const Decision& decision : step.turn.decisions)
      ran.sent_away += std::holds_alternative<Requeue>(decision.action);
  }
  return ran;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// How many times longer the study takes without packing, in the median of five seeds.
double gain(Settings settings, const std::vector<double>& sharing) {
  std::vector<double> gains;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    settings.seed = seed;
    gains.push_back(run(settings, kAlone).seconds / run(settings, sharing).seconds);
  }
  return median(gains);
}

TEST(Packing, SmallTrialsOfAsynchronousHalvingEndSooner) {
  EXPECT_GE(gain({.trials = 81, .promotion = false}, kGains), 1.3);
  EXPECT_GE(gain({.trials = 81}, kGains), 1.3) << "promotion";
}

TEST(Packing, AndThoseOfSynchronousHalvingInHalfTheTime) {
  EXPECT_GE(gain({.trials = 81, .synchronous = true}, kGains), 2);
}

TEST(Packing, ReachesTheBestConcurrencyAndNoMore) {
  EXPECT_EQ(run({.trials = 60, .synchronous = true}, kGains).most_on_a_device, 4u);
  EXPECT_EQ(run({.trials = 60, .synchronous = true}, {1, 1.8, 2.5, 1.5, 1.4}).most_on_a_device, 4u)
      << "four are tried, five are not";
}

TEST(Packing, WhereItLosesTryingCostsAtMostAFewPercent) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Settings settings{.trials = 20, .seed = seed, .synchronous = true, .rungs = {27}};
    const Ran alone = run(settings, kAlone), packed = run(settings, kLoses);
    EXPECT_LE(packed.seconds, 1.05 * alone.seconds);
    EXPECT_EQ(packed.sent_away, 1u) << "the device that tried";
    EXPECT_EQ(packed.trials, 20u);
    EXPECT_EQ(alone.sent_away, 0u);
  }
}

TEST(Packing, TheSameTrialsRunToTheSameSteps) {
  const auto histories = [](std::vector<double> sharing) {
    SimulatedStudy study({.trials = 20, .sharing = std::move(sharing), .synchronous = true});
    EXPECT_TRUE(study.start_with({}).ok());
    EXPECT_TRUE(study.run().ok());
    std::vector<std::vector<double>> all;
    for (const Trial& trial : study.state().trials()) {
      all.emplace_back();
      for (const Point& point : trial.history) all.back().push_back(point.value);
    }
    return all;
  };
  const auto alone = histories(kAlone);
  EXPECT_EQ(histories(kGains), alone) << "no report is lost or counted twice";
  EXPECT_EQ(histories(kLoses), alone);
}

}  // namespace
}  // namespace clavier::tuner
