#include "sched/pbt_replay.h"

#include <gtest/gtest.h>

#include "study/text.h"
#include "tests/support/scheduler_desk.h"

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
  const auto takeovers = read_takeovers(kFile, "p.txt");
  ASSERT_TRUE(takeovers.ok()) << takeovers.error().message;
  ASSERT_EQ(takeovers->size(), 3u);
  EXPECT_EQ((*takeovers)[1].donor_config, config(0.1, 8));
  std::string text;
  for (const Takeover& takeover : *takeovers) text += to_line(takeover) + "\n";
  EXPECT_EQ(read_takeovers(text, "p.txt").value(), *takeovers);
  EXPECT_EQ(to_line((*takeovers)[0]),
            R"(["2_lr=0.3", "9_lr=0.5", 3, 3, {"lr": 0.5}, {"lr": 0.4}])");
}

TEST(PbtReplayTest, NamesTheLineThatIsNoTakeover) {
  for (const char* line : {"[1, 2]", "{}", "[\"a\", \"b\", -1, 2, {}, {}]",
                           "[\"a\", 1, 1, 2, {}, {}]", "[\"a\", \"b\", 1, 2, 3, {}]", "nonsense"}) {
    const auto takeovers = read_takeovers(std::string("\n") + line, "p.txt");
    ASSERT_FALSE(takeovers.ok()) << line;
    EXPECT_TRUE(takeovers.error().message.starts_with("p.txt:2: no takeover")) << line;
  }
}

TEST(PbtReplayTest, FollowsTheLineageBackwardsAndLeavesOutWhatWasOverwritten) {
  const RecordedPolicy policy = policy_of(read_takeovers(kFile, "p.txt").value());
  EXPECT_EQ(policy.initial, config(0.1, 8));
  ASSERT_EQ(policy.changes.size(), 2u);
  EXPECT_EQ(policy.changes[0].step, 5);
  EXPECT_EQ(policy.changes[0].config, config(0.12, 9));
  EXPECT_EQ(policy.changes[1].step, 10);
  EXPECT_EQ(policy.changes[1].config, config(0.096, 9));
}

TEST(PbtReplayTest, TakesTheGlobalFileOfWhichATrialIsWanted) {
  constexpr const char* kGlobal = R"(["1_x", "2_y", 4, 5, {"lr": 0.1}, {"lr": 0.2}]
["4_x", "3_y", 5, 5, {"lr": 0.5}, {"lr": 0.6}]
["3_x", "1_x", 11, 10, {"lr": 0.2}, {"lr": 0.3}]
["2_y", "4_x", 12, 10, {"lr": 0.6}, {"lr": 0.7}])";
  const Space space{{{"lr", Real{0, 0.65}}}};
  const auto first = [&](std::optional<TrialId> trial) {
    const auto policy = read_policy(kGlobal, "g", space, trial);
    if (!policy) return policy.error().message;
    return text::to_json(policy->initial) + " " + std::to_string(policy->changes.size());
  };
  EXPECT_EQ(first({}), R"({"lr": 0.5} 2)");
  EXPECT_EQ(first(TrialId{2}), R"({"lr": 0.1} 2)");
  EXPECT_EQ(first(TrialId{0}), R"({"lr": 0.1} 1)");
  EXPECT_EQ(first(TrialId{7}), "g: trial 7 took over nobody's weights");
}

TEST(PbtReplayTest, RefusesAPolicyOfAnotherSpaceByTheLine) {
  const auto message = [](const Space& space) {
    const auto policy = read_policy(kFile, "p.txt", space);
    return policy ? std::string() : policy.error().message;
  };
  EXPECT_EQ(message({{{"lr", Real{0, 1}}}}), "p.txt:2: the space has no parameter 'net.width'");
  const Space more{{{"lr", Real{0, 1}}, {"net.width", Integer{1, 9}}}};
  EXPECT_EQ(message(more), "p.txt:1: the space has a parameter 'net.width', the policy has not");
  constexpr const char* kOutside = R"(
["1_x", "0_y", 4, 5, {"lr": 2.0}, {"lr": 0.2}])";
  const auto outside = read_policy(kOutside, "p.txt", {{{"lr", Real{0, 1}}}});
  ASSERT_FALSE(outside.ok());
  EXPECT_TRUE(outside.error().message.starts_with("p.txt:2: the policy does not begin within"));
  EXPECT_FALSE(read_policy("\n", "p.txt", {{{"lr", Real{0, 1}}}}).ok());
}

TEST(PbtReplayTest, ChangesTheConfigurationAtTheRecordedSteps) {
  PbtReplay replay(policy_of(read_takeovers(kFile, "p.txt").value()), 20);
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
