#include "app/run/this_node.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace clavier::app {
namespace {

/// Locks of this test alone.
std::string names() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  return std::to_string(::getpid()) + "/" + test->name();
}

cluster::Machine machine(int cores, int gpus) {
  cluster::Machine machine;
  machine.node = {.id = NodeId{0}, .host = "here", .cpus = cores, .memory_mb = 1000};
  for (int i = 0; i < cores; ++i) machine.cpu_ids.push_back(i);
  for (int i = 0; i < gpus; ++i) machine.gpu_ids.push_back(i);
  return machine;
}

StudySpec study(int workers, double gpus = 0) {
  StudySpec spec;
  spec.cluster.workers = workers;
  spec.trial.resources.gpus = gpus;
  return spec;
}

/// The cores or devices of all slots.
std::vector<int> ids(const Result<HostShare>& share, std::vector<int> Slot::*which) {
  std::vector<int> all;
  if (!share) return {-1};
  for (const Slot& slot : share->node.slots)
    all.insert(all.end(), (slot.*which).begin(), (slot.*which).end());
  return all;
}
std::vector<int> cores(const Result<HostShare>& share) { return ids(share, &Slot::cpu_ids); }
std::vector<int> gpus(const Result<HostShare>& share) { return ids(share, &Slot::gpu_ids); }
using Ids = std::vector<int>;

TEST(HostShare, TwoStudiesGetCoresOfTheirOwn) {
  const auto first = share_of(machine(4, 0), study(2), names());
  auto second = share_of(machine(4, 0), study(2), names());
  EXPECT_EQ(cores(first), (Ids{0, 1}));
  EXPECT_EQ(cores(second), (Ids{2, 3}));
  EXPECT_TRUE(second->remarks.empty());
  second = share_of(machine(4, 0), study(2), names());
  EXPECT_EQ(cores(second), (Ids{})) << "the one before was still held while this one came";
  second = invalid("");
  EXPECT_EQ(cores(share_of(machine(4, 0), study(2), names())), (Ids{2, 3})) << "given up with it";
}

TEST(HostShare, WhereTooFewCoresAreFreeNothingIsPinnedNorHeld) {
  const auto first = share_of(machine(4, 0), study(3), names());
  const auto second = share_of(machine(4, 0), study(2), names());
  EXPECT_EQ(cores(second), (Ids{}));
  EXPECT_EQ(second->node.slots.size(), 2u);
  ASSERT_EQ(second->remarks.size(), 1u);
  EXPECT_EQ(second->remarks[0], "cores 0-2 are held by another study (process " +
                                    std::to_string(::getpid()) +
                                    "): trials are not pinned to cores ([cluster] pin)");
  EXPECT_EQ(cores(share_of(machine(4, 0), study(1), names())), (Ids{3}));
}

TEST(HostShare, PinningCanBeForcedAndSwitchedOff) {
  const auto first = share_of(machine(2, 0), study(2), names());
  StudySpec spec = study(2);
  spec.cluster.pin = true;
  const auto forced = share_of(machine(2, 0), spec, names());
  EXPECT_EQ(cores(forced), (Ids{0, 1}));
  EXPECT_EQ(forced->remarks.size(), 1u);
  spec.cluster.pin = false;
  const auto never = share_of(machine(2, 0), spec, names());
  EXPECT_EQ(cores(never), (Ids{}));
  EXPECT_TRUE(never->remarks.empty());
}

TEST(HostShare, FreeDevicesComeFirstThenFewerSlotsThenSharing) {
  const auto first = share_of(machine(8, 4), study(1, 1), names());
  EXPECT_EQ(gpus(first), (Ids{0}));
  const auto second = share_of(machine(8, 4), study(2, 1), names());
  EXPECT_EQ(gpus(second), (Ids{1, 2}));
  EXPECT_TRUE(second->remarks.empty());
  const auto third = share_of(machine(8, 4), study(0, 1), names());
  EXPECT_EQ(gpus(third), (Ids{3}));
  EXPECT_TRUE(third->remarks.at(0).ends_with(": 1 of 4 slots")) << third->remarks[0];
  const auto fourth = share_of(machine(8, 4), study(2, 1), names());
  EXPECT_EQ(gpus(fourth), (Ids{0, 1}));
  EXPECT_TRUE(fourth->remarks.at(0).starts_with("GPUs 0-3 are held by another study"))
      << fourth->remarks[0];
}

TEST(HostShare, FractionsOfADeviceKeepItFromOtherStudiesAsWell) {
  const auto first = share_of(machine(8, 2), study(2, 0.5), names());
  EXPECT_EQ(gpus(first), (Ids{0, 1})) << "dealt out in turn";
  EXPECT_EQ(gpus(share_of(machine(8, 2), study(1, 0.5), names())), (Ids{0}));
}

TEST(UnusedGpus, AreToldUnlessTheFileSaysSomething) {
  const auto two = [] { return std::size_t{2}; };
  const auto never = []() -> std::size_t {
    ADD_FAILURE() << "nobody need look";
    return 1;
  };
  StudySpec spec;
  EXPECT_TRUE(unused_gpus(spec, two).starts_with("this machine has 2 GPUs and trials use none: "));
  EXPECT_EQ(unused_gpus(spec, [] { return std::size_t{0}; }), "");
  spec.text = "[trial]\ngpus = 0\n";
  EXPECT_EQ(unused_gpus(spec, never), "") << "none is meant";
  spec.text.clear();
  spec.trial.resources.gpus = 0.5;
  EXPECT_EQ(unused_gpus(spec, never), "");
  EXPECT_EQ(gpus_by_itself(spec, never), std::nullopt);
}

}  // namespace
}  // namespace clavier::app
