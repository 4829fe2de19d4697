#include <gtest/gtest.h>

#include "exec/sim/sim_executor.h"

/// Launches over several simulated slots.
namespace clavier::exec {
namespace {

class SimGangTest : public testing::Test {
 protected:
  void build(std::vector<SimNode> nodes) {
    Curve curve;
    curve.metrics = [](const Config&, TrialId, Steps step, std::uint64_t) {
      return std::vector<Metric>{{"loss", static_cast<double>(step)}};
    };
    curve.steps = [](const Config&) { return Steps{3}; };
    sim_ = SimExecutor::create({.nodes = std::move(nodes), .metric = "loss"}, curve).value();
    sim_->wait(kNever);
  }
  void start(std::int64_t launch, const std::vector<std::int64_t>& slots) {
    Order order{.launch = {.id = {launch}, .members = {{.trial = {launch}}}},
                .members = {{.directory = "t"}},
                .slots = {}};
    for (const std::int64_t slot : slots) order.launch.shares.push_back({{slot}});
    sim_->start(std::move(order));
  }
  /// When the launch's trial left, and how.
  std::pair<double, ExitKind> end_of(std::int64_t launch) {
    for (;;)
      for (const Signal& signal : sim_->wait(study_time(100'000'000))) {
        if (std::holds_alternative<Deadline>(signal)) return {-1, ExitKind::kFailed};
        const auto* exited = std::get_if<Exited>(&signal);
        if (exited && exited->launch.value == launch) return {seconds(sim_->now()), exited->kind};
      }
  }

  std::unique_ptr<SimExecutor> sim_;
};

SimNode node(const std::vector<double>& speeds) {
  SimNode node{.slots = {}};
  for (const double speed : speeds) node.slots.push_back({.speed = speed});
  return node;
}

TEST_F(SimGangTest, IsAsFastAsItsSlowestSlotAndFreesAll) {
  build({node({4, 0.5, 1})});
  start(0, {1, 0, 2});
  start(1, {0});
  EXPECT_EQ(end_of(1), std::pair(0.0, ExitKind::kRefused)) << "it is held";
  EXPECT_EQ(end_of(0), std::pair(6.0, ExitKind::kCompleted));
  start(2, {0, 2});
  EXPECT_EQ(end_of(2), std::pair(9.0, ExitKind::kCompleted));
}

TEST_F(SimGangTest, FollowsTheDriftOfEachOfItsSlots) {
  SimNode drifting = node({2, 2});
  drifting.slots[1].drift = {{StudyTime(from_seconds(0.75)), 0.25}};
  build({drifting});
  start(0, {0, 1});
  EXPECT_EQ(end_of(0).first, 0.75 + 1.5 / 0.5) << "half the work was done by then";
}

TEST_F(SimGangTest, IsLostWithAnyOfItsSlots) {
  SimNode losing = node({1, 1, 1});
  losing.slots[2].later = {{StudyTime(from_seconds(1.5)), false}};
  build({losing});
  start(0, {0, 1, 2});
  EXPECT_EQ(end_of(0), std::pair(1.5, ExitKind::kLost));
  start(1, {0, 1});
  EXPECT_EQ(end_of(1), std::pair(4.5, ExitKind::kCompleted));
}

TEST_F(SimGangTest, IsOfOneNodeAndOfSlotsThatShareNothing) {
  SimNode sharing{.slots = {}};
  for (int i = 0; i < 2; ++i)
    sharing.slots.push_back({.resources = {.gpus = 1}, .gpu_ids = {0}, .sharing = {1, 1.5}});
  build({node({1, 1}), sharing});
  start(0, {1, 2});
  EXPECT_EQ(end_of(0).second, ExitKind::kRefused);
  start(1, {2, 3});
  EXPECT_EQ(end_of(1).second, ExitKind::kRefused);
  start(2, {0, 9});
  EXPECT_EQ(end_of(2).second, ExitKind::kRefused);
  start(3, {0, 1});
  EXPECT_EQ(end_of(3).second, ExitKind::kCompleted);
}

}  // namespace
}  // namespace clavier::exec
