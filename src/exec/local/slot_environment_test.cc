#include "exec/local/slot_environment.h"

#include <gtest/gtest.h>

namespace clavier::exec {
namespace {

TEST(SlotEnvironment, ThreadsFollowTheSlotsCores) {
  Slot slot;
  slot.cpu_ids = {4, 5, 6};
  EXPECT_EQ(slot_environment(slot)["OMP_NUM_THREADS"], "3");
  slot.cpu_ids.clear();
  slot.resources.cpus = 2.5;
  EXPECT_EQ(slot_environment(slot)["MKL_NUM_THREADS"], "2");
  slot.resources.cpus = 0.25;
  EXPECT_EQ(slot_environment(slot)["OMP_NUM_THREADS"], "1");
  EXPECT_EQ(slot_environment(slot)["OMP_WAIT_POLICY"], "PASSIVE");
}

TEST(SlotEnvironment, OnlyTheSlotsDevicesAreVisible) {
  Slot slot;
  slot.gpu_ids = {1, 3};
  EXPECT_EQ(slot_environment(slot)["CUDA_VISIBLE_DEVICES"], "1,3");
  EXPECT_EQ(slot_environment({})["CUDA_VISIBLE_DEVICES"], "");
}

TEST(SlotEnvironment, LaterLayersAreStrongerAndForeignClavierVariablesVanish) {
  const auto merged =
      merge_environment({"CLAVIER_DIR=/old", "HOME=/root", "OMP_NUM_THREADS=64", "A=b=c"},
                        {{{"OMP_NUM_THREADS", "2"}, {"X", "1"}}, {{"X", "2"}}});
  EXPECT_EQ(merged, (std::vector<std::string>{"A=b=c", "HOME=/root", "OMP_NUM_THREADS=2", "X=2"}));
}

}  // namespace
}  // namespace clavier::exec
