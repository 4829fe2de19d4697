#include <gtest/gtest.h>

#include "tests/support/sim_fixtures.h"

/// Launches of several trials on one slot.
namespace clavier::exec {
namespace {

class SimArrayTest : public SimTest {
 protected:
  static constexpr LaunchId kArray{7};

  /// Trials 0, 1, … with those costs per step, and where each waits first.
  void start_array(const std::vector<double>& costs, const std::vector<Steps>& until) {
    Order order{.launch = {.id = kArray, .members = {}, .shares = {{SlotId{0}}}},
                .members = {},
                .slots = {}};
    for (std::size_t i = 0; i < costs.size(); ++i) {
      order.launch.members.push_back(
          {.trial = TrialId{static_cast<std::int64_t>(i)}, .until = until[i]});
      order.members.push_back({.directory = "t" + std::to_string(i)});
      order.members.back().config.set("cost", costs[i]);
    }
    sim_->start(order);
  }
  static Curve costly(Steps steps) {
    Curve curve = steady(steps);
    curve.cost = [](const Config& config, Steps) { return *config.find("cost")->as<double>(); };
    return curve;
  }
  template <typename Content>
  void tell_member(std::int64_t trial, Content content) {
    sim_->send({kArray, TrialId{trial}, content});
  }
  /// The trials of the next signal, which reports, with the time.
  std::pair<double, std::vector<std::int64_t>> next_reports() {
    const auto signals = sim_->wait(kNever);
    std::vector<std::int64_t> trials;
    if (const auto* reported = std::get_if<Reported>(&signals.at(0)))
      for (const Report& report : reported->reports) trials.push_back(report.trial.value);
    return {seconds(sim_->now()), trials};
  }
  using Reports = std::pair<double, std::vector<std::int64_t>>;
};

TEST_F(SimArrayTest, ItsTrialsGoOnTogetherAsTheSlowestOfThem) {
  build(on_slots({1}), costly(2));
  start_array({1, 3}, {kForever, kForever});
  EXPECT_EQ(next_reports(), (Reports{3, {0, 1}}));
  EXPECT_EQ(next_reports(), (Reports{6, {0, 1}}));
  EXPECT_EQ(story(10), (Story{"6.000 completed 0", "6.000 completed 1", "6.000 ended 7"}));
}

TEST_F(SimArrayTest, AnArrayIsAsSlowAsItsCurveSays) {
  SimOptions options = on_slots({1});
  options.arrays = {1, 1.6};
  build(options, costly(2));
  start_array({1, 1, 1, 1}, {kForever, kForever, kForever, kForever});
  EXPECT_EQ(next_reports(), (Reports{2.5, {0, 1, 2, 3}}));
  for (const std::int64_t trial : {0, 1}) tell_member(trial, StopNow{});
  EXPECT_EQ(story(2.5), (Story{"2.500 stopped 0", "2.500 stopped 1"}));
  EXPECT_EQ(next_reports(), (Reports{5, {2, 3}})) << "the step under way is not cut";
}

TEST_F(SimArrayTest, NobodyGoesOnWhileOneWaitsForItsDecision) {
  build(on_slots({1}), costly(3));
  start_array({1, 1, 1}, {kForever, 1, 1});
  EXPECT_EQ(next_reports(), (Reports{1, {0, 1, 2}}));
  EXPECT_EQ(story(5), Story{});
  tell_member(1, ContinueTo{2});
  EXPECT_EQ(story(6), Story{}) << "one still waits";
  tell_member(2, StopNow{});
  const auto stopped = sim_->wait(kNever);
  EXPECT_EQ(words(stopped.at(0)), "stopped 2");
  EXPECT_EQ(next_reports(), (Reports{7, {0, 1}}));
}

TEST_F(SimArrayTest, AnExploitOfOneBeginsTheStepOfAllAnew) {
  build(on_slots({1}), costly(9));
  start_array({2, 2}, {kForever, kForever});
  EXPECT_EQ(story(1), Story{});
  Config config;
  config.set("cost", 2.0);
  tell_member(1, ExploitFrom{Checkpoint{TrialId{0}, kArray, 5, "t0/c"}, config});
  const auto signals = sim_->wait(kNever);
  const auto& reports = std::get<Reported>(signals.at(0)).reports;
  EXPECT_EQ(seconds(sim_->now()), 3);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].step, 1);
  EXPECT_EQ(reports[1].step, 6);
}

TEST_F(SimArrayTest, WithItsMachineAllAreLost) {
  SimOptions options = on_slots({1});
  options.nodes.front().lost = study_time(2'500'000);
  build(options, costly(9));
  start_array({1, 1}, {kForever, kForever});
  EXPECT_EQ(next_reports().first, 1);
  EXPECT_EQ(next_reports().first, 2);
  EXPECT_EQ(story(9),
            (Story{"2.500 node lost 0", "2.500 lost 0", "2.500 lost 1", "2.500 ended 7"}));
}

}  // namespace
}  // namespace clavier::exec
