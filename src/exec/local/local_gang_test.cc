#include "study/gang.h"
#include "tests/support/executor_rig.h"

namespace clavier::exec {
namespace {

/// A launch over both slots of the machine: one process that sees what both have.
class LocalGangTest : public ExecutorRig {
 protected:
  Order wide(Order order) {
    order.slots = options_.node.slots;
    order.launch.shares = {{SlotId{0}, 0.5}, {SlotId{1}, 0.5}};
    return order;
  }
};

TEST_F(LocalGangTest, SeesTheDevicesAndCoresOfAllItsSlots) {
  options_.node.slots[0].gpu_ids = {2};
  options_.node.slots[1].gpu_ids = {5};
  shell(
      R"(echo "$CUDA_VISIBLE_DEVICES $OMP_NUM_THREADS $CLAVIER_SLOTS {slots}"; echo '{"loss": 1}')");
  EXPECT_EQ(run(wide(order(0))).kind, ExitKind::kCompleted);
  EXPECT_TRUE(file("trial_0/stdout").starts_with("2,5 2 2 2\n")) << file("trial_0/stdout");
  EXPECT_EQ(run(order(1)).kind, ExitKind::kCompleted);
  EXPECT_TRUE(file("trial_1/stdout").starts_with("5 1 1 1\n")) << file("trial_1/stdout");
}

TEST_F(LocalGangTest, HoldsAllItsSlotsUntilItEnds) {
  executor().start(wide(order(0, mode("", 1000), 1)));
  next_report();
  const auto refused = [&](Order order) {
    executor().start(std::move(order));
    return next<Exited>().error;
  };
  EXPECT_EQ(refused(order(1)), "slot 1 is taken");
  EXPECT_EQ(refused(order(2)), "slot 0 is taken");
  executor().send(message(0, StopNow{}));
  EXPECT_EQ(next<Exited>().kind, ExitKind::kStopped);
  EXPECT_EQ(next<LaunchEnded>().launch, LaunchId{100});
  EXPECT_EQ(run(order(1)).kind, ExitKind::kCompleted);
}

TEST_F(LocalGangTest, ItsWorkerIsWarmForTheNextOfTheSameSlotsAndLeavesForOthers) {
  run(wide(order(0)));
  run(wide(order(1)));
  EXPECT_EQ(executor().counters().workers_started, 1);
  EXPECT_EQ(executor().counters().warm_starts, 1);
  run(order(3));
  EXPECT_EQ(executor().counters().workers_started, 2) << "slot 1 alone is another environment";
  run(order(2));
  run(wide(order(5)));
  EXPECT_EQ(executor().counters().workers_started, 4);
  run(wide(order(4)));
  EXPECT_EQ(executor().counters().warm_starts, 2);
}

TEST_F(LocalGangTest, NoSlotCountsTwice) {
  Order twice = order(0);
  twice.launch.shares = {{SlotId{0}, 0.5}, {SlotId{0}, 0.5}};
  twice.slots.push_back(twice.slots.front());
  EXPECT_EQ(run(twice).error, "a launch names slot 0 twice");
}

}  // namespace
}  // namespace clavier::exec
