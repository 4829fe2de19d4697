#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/sim_fixtures.h"

/// Nodes and slots that come and go.
namespace clavier::exec {
namespace {

TEST_F(SimTest, ANodeMayJoinLater) {
  SimOptions options;
  options.nodes = {SimNode{}, SimNode{.joins = StudyTime(from_seconds(2))}};
  build(options);
  EXPECT_EQ(nodes_.size(), 1U);
  EXPECT_EQ(story(3), Story{"2.000 joined 1"});
  start(0, 1);
  EXPECT_EQ(story(4), Story{"4.000 report 0 @1"});
}

TEST_F(SimTest, ALostNodeIsHeardOfBeforeItsTrialsAndLosesLaterOnes) {
  SimOptions options;
  options.nodes = {SimNode{.slots = {{}, {}}, .lost = StudyTime(from_seconds(1.5))}, SimNode{}};
  options.report_seconds = 0.25;
  build(options);
  EXPECT_EQ(nodes_.size(), 2U);
  start(0, 0);
  start(1, 1);
  start(2, 2);
  EXPECT_EQ(story(1.9), (Story{"1.250 report 0 @1", "1.250 report 1 @1", "1.250 report 2 @1",
                               "1.750 node lost 0", "1.750 lost 0", "1.750 ended 0", "1.750 lost 1",
                               "1.750 ended 1"}));
  start(3, 0);
  EXPECT_EQ(story(2.2), (Story{"2.150 lost 3", "2.150 ended 3"}));
}

TEST_F(SimTest, ALostNodeMayComeBackAndIsNotHeardOfBeforeItsLoss) {
  SimOptions options;
  options.nodes = {SimNode{.slots = {{}}, .lost = StudyTime(from_seconds(1.5))}};
  options.nodes[0].later = {{StudyTime(from_seconds(1.6)), true},
                            {StudyTime(from_seconds(1.7)), true},
                            {StudyTime(from_seconds(3)), false}};
  options.report_seconds = 0.25;
  build(options);
  start(0, 0);
  EXPECT_EQ(story(2), (Story{"1.250 report 0 @1", "1.750 node lost 0", "1.750 lost 0",
                             "1.750 ended 0", "1.850 joined 0"}));
  start(1, 0);
  const Story rest = story(9);
  ASSERT_GE(rest.size(), 3U);
  EXPECT_EQ((Story{rest.end() - 3, rest.end()}),
            (Story{"3.250 node lost 0", "3.250 lost 1", "3.250 ended 1"}));
}

TEST_F(SimTest, NodesFailAtRandomAndAreRepairedAlikeForOneSeed) {
  SimOptions options;
  options.nodes = std::vector<SimNode>(4);
  options.mtbf_seconds = 100;
  options.repair_seconds = 5;
  options.seed = 3;
  build(options);
  const Story first = story(2000);
  build(options);
  EXPECT_EQ(story(2000), first);
  const auto lost = std::ranges::count_if(
      first, [](const auto& line) { return line.find("node lost") != std::string::npos; });
  EXPECT_NEAR(static_cast<double>(lost), 4 * 2000 / 105.0, 25);
  options.seed = 4;
  build(options);
  EXPECT_NE(story(2000), first);
}

TEST_F(SimTest, ASlotMayLeaveItsNodeAndComeBack) {
  SimOptions options = on_slots({1, 1});
  options.nodes[0].slots[1].later = {{StudyTime(from_seconds(1.5)), false},
                                     {StudyTime(from_seconds(2.5)), true}};
  build(options);
  start(0, 0);
  start(1, 1);
  EXPECT_EQ(story(1.9), (Story{"1.000 report 0 @1", "1.000 report 1 @1", "1.500 joined 0",
                               "1.500 lost 1", "1.500 ended 1"}));
  start(2, 1);
  EXPECT_EQ(story(1.95), (Story{"1.900 lost 2", "1.900 ended 2"})) << "it is not there";
  EXPECT_EQ(story(2.9), (Story{"2.000 report 0 @2", "2.500 joined 0"}));
  start(3, 1);
  EXPECT_EQ(story(3.95), (Story{"3.000 report 0 @3", "3.900 report 3 @1"}));
}

TEST_F(SimTest, ANodeJoinsWithTheSlotsThatAreThere) {
  SimOptions options = on_slots({1, 1, 1});
  options.nodes[0].lost = StudyTime(from_seconds(2));
  options.nodes[0].later = {{StudyTime(from_seconds(4)), true}};
  options.nodes[0].slots[2].later = {{StudyTime(from_seconds(1)), false},
                                     {StudyTime(from_seconds(5)), true}};
  sim_ = SimExecutor::create(options, steady()).value();
  std::vector<std::size_t> slots;
  for (;;) {
    const Signal signal = sim_->wait(StudyTime(from_seconds(9))).front();
    if (std::holds_alternative<Deadline>(signal)) break;
    if (const auto* joined = std::get_if<NodeJoined>(&signal))
      slots.push_back(joined->node.slots.size());
  }
  EXPECT_EQ(slots, (std::vector<std::size_t>{3, 2, 2, 3}));
}

TEST_F(SimTest, SlotsFailAtRandomAndAreRepairedAlikeForOneSeed) {
  SimOptions options = on_slots({1, 1, 1, 1});
  options.slot_mtbf_seconds = 100;
  options.repair_seconds = 5;
  options.seed = 3;
  build(options);
  const Story first = story(2000);
  build(options);
  EXPECT_EQ(story(2000), first);
  EXPECT_NEAR(static_cast<double>(first.size()), 2 * 4 * 2000 / 105.0, 50) << "there and back";
}

}  // namespace
}  // namespace clavier::exec
