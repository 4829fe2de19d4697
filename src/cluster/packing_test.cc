#include "cluster/packing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cluster/cluster_state.h"
#include "cluster/first_fit.h"

namespace clavier::cluster {
namespace {

using Verdict = PackingModel::Verdict;

/// A trial that was measured twice among `level` - 1 and twice among `level`.
void add_pair(PackingModel& model, int level, double log_ratio) {
  PackingModel::Times times;
  for (int i = 0; i < 2; ++i) model.add_steady(times, level - 1, 0.7);
  for (int i = 0; i < 2; ++i) model.add_steady(times, level, 0.7 + log_ratio);
}

TEST(PackingModel, OneTrialDecidesWhereItIsClear) {
  PackingModel model;
  EXPECT_EQ(model.verdict(2), Verdict::kUnknown);
  PackingModel::Times times;
  model.add_steady(times, 1, 0.5);
  EXPECT_EQ(model.verdict(2), Verdict::kUnknown);
  model.add_steady(times, 2, 0.5 + std::log(1.1));
  EXPECT_EQ(model.verdict(2), Verdict::kPays);
  EXPECT_NEAR(model.gain(2), 2 / 1.1, 1e-12);
  EXPECT_NEAR(model.part(2), 1 / 1.1, 1e-12);
  EXPECT_EQ(model.pays(), 2);
  EXPECT_EQ(model.verdict(3), Verdict::kUnknown);
  add_pair(model, 3, std::log(2.0));
  EXPECT_EQ(model.verdict(3), Verdict::kLoses) << "3 trials at half the speed of 2";
  EXPECT_TRUE(model.harms(3));
  EXPECT_EQ(model.pays(), 2);
}

TEST(PackingModel, WhatIsCloseNeedsSeveralTrials) {
  PackingModel model;
  for (int i = 0; i < 7; ++i) {
    add_pair(model, 2, std::log(2.0) - 0.035);
    EXPECT_EQ(model.verdict(2), Verdict::kUnknown) << i;
  }
  for (int i = 0; i < 4; ++i) add_pair(model, 2, std::log(2.0) - 0.035);
  EXPECT_EQ(model.verdict(2), Verdict::kPays);
  PackingModel even;
  for (int i = 0; i < 12; ++i) add_pair(even, 2, std::log(2.0));
  EXPECT_EQ(even.verdict(2), Verdict::kLoses) << "no gain is not worth the memory";
  EXPECT_FALSE(even.harms(2)) << "but nobody need leave for it";
}

TEST(PackingModel, UnsteadyTrialsNeedMoreEvidence) {
  PackingModel steady, unsteady;
  for (PackingModel* const model : {&steady, &unsteady})
    for (int trial = 0; trial < 3; ++trial) {
      PackingModel::Times times;
      for (int i = 0; i < 2; ++i) {
        const double noise = model == &steady ? 0 : i == 0 ? 0.4 : -0.4;
        model->add_steady(times, 1, noise);
        model->add_steady(times, 2, std::log(1.7) - noise);
      }
    }
  EXPECT_EQ(steady.verdict(2), Verdict::kPays);
  EXPECT_EQ(unsteady.verdict(2), Verdict::kUnknown);
  EXPECT_NEAR(unsteady.gain(2), 2 / 1.7, 1e-9);
}

TEST(PackingModel, WithoutPairsDifferentTrialsAreCompared) {
  PackingModel model;
  const auto times = [](int i) { return std::log(10.0) + 0.1 * (i % 3); };
  for (int i = 0; i < 6; ++i) model.add_first(1, times(i));
  EXPECT_TRUE(model.sampled(1));
  for (int i = 0; i < 5; ++i) model.add_first(2, times(i) + std::log(1.2));
  EXPECT_EQ(model.verdict(2), Verdict::kUnknown);
  model.add_first(2, times(5) + std::log(1.2));
  EXPECT_EQ(model.verdict(2), Verdict::kPays);
  EXPECT_NEAR(model.gain(2), 2 / 1.2, 1e-9);
}

TEST(PackingModel, OldMeasurementsFade) {
  PackingModel model;
  for (int i = 0; i < 1000; ++i) add_pair(model, 2, std::log(1.2));
  EXPECT_EQ(model.verdict(2), Verdict::kPays);
  for (int i = 0; i < 200; ++i) add_pair(model, 2, std::log(3.0));
  EXPECT_EQ(model.verdict(2), Verdict::kLoses);
}

TEST(PackingModel, MemoryThatRanOutIsALimitForEver) {
  PackingModel model;
  for (int level : {2, 3, 4})
    for (int i = 0; i < 3; ++i) add_pair(model, level, 0);
  EXPECT_EQ(model.pays(), 4);
  model.add_out_of_memory(3);
  EXPECT_EQ(model.pays(), 2);
  model.add_out_of_memory(4);
  EXPECT_EQ(model.pays(), 2);
  EXPECT_TRUE(model.harms(3));
  model.add_out_of_memory(1);
  EXPECT_EQ(model.pays(), 2) << "who runs out of memory alone is no question of sharing";
}

/// A study's cluster as its log tells it: GPUs, each with places for several trials.
class PackedCluster : public testing::Test {
 protected:
  void join(int gpus, int places) {
    Node node{.id = NodeId{0}, .host = "a"};
    for (int gpu = 0; gpu < gpus; ++gpu) {
      node.gpus.push_back("some GPU");
      for (int place = 0; place < places; ++place) {
        Slot slot{.id = SlotId{static_cast<std::int64_t>(node.slots.size())}, .node = node.id};
        slot.gpu_ids = {gpu};
        slot.resources.gpus = 1;
        node.slots.push_back(std::move(slot));
      }
    }
    input(Signal{NodeJoined{node}});
  }
  void input(Input content) {
    Step step;
    step.turn = {.id = StepId{next_++}, .time = study_time(time_), .input = std::move(content)};
    cluster_.apply(step);
  }
  LaunchId start(std::int64_t slot) {
    EXPECT_TRUE(free().contains(slot)) << slot;
    const LaunchId id{launches_++};
    Fill fill;
    fill.launches.push_back(
        {.id = id, .members = {{.trial = TrialId{id.value}}}, .shares = {{SlotId{slot}}}});
    cluster_.apply(fill, study_time(time_));
    return id;
  }
  /// Every running trial reports one more step, which took it so many seconds.
  void all_report(const std::vector<LaunchId>& running, double seconds) {
    time_ += static_cast<std::int64_t>(seconds * 1e6);
    for (const LaunchId launch : running) {
      Report report{.trial = TrialId{launch.value}, .launch = launch, .seconds = seconds};
      report.step = ++steps_[launch];
      input(Signal{Reported{{report}}});
    }
  }
  void end(LaunchId launch, ExitKind kind = ExitKind::kCompleted, std::string error = {}) {
    input(Signal{
        Exited{.trial = TrialId{launch.value}, .launch = launch, .kind = kind, .error = error}});
    input(Signal{LaunchEnded{launch}});
  }
  std::set<std::int64_t> free() const {
    std::set<std::int64_t> ids;
    for (const SlotId id : cluster_.free_slots()) ids.insert(id.value);
    return ids;
  }
  using Ids = std::set<std::int64_t>;

  ClusterState cluster_;
  std::int64_t time_ = 0, next_ = 0, launches_ = 0;
  std::map<LaunchId, Steps> steps_;
};

TEST_F(PackedCluster, OnlyWholeDevicesThatSeveralSlotsHoldArePacked) {
  Node node{.id = NodeId{0}, .host = "a"};
  for (int i = 0; i < 4; ++i) {
    Slot slot{.id = SlotId{i}, .node = node.id, .gpu_ids = {i / 2}};
    slot.resources.gpus = i < 2 ? 0.5 : 1;
    node.slots.push_back(slot);
  }
  node.slots.push_back({.id = SlotId{4}, .node = node.id});
  input(Signal{NodeJoined{node}});
  EXPECT_EQ(free(), (Ids{0, 1, 2, 4})) << "fractions of device 0 are the user's decision";
}

TEST_F(PackedCluster, OneMoreIsTriedOnOneDeviceWhenItCanBeCompared) {
  join(2, 3);
  EXPECT_EQ(free(), (Ids{0, 3}));
  const auto a = start(0), b = start(3);
  EXPECT_EQ(free(), Ids{});
  all_report({a, b}, 1);
  EXPECT_EQ(free(), Ids{}) << "a first report holds the start";
  all_report({a, b}, 1);
  EXPECT_EQ(free(), Ids{}) << "once is too little to compare with";
  all_report({a, b}, 1);
  EXPECT_EQ(free(), Ids{1});
}

TEST_F(PackedCluster, AGainOpensPlacesOnAllAlikeUntilThereIsNoMore) {
  join(2, 3);
  auto a = start(0), b = start(3);
  for (int i = 0; i < 3; ++i) all_report({a, b}, 1);
  const auto c = start(1);
  all_report({a, c}, 1.1);
  EXPECT_EQ(free(), Ids{}) << "the third was still starting";
  all_report({a, c}, 1.1);
  EXPECT_EQ(free(), Ids{4}) << "two pay, on the other device as well";
  all_report({a, c}, 1.1);
  EXPECT_EQ(free(), (Ids{2, 4})) << "the first tries three";
  const auto d = start(2);
  for (int i = 0; i < 3; ++i) all_report({a, c, d}, 2.2);
  EXPECT_EQ(free(), (Ids{4})) << "three are too many";
  const auto crowds = cluster_.packing().crowds();
  ASSERT_EQ(crowds.size(), 1u);
  EXPECT_EQ(crowds[0].busy, (std::vector{d, c, a}));
  EXPECT_EQ(crowds[0].open, 2u);
  EXPECT_EQ(cluster_.packing().why_closed(SlotId{0}),
            "GPU 0 takes 2 at a time: with 3 it is predicted to do 0.75 times the work");
  end(d);
  EXPECT_EQ(free(), (Ids{4}));
  EXPECT_TRUE(cluster_.packing().crowds().empty());
}

TEST_F(PackedCluster, ALossClosesWhatWasTried) {
  join(1, 2);
  const auto a = start(0);
  for (int i = 0; i < 3; ++i) all_report({a}, 1);
  const auto b = start(1);
  for (int i = 0; i < 3; ++i) all_report({a, b}, 2.5);
  EXPECT_EQ(cluster_.packing().crowds().size(), 1u);
  end(b);
  for (int i = 0; i < 3; ++i) all_report({a}, 1);
  EXPECT_EQ(free(), Ids{});
  end(a);
  EXPECT_EQ(free(), Ids{0});
}

TEST_F(PackedCluster, MemoryThatRanOutInCompanyIsNotTriedAgain) {
  join(1, 4);
  const auto a = start(0);
  for (int i = 0; i < 3; ++i) all_report({a}, 1);
  const auto b = start(1);
  end(b, ExitKind::kFailed, "out of memory: CUDA");
  EXPECT_EQ(free(), Ids{});
  EXPECT_EQ(cluster_.packing().why_closed(SlotId{1}),
            "GPU 0 takes 1 at a time: memory ran out with 2");
  end(a, ExitKind::kFailed, "out of memory: CUDA");
  EXPECT_EQ(free(), Ids{0}) << "alone it was the trial's own fault";
}

TEST_F(PackedCluster, OtherFailuresAreTheTrialsOwn) {
  join(1, 2);
  const auto a = start(0);
  for (int i = 0; i < 3; ++i) all_report({a}, 1);
  end(start(1), ExitKind::kFailed, "NaN");
  EXPECT_EQ(free(), Ids{1});
}

TEST_F(PackedCluster, ShortTrialsThatReportOnceAreComparedByTheirNumbers) {
  join(1, 2);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(free(), Ids{0});
    const auto each = start(0);
    all_report({each}, 10 + i % 3);
    if (i < 5) end(each);
  }
  EXPECT_EQ(free(), Ids{1}) << "six alone are enough to compare with";
  end(LaunchId{5});
  for (int i = 0; i < 3; ++i) {
    const auto a = start(0), b = start(1);
    all_report({a, b}, 12 + i % 3);
    end(a);
    end(b);
  }
  EXPECT_EQ(cluster_.packing().device(0).open, 2);
  EXPECT_NEAR(cluster_.packing().part(SlotId{0}, 2), 0.84, 0.02);
}

TEST_F(PackedCluster, WhatWasLearnedOutlivesARunOfTheStudy) {
  join(1, 2);
  const auto a = start(0);
  for (int i = 0; i < 3; ++i) all_report({a}, 1);
  const auto b = start(1);
  for (int i = 0; i < 3; ++i) all_report({a, b}, 1.1);
  input(Opened{});
  EXPECT_EQ(free(), Ids{});
  join(1, 2);
  EXPECT_EQ(free(), (Ids{0, 1}));
}

TEST_F(PackedCluster, ANodeThatJoinsAnewWithOneSlotLessGoesOn) {
  join(1, 3);
  const auto a = start(0);
  for (int i = 0; i < 3; ++i) all_report({a}, 1);
  const auto b = start(1);
  join(1, 2);
  EXPECT_EQ(cluster_.packing().device(0).busy, 2);
  for (int i = 0; i < 2; ++i) all_report({a, b}, 1.1);
  EXPECT_EQ(cluster_.packing().device(0).open, 2);
  end(b);
  EXPECT_EQ(free(), Ids{1});
}

TEST_F(PackedCluster, FirstFitFillsDevicesEvenly) {
  join(2, 2);
  auto a = start(0), b = start(2);
  for (int i = 0; i < 3; ++i) all_report({a, b}, 1);
  const auto c = start(1);
  for (int i = 0; i < 3; ++i) all_report({a, c}, 1.1);
  for (const LaunchId each : {a, b, c}) end(each);
  ASSERT_EQ(free(), (Ids{0, 1, 2, 3}));
  const State state({"loss", Mode::kMin}, {});
  Demand demand{.state = state};
  demand.wants.resize(3);
  const Plan plan = FirstFit{}.plan(demand, cluster_, study_time(0));
  ASSERT_EQ(plan.starts.size(), 3u);
  EXPECT_EQ(plan.starts[0].slots.front(), SlotId{0});
  EXPECT_EQ(plan.starts[1].slots.front(), SlotId{2});
  EXPECT_EQ(plan.starts[2].slots.front(), SlotId{1});
}

TEST(Places, ShareOutWhatTheSlotHasButItsDevices) {
  Slot slot{.id = SlotId{3}, .node = NodeId{0}, .cpu_ids = {0, 1, 2, 3}, .gpu_ids = {1}};
  slot.resources = {.cpus = 4, .gpus = 1, .memory_mb = 1000, .custom = {{"licenses", 2}}};
  const auto places = places_of(slot, 2);
  ASSERT_EQ(places.size(), 2u);
  EXPECT_EQ(places[0].cpu_ids, (std::vector{0, 1}));
  EXPECT_EQ(places[1].cpu_ids, (std::vector{2, 3}));
  for (const Slot& place : places) {
    EXPECT_EQ(place.resources, (Resources{2, 1, 500, {{"licenses", 1}}}));
    EXPECT_EQ(place.gpu_ids, (std::vector{1}));
  }
}

}  // namespace
}  // namespace clavier::cluster
