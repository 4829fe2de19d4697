#include "cluster/arrays.h"

#include <gtest/gtest.h>

#include "cluster/first_fit.h"

namespace clavier::cluster {
namespace {

class ArraysTest : public testing::Test {
 protected:
  void slots(std::int64_t count) {
    Node node{.id = NodeId{0}, .host = "here"};
    for (std::int64_t i = 0; i < count; ++i) node.slots.push_back({SlotId{i}, NodeId{0}});
    cluster_.apply_input({.id = StepId{0}, .time = {}, .input = Signal{NodeJoined{node}}});
  }
  /// The wants of each launch, for what they are alike in.
  std::vector<std::vector<std::size_t>> planned(const std::vector<std::string>& alike,
                                                std::int64_t members,
                                                std::int64_t new_trials = kForever) {
    Demand demand{.state = state_, .new_trials = new_trials};
    for (const std::string& each : alike)
      demand.wants.push_back({.alike = each, .members = members});
    plan_ = plan_arrays(planner_, demand, cluster_, {});
    std::vector<std::vector<std::size_t>> launches;
    for (const Start& start : plan_.starts) launches.push_back(start.wants);
    return launches;
  }
  using Launches = std::vector<std::vector<std::size_t>>;

  State state_{{"loss", Mode::kMin}, {}};
  ClusterState cluster_;
  FirstFit planner_;
  Plan plan_;
};

TEST_F(ArraysTest, ThoseThatAreAlikeShareASlotUpToTheLimit) {
  slots(2);
  EXPECT_EQ(planned({"a", "a", "a", "a", "a"}, 3), (Launches{{0, 1, 2}, {3, 4}}));
}

TEST_F(ArraysTest, TheFirstComesFirstAndThenTheLargest) {
  slots(2);
  EXPECT_EQ(planned({"a", "b", "c", "c"}, 4), (Launches{{0}, {2, 3}}));
  EXPECT_EQ(plan_.left_out[1], "every slot is busy");
  EXPECT_EQ(plan_.left_out[0], "");
}

TEST_F(ArraysTest, NoSlotIsGivenTwiceAndWhoIsLeftOutHearsWhy) {
  slots(1);
  EXPECT_EQ(planned({"a", "a", "a", "b"}, 2), (Launches{{0, 1}}));
  EXPECT_EQ(plan_.left_out,
            (std::vector<std::string>{"", "", "every slot is busy", "every slot is busy"}));
}

TEST_F(ArraysTest, TheLastTrialsAreSpreadOverTheSlots) {
  slots(2);
  EXPECT_EQ(planned({"a", "a", "a", "a", "a", "a"}, 8, 6), (Launches{{0, 1, 2}, {3, 4, 5}}));
  EXPECT_EQ(planned({"a", "a", "a"}, 8, 3), (Launches{{0, 1}, {2}}));
}

TEST_F(ArraysTest, WithoutTrialsThereIsNothingToPlan) {
  slots(1);
  EXPECT_EQ(planned({}, 4), Launches{});
}

}  // namespace
}  // namespace clavier::cluster
