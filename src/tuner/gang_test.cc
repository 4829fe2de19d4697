#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/simulated_study.h"

/// Trials that take several slots of one machine at once, in whole studies in virtual time.
namespace clavier::tuner {
namespace {

using Settings = SimulatedStudy::Settings;

/// What the log says of every launch.
struct Ran {
  TrialId trial;
  std::set<SlotId> slots;
  double waited = 0;  ///< Since it could run.
  double start = 0;
  double end = -1;
};

struct Story {
  State state{{"loss", Mode::kMin}, {.max_failures = 3, .max_losses = 1000}};
  std::vector<Ran> launches;
};

/// Follows the log and checks at every step that no slot is held twice and that every trial has
/// all the slots it asks for, of one machine.
Story follow(const std::vector<Step>& steps) {
  const GangSize gang{.parameter = "slots"};
  Story story;
  std::map<SlotId, NodeId> node_of;
  std::map<SlotId, LaunchId> held;
  for (const Step& step : steps) {
    const double now = seconds(step.turn.time);
    if (const auto* joined = input_as<NodeJoined>(step.turn))
      for (const Slot& slot : joined->node.slots) node_of[slot.id] = joined->node.id;
    if (const auto* ended = input_as<LaunchEnded>(step.turn)) {
      std::erase_if(held, [&](const auto& each) { return each.second == ended->launch; });
      story.launches[static_cast<std::size_t>(ended->launch.value)].end = now;
    }
    story.state.apply(step.turn);
    std::map<TrialId, double> waited;
    for (const TrialStatus status : {TrialStatus::kPending, TrialStatus::kPaused})
      for (const TrialId id : story.state.with_status(status))
        waited[id] = now - seconds(story.state.trial(id).waits_since);
    story.state.apply(step.fill, step.turn.time);
    for (const Launch& launch : step.fill.launches) {
      const Trial& trial = story.state.trial(launch.members.front().trial);
      Ran& ran = story.launches.emplace_back(
          Ran{.trial = trial.id, .slots = {}, .waited = waited[trial.id], .start = now});
      std::set<NodeId> nodes;
      double parts = 0;
      for (const Share& share : launch.shares) {
        EXPECT_TRUE(held.emplace(share.slot, launch.id).second) << "held twice";
        ran.slots.insert(share.slot);
        nodes.insert(node_of.at(share.slot));
        parts += share.part;
      }
      EXPECT_EQ(nodes.size(), 1u);
      EXPECT_EQ(static_cast<std::int64_t>(ran.slots.size()), gang.of(trial.config));
      EXPECT_NEAR(parts, 1, 1e-12);
    }
  }
  return story;
}

Story run(const Settings& settings) {
  SimulatedStudy study(settings);
  EXPECT_TRUE(study.start_with({}).ok());
  const auto outcome = study.run();
  EXPECT_TRUE(outcome.ok());
  EXPECT_TRUE(study.state().finished());
  EXPECT_EQ(study.state().count(TrialStatus::kPending), 0u) << study.state().finished()->reason;
  return follow(study.steps());
}

TEST(Gang, EveryTrialHasAllItsSlotsOrNoneAndEveryStudyEnds) {
  std::size_t several = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const bool promotion : {false, true})
      for (const bool population : {false, true}) {
        SCOPED_TRACE(seed);
        const Story story = run({.trials = 20,
                                 .promotion = promotion,
                                 .population = population,
                                 .failures = seed % 2 == 0 ? 0.01 : 0,
                                 .seed = seed,
                                 .machines = {4, 3, 5}});
        EXPECT_GE(story.launches.size(), 20u);
        for (const Ran& ran : story.launches) several += ran.slots.size() > 1;
      }
  EXPECT_GT(several, 60u);
}

TEST(Gang, AlsoWhereMachinesFail) {
  int losses = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const Story story = run({.trials = 20, .seed = seed, .machines = {4, 4}, .mtbf = 30});
    for (const Trial& trial : story.state.trials()) losses += trial.losses;
  }
  EXPECT_GT(losses, 10);
}

/// Steps take 1 s at speed 1 and a trial 27 of them: nobody waits for longer than the claims of
/// those before it take, each at most two trials' time at the slowest speed.
TEST(Gang, NobodyWaitsForLongerThanTheClaimsBeforeItTake) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const Story story = run({.trials = 60, .promotion = false, .seed = seed, .machines = {4, 4}});
    for (const Ran& ran : story.launches) {
      const auto before = std::ranges::count_if(story.launches, [&](const Ran& other) {
        return other.slots.size() > 1 && other.start > ran.start - ran.waited &&
               other.start < ran.start;
      });
      EXPECT_LE(ran.waited, static_cast<double>(1 + before) * 2 * 30);
    }
  }
}

/// Where whoever fits starts, many small trials leave no gap for a large one.
TEST(Gang, ClaimsShortenTheWaitOfLargeTrials) {
  double with_claims = 0, without = 0, makespan_with = 0, makespan_without = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const char* planner : {"first-fit", "greedy"}) {
      const Story story = run({.trials = 80,
                               .promotion = false,
                               .whole = true,
                               .planner = planner,
                               .seed = seed,
                               .machines = {4, 4}});
      const bool claims = planner != std::string("greedy");
      for (const Ran& ran : story.launches)
        if (ran.slots.size() == 4) (claims ? with_claims : without) += ran.waited;
      (claims ? makespan_with : makespan_without) += seconds(story.state.now());
    }
  EXPECT_LT(with_claims, 0.6 * without);
  EXPECT_LT(makespan_with, makespan_without) << "small ones fill what is kept";
}

TEST(Gang, TheDecisionsAreRecomputedAlike) {
  const Settings settings{.trials = 15, .failures = 0.02, .machines = {4, 2}};
  SimulatedStudy study(settings), again(settings);
  ASSERT_TRUE(study.start_with({}).ok());
  ASSERT_TRUE(study.run().ok());
  const auto verified = again.verify(study.log());
  ASSERT_TRUE(verified.ok());
  EXPECT_FALSE(verified->difference) << *verified->difference;
  EXPECT_GT(verified->steps, 100);
}

}  // namespace
}  // namespace clavier::tuner
