#include "report/timeline.h"

#include <gtest/gtest.h>

#include "report/gantt.h"

namespace clavier::report {
namespace {

/// Two slots; trial 0 begins in slot 0, moves to slot 1 and takes over what trial 1 had there.
class TimelineTest : public testing::Test {
 protected:
  void feed(double at, Input input, std::vector<Launch> launches = {},
            std::vector<Decision> decisions = {}) {
    Step step;
    step.turn = {.id = StepId{next_++}, .time = StudyTime(from_seconds(at)), .input = input};
    step.turn.decisions = std::move(decisions);
    step.fill.launches = std::move(launches);
    timeline_.apply(step);
  }
  static Launch launch(std::int64_t id, std::int64_t trial, std::int64_t slot,
                       std::optional<Checkpoint> from = {}) {
    return {LaunchId{id}, {{.trial = TrialId{trial}, .from = from}}, {{SlotId{slot}}}};
  }
  static Input report(std::int64_t trial, std::int64_t launch, Steps step) {
    Report report{.trial = TrialId{trial}, .launch = LaunchId{launch}};
    report.step = step;
    return Signal{Reported{{report}}};
  }
  static Input ended(std::int64_t launch) { return Signal{LaunchEnded{LaunchId{launch}}}; }

  void play() {
    Node node{.id = NodeId{0}, .host = "a<b,c"};
    node.slots = {{.id = SlotId{0}, .node = node.id, .price_per_hour = 3600},
                  {.id = SlotId{1}, .node = node.id, .speed = 3}};
    feed(0, Signal{NodeJoined{node}}, {launch(0, 0, 0), launch(1, 1, 1)});
    feed(2, report(0, 0, 20));
    feed(3, ended(0));
    feed(3, report(1, 1, 50));
    feed(4, ended(1), {launch(2, 0, 1, Checkpoint{TrialId{0}, LaunchId{0}, 10, "x"})});
    feed(5, report(0, 2, 25));
    feed(6, Signal{Deadline{}}, {},
         {{Exploit{
             .trial = TrialId{0}, .donor = {TrialId{1}, LaunchId{1}, 50, "y"}, .config = {}}}});
    feed(8, report(0, 2, 60));
    feed(8, ended(2));
    feed(9, Signal{NodeLost{NodeId{0}}});
    feed(10, Signal{Deadline{}});
  }

  Timeline timeline_;
  std::int64_t next_ = 0;
};

TEST_F(TimelineTest, SplitsStaysAtTakeOversAndKnowsWhatWasMovedAndRedone) {
  play();
  EXPECT_EQ(timeline_.csv(),
            "launch,trial,slot,node,from_step,to_step,start,end,moved,cost\n"
            "0,0,0,\"a<b,c\",0,20,0.000000,3.000000,0,3\n"
            "1,1,1,\"a<b,c\",0,50,0.000000,4.000000,0,0\n"
            "2,0,1,\"a<b,c\",10,25,4.000000,6.000000,1,0\n"
            "2,0,1,\"a<b,c\",50,60,6.000000,8.000000,0,0\n");
  EXPECT_EQ(timeline_.moves(), 1);
  EXPECT_EQ(timeline_.launches(), 3);
  EXPECT_EQ(timeline_.cost(), 3);
  // 20, then 10 to 20 once more, 5 new ones, and 10 with the other's weights.
  EXPECT_EQ(timeline_.trained(TrialId{0}).steps, 35);
  EXPECT_EQ(timeline_.trained(TrialId{1}).steps, 50);
  EXPECT_DOUBLE_EQ(timeline_.utilisation(), (3 + 8 * 3) / 40.0);
}

TEST_F(TimelineTest, ThePictureIsWholeAndEscaped) {
  play();
  const std::string svg = gantt_svg(timeline_, "a & b", 7.5);
  EXPECT_TRUE(svg.starts_with("<svg xmlns="));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("a &amp; b</text>"), std::string::npos);
  EXPECT_NE(svg.find("0 a&lt;b,c ×1"), std::string::npos);
  EXPECT_NE(svg.find("<title>trial 0, steps 10 to 25\nslot 1, 4 s to 6 s\nmoved here</title>"),
            std::string::npos);
  EXPECT_NE(svg.find("lower bound: 7.5 s"), std::string::npos);
  EXPECT_NE(svg.find("not there: 9 s to 10 s"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme: dark"), std::string::npos);
  EXPECT_EQ(svg.find("http://", 40), std::string::npos) << "it needs nothing else";
}

TEST_F(TimelineTest, TheTextShowsTheFastestSlotsFirst) {
  play();
  const auto lines = gantt_text(timeline_, 38, 1);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "slot 1   ×3     |1111111100000000....|");
  EXPECT_EQ(lines[1], "and 1 slower slots");
}

TEST_F(TimelineTest, NothingYetIsAPictureToo) {
  EXPECT_TRUE(gantt_svg(timeline_, "empty").ends_with("</svg>\n"));
  EXPECT_TRUE(gantt_text(timeline_, 80, 10).empty());
}

}  // namespace
}  // namespace clavier::report
