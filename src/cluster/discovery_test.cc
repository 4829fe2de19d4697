#include "cluster/discovery.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "cluster/nvml.h"

namespace clavier::cluster {
namespace {

namespace fs = std::filesystem;

class Discovery : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("clavier-discovery-" + std::to_string(::getpid()));
    fs::create_directories(root_);
    file("proc/meminfo", "MemTotal:        8192000 kB\nMemFree: 1 kB\n");
    file("proc/cpuinfo", "processor\t: 0\nmodel name\t: Abacus 3000\n");
    file("etc/os-release", "NAME=x\nPRETTY_NAME=\"Test OS 1\"\n");
    options_ = {.root = root_.string(), .nvml = "no-such-library.so"};
  }
  void TearDown() override {
    ::unsetenv("FAKE_NVML_DEVICES");
    fs::remove_all(root_);
  }
  void file(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void gpus(const char* count) {
    ::setenv("FAKE_NVML_DEVICES", count, 1);
    options_.nvml = CLAVIER_FAKE_NVML;
  }
  static int allowed() {
    cpu_set_t set;
    CHECK(::sched_getaffinity(0, sizeof set, &set) == 0);
    return CPU_COUNT(&set);
  }
  fs::path root_;
  DiscoveryOptions options_;
};

TEST_F(Discovery, FactsAreReadAndSorted) {
  const Node node = discover_node(options_).node;
  EXPECT_EQ(node.cpus, allowed());
  EXPECT_EQ(node.memory_mb, 8000);
  EXPECT_FALSE(node.host.empty());
  ASSERT_GE(node.facts.size(), 3u);
  EXPECT_EQ(node.facts.front(), (std::pair<std::string, std::string>("cpu", "Abacus 3000")));
  EXPECT_EQ(node.facts.back(), (std::pair<std::string, std::string>("os", "Test OS 1")));
  EXPECT_TRUE(std::is_sorted(node.facts.begin(), node.facts.end()));
}

TEST_F(Discovery, TheUnifiedControlGroupLimitsTimeAndMemory) {
  file("proc/self/cgroup", "0::/pod/job\n");
  file("sys/fs/cgroup/pod/job/cpu.max", "max 100000\n");
  file("sys/fs/cgroup/pod/cpu.max", "50000 100000\n");
  file("sys/fs/cgroup/pod/job/memory.max", "1048576000\n");
  const Machine machine = discover_node(options_);
  EXPECT_EQ(machine.node.cpus, 1);
  EXPECT_EQ(machine.node.memory_mb, 1000);
  EXPECT_TRUE(machine.cpu_ids.empty());  // Time is shared out, not cores.
}

TEST_F(Discovery, TheOldControlGroupsLimitTimeAndMemory) {
  file("proc/self/cgroup", "5:cpu:/job\n4:memory:/job\n");
  file("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
  file("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", "524288000\n");
  const Node node = discover_node(options_).node;
  EXPECT_EQ(node.cpus, 1);
  EXPECT_EQ(node.memory_mb, 500);
}

TEST_F(Discovery, WithoutADriverThereAreNoGpus) {
  EXPECT_TRUE(discover_node(options_).gpu_ids.empty());
  options_.nvml = CLAVIER_FAKE_NVML;  // Its initialisation fails.
  EXPECT_TRUE(discover_node(options_).gpu_ids.empty());
}

TEST_F(Discovery, GpusComeFromTheManagementLibrary) {
  gpus("2");
  const Machine machine = discover_node(options_);
  EXPECT_EQ(machine.node.gpus, (std::vector<std::string>{"Fake 9000", "Fake 9000"}));
  EXPECT_EQ(machine.gpu_ids, (std::vector<int>{0, 1}));
  EXPECT_EQ(nvidia_facts(CLAVIER_FAKE_NVML).driver, "570.1");
}

TEST_F(Discovery, OnlyVisibleGpusMayBeUsed) {
  gpus("4");
  const auto visible = [&](const char* text) {
    options_.visible_devices = text;
    return discover_node(options_).gpu_ids;
  };
  EXPECT_EQ(visible("2,0"), (std::vector<int>{2, 0}));
  EXPECT_EQ(visible("GPU-03,1"), (std::vector<int>{3, 1}));
  EXPECT_EQ(visible("1,-1,2"), (std::vector<int>{1}));
  EXPECT_EQ(visible(""), (std::vector<int>{}));
}

Machine machine(int cpus, int gpus, std::int64_t memory_mb = 16000) {
  Machine result;
  result.node = {.id = NodeId{0}, .host = "box", .cpus = cpus, .memory_mb = memory_mb};
  for (int i = 0; i < cpus; ++i) result.cpu_ids.push_back(10 + i);
  for (int i = 0; i < gpus; ++i) result.gpu_ids.push_back(i);
  return result;
}

TEST(MakeSlots, WholeCoresArePinnedAndDisjoint) {
  const auto slots = make_slots(machine(8, 0), {.cpus = 3}, 0);
  ASSERT_TRUE(slots.ok());
  ASSERT_EQ(slots->size(), 2u);
  EXPECT_EQ((*slots)[0].cpu_ids, (std::vector<int>{10, 11, 12}));
  EXPECT_EQ((*slots)[1].cpu_ids, (std::vector<int>{13, 14, 15}));
  EXPECT_EQ((*slots)[1].id, SlotId{1});
  EXPECT_EQ((*slots)[1].resources.cpus, 3);
}

TEST(MakeSlots, FractionsOfACoreAreNotPinned) {
  const auto slots = make_slots(machine(2, 0), {.cpus = 0.5}, 0);
  ASSERT_EQ(slots->size(), 4u);
  EXPECT_TRUE((*slots)[0].cpu_ids.empty());
  EXPECT_EQ(make_slots(machine(1, 0), {.cpus = 0.1}, 0)->size(), 10u);
}

TEST(MakeSlots, WorkersIsAnUpperLimit) {
  EXPECT_EQ(make_slots(machine(8, 0), {}, 2)->size(), 2u);
  EXPECT_EQ(make_slots(machine(2, 0), {}, 8)->size(), 2u);
}

TEST(MakeSlots, GpusAreWholeOrShared) {
  const auto pairs = make_slots(machine(8, 4), {.gpus = 2}, 0);
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_EQ((*pairs)[1].gpu_ids, (std::vector<int>{2, 3}));
  const auto thirds = make_slots(machine(8, 2), {.gpus = 0.3}, 0);
  ASSERT_EQ(thirds->size(), 6u);
  EXPECT_EQ((*thirds)[0].gpu_ids, (std::vector<int>{0}));
  EXPECT_EQ((*thirds)[1].gpu_ids, (std::vector<int>{1}));
  EXPECT_EQ((*thirds)[2].gpu_ids, (std::vector<int>{0}));
  EXPECT_FALSE(make_slots(machine(8, 4), {.gpus = 1.5}, 0).ok());
}

TEST(MakeSlots, MemoryLimitsTheirNumber) {
  EXPECT_EQ(make_slots(machine(8, 0, 5000), {.memory_mb = 2000}, 0)->size(), 2u);
}

TEST(MakeSlots, TrialsWithoutCoresAreStillBounded) {
  EXPECT_EQ(make_slots(machine(2, 0), {.cpus = 0}, 0)->size(), 8u);
}

TEST(MakeSlots, TheErrorSaysWhatIsShort) {
  const auto message = [](const Resources& trial) {
    return make_slots(machine(2, 1, 1000), trial, 0).error().message;
  };
  EXPECT_NE(message({.cpus = 4}).find("it needs 4 CPUs, 2 may be used"), std::string::npos);
  EXPECT_NE(message({.gpus = 2}).find("it needs 2 GPUs, 1 may be used"), std::string::npos);
  EXPECT_NE(message({.memory_mb = 2000}).find("2000 MB of memory, there are 1000"),
            std::string::npos);
}

TEST(MakeSlots, MaxPerGpuLimitsSharing) {
  EXPECT_EQ(make_slots(machine(8, 2), {.cpus = 0.5, .gpus = 0.1}, 0, 3)->size(), 6u);
}

TEST(SlotCutter, CutsSlotsOfAnyShapeAndLeavesTheRest) {
  SlotCutter cutter(machine(8, 3));
  const auto large = cutter.cut({.cpus = 4, .gpus = 1, .memory_mb = 4000});
  const auto half = cutter.cut({.cpus = 0.5, .gpus = 0.5});
  const auto other_half = cutter.cut({.cpus = 0.5, .gpus = 0.5});
  ASSERT_TRUE(large.ok() && half.ok() && other_half.ok());
  EXPECT_EQ(large->cpu_ids, (std::vector<int>{10, 11, 12, 13}));
  EXPECT_EQ(large->gpu_ids, std::vector<int>{0});
  EXPECT_EQ(half->gpu_ids, std::vector<int>{1});
  EXPECT_EQ(other_half->gpu_ids, std::vector<int>{1});
  EXPECT_TRUE(half->cpu_ids.empty());
  EXPECT_EQ(other_half->id, SlotId{2});
  const Machine rest = cutter.rest();
  EXPECT_EQ(rest.node.cpus, 3);
  EXPECT_EQ(rest.cpu_ids, (std::vector<int>{14, 15, 16}));
  EXPECT_EQ(rest.gpu_ids, std::vector<int>{2});
  EXPECT_EQ(rest.node.memory_mb, 12000);
}

TEST(SlotCutter, NeverCutsMoreThanThereIs) {
  SlotCutter cutter(machine(2, 1, 1000), 2);
  ASSERT_TRUE(cutter.cut({.cpus = 1, .gpus = 0.2, .memory_mb = 600}).ok());
  EXPECT_EQ(cutter.cut({.cpus = 1.5}).error().message,
            "box has no room for this slot: it needs 1.5 CPUs, 1 are left");
  EXPECT_NE(cutter.cut({.cpus = 1, .memory_mb = 600}).error().message.find("400 are left"),
            std::string::npos);
  EXPECT_FALSE(cutter.cut({.cpus = 0, .gpus = 1}).ok());
  EXPECT_TRUE(cutter.cut({.cpus = 0, .gpus = 0.2}).ok());
  EXPECT_FALSE(cutter.cut({.cpus = 0, .gpus = 0.2}).ok()) << "three on one device";
}

}  // namespace
}  // namespace clavier::cluster
