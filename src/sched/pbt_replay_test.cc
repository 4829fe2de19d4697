#include "sched/pbt_replay.h"

#include <gtest/gtest.h>

#include "sched/scheduler_desk.h"

namespace clavier::sched {
namespace {

/// As PopulationBasedTraining._log_config_on_step writes it: trial 2 took over 1 at step 10, after
/// 1 had taken over 0 at step 5; what 2 had taken over before is overwritten by 1's file.
constexpr const char* kFile =
    R"(["2_lr=0.3", "9_lr=0.5", 3, 3, {"lr": 0.5}, {"lr": 0.4}]
["1_lr=0.2", "0_lr=0.1", 4, 5, {"lr": 0.1, "net": {"width": 8}}, {"lr": 0.12, "net": {"width": 9}}]

["2_lr=0.3", "1_lr=0.2", 11, 10, {"lr": 0.12, "net": {"width": 9}}, {"lr": 0.096, "net": {"width": 9}}]
)";

Config config(double lr, std::int64_t width) {
  Config config;
  config.set("lr", lr);
  config.set("net.width", width);
  return config;
}

TEST(PbtReplayTest, ReadsRaysFilesAndWritesThem) {
  const auto takeovers = read_takeovers(kFile);
  ASSERT_TRUE(takeovers.ok()) << takeovers.error().message;
  ASSERT_EQ(takeovers->size(), 3u);
  EXPECT_EQ((*takeovers)[1].donor_config, config(0.1, 8));
  std::string text;
  for (const Takeover& takeover : *takeovers) text += to_line(takeover) + "\n";
  EXPECT_EQ(read_takeovers(text).value(), *takeovers);
  EXPECT_EQ(to_line((*takeovers)[0]),
            R"(["2_lr=0.3", "9_lr=0.5", 3, 3, {"lr": 0.5}, {"lr": 0.4}])");
}

TEST(PbtReplayTest, NamesTheLineThatIsNoTakeover) {
  for (const char* line : {"[1, 2]", "{}", "[\"a\", \"b\", -1, 2, {}, {}]",
                           "[\"a\", 1, 1, 2, {}, {}]", "[\"a\", \"b\", 1, 2, 3, {}]", "nonsense"}) {
    const auto takeovers = read_takeovers(std::string("\n") + line);
    ASSERT_FALSE(takeovers.ok()) << line;
    EXPECT_EQ(takeovers.error().message.substr(0, 20), "line 2 of the policy") << line;
  }
}

TEST(PbtReplayTest, FollowsTheLineageBackwardsAndLeavesOutWhatWasOverwritten) {
  const Policy policy = policy_of(read_takeovers(kFile).value());
  EXPECT_EQ(policy.initial, config(0.1, 8));
  ASSERT_EQ(policy.changes.size(), 2u);
  EXPECT_EQ(policy.changes[0].step, 5);
  EXPECT_EQ(policy.changes[0].config, config(0.12, 9));
  EXPECT_EQ(policy.changes[1].step, 10);
  EXPECT_EQ(policy.changes[1].config, config(0.096, 9));
}

TEST(PbtReplayTest, ChangesTheConfigurationAtTheRecordedSteps) {
  PbtReplay replay(policy_of(read_takeovers(kFile).value()), 20);
  Desk desk(replay, {"loss", Mode::kMin}, 1);
  const auto next = replay.next(desk.state(), 3);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(std::get<New>(next[0]).until, 5);
  const TrialId trial = desk.create(0, config(0.1, 8));
  desk.launch(trial, 5);
  EXPECT_TRUE(replay.next(desk.state(), 3).empty());
  const auto report = [&](Steps step, bool saved) {
    Report made{.trial = trial, .launch = LaunchId{0}, .step = step, .value = 0.5};
    if (saved) made.checkpoint = Checkpoint{trial, LaunchId{0}, step, "c"};
    const auto decisions = desk.report({made});
    return decisions.empty() ? std::nullopt : std::optional(decisions.front());
  };
  EXPECT_EQ(until(report(5, false)), 6);
  const auto changed = report(6, true);
  ASSERT_TRUE(is<Exploit>(changed));
  EXPECT_EQ(std::get<Exploit>(changed->action).until, 10);
  EXPECT_EQ(desk.state().trial(trial).config, config(0.12, 9));
  EXPECT_FALSE(report(8, true));
  ASSERT_TRUE(is<Exploit>(report(10, true)));
  EXPECT_EQ(desk.state().trial(trial).config, config(0.096, 9));
  EXPECT_EQ(desk.state().trial(trial).until, 20);
  EXPECT_TRUE(is<Complete>(report(20, true)));
}

}  // namespace
}  // namespace clavier::sched
