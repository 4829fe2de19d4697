#include "study/state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace clavier {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Feeds a state with steps and counts their ids and times.
class StateTest : public testing::Test {
 protected:
  void turn(Input input, std::vector<Decision> decisions = {}, bool late = false) {
    Turn turn;
    turn.id = StepId{steps_++};
    turn.time = study_time(steps_ * 1'000'000);
    turn.input = std::move(input);
    turn.decisions = std::move(decisions);
    turn.late = late;
    state.apply(turn);
  }
  void open(bool rebuilt = false) {
    Opened opened;
    opened.seed = 7;
    opened.trials = 10;
    opened.utc_us = 1000 + state.runs();
    opened.rebuilt = rebuilt;
    turn(opened);
  }
  TrialId create(Config config = {}, double width = 1) {
    const TrialId id{static_cast<std::int64_t>(state.trials().size())};
    Fill fill;
    fill.created.push_back({.id = id, .config = std::move(config), .width = width});
    fill.launches.push_back(launch(id));
    state.apply(fill, state.now());
    return id;
  }
  Launch launch(TrialId id) {
    Launch launch;
    launch.id = state.next_launch();
    launch.members.push_back({.trial = id, .until = 9});
    launch.shares.push_back({SlotId{3}, 1});
    return launch;
  }
  void relaunch(TrialId id, std::optional<Checkpoint> from = {}) {
    Fill fill;
    fill.launches.push_back(launch(id));
    fill.launches.back().members.front().from = from;
    state.apply(fill, state.now());
  }
  void report(TrialId id, Steps step, std::optional<double> value,
              std::vector<Decision> decisions = {}, bool late = false) {
    Report report;
    report.trial = id;
    report.launch = state.trial(id).launch;
    report.step = step;
    report.value = value;
    turn(Signal(Reported{{report}}), std::move(decisions), late);
  }
  void exit(TrialId id, ExitKind kind) {
    turn(Signal(Exited{.trial = id, .launch = state.trial(id).launch, .kind = kind, .error = "e"}));
  }
  TrialStatus status(TrialId id) const { return state.trial(id).status; }

  State state{Objective{"loss", Mode::kMin}, RetryLimits{.max_failures = 1, .max_losses = 2}};

 private:
  std::int64_t steps_ = 0;
};

TEST_F(StateTest, OpeningTakesSeedLimitAndTheFirstRunsDate) {
  open();
  open();
  EXPECT_EQ(state.seed(), 7U);
  EXPECT_EQ(state.trial_limit(), 10);
  EXPECT_EQ(state.runs(), 2);
  EXPECT_EQ(state.first_utc_us(), 1000);
  EXPECT_EQ(state.now(), study_time(2'000'000));
}

TEST_F(StateTest, ATrialGoesFromPendingToRunningToCompleted) {
  open();
  const TrialId id = create();
  EXPECT_EQ(status(id), TrialStatus::kRunning);
  EXPECT_EQ(state.trial(id).slot, SlotId{3});
  EXPECT_EQ(state.trial(id).until, 9);
  EXPECT_EQ(state.trial(id).attempts, 1);
  EXPECT_EQ(state.unfinished(), 1U);
  exit(id, ExitKind::kCompleted);
  EXPECT_EQ(status(id), TrialStatus::kCompleted);
  EXPECT_EQ(state.trial(id).busy, std::chrono::seconds(1));
  EXPECT_EQ(state.unfinished(), 0U);
  EXPECT_EQ(state.with_status(TrialStatus::kCompleted), std::set<TrialId>{id});
}

TEST_F(StateTest, VerdictsDecideWhatAnExitMeans) {
  open();
  const std::pair<Action, TrialStatus> cases[] = {
      {Stop{TrialId{0}}, TrialStatus::kStopped},
      {Complete{TrialId{1}}, TrialStatus::kCompleted},
      {Pause{TrialId{2}}, TrialStatus::kPaused},
      {Requeue{TrialId{3}}, TrialStatus::kPending},
  };
  for (const auto& [action, after] : cases) {
    const TrialId id = create();
    report(id, 1, 0.5, {{action, "because"}});
    EXPECT_EQ(status(id), TrialStatus::kRunning) << "until its worker has left";
    EXPECT_EQ(state.trial(id).reason, "because");
    exit(id, ExitKind::kLost);
    EXPECT_EQ(status(id), after);
    EXPECT_EQ(state.trial(id).losses, 0);
  }
}

TEST_F(StateTest, DecisionsAboutRestingTrialsHoldAtOnce) {
  open();
  const TrialId id = create();
  report(id, 1, 0.5, {{Pause{id}}});
  exit(id, ExitKind::kPaused);
  turn(Signal(Deadline{}), {{Stop{id}}});
  EXPECT_EQ(status(id), TrialStatus::kStopped);
  turn(Signal(Deadline{}), {{Pause{id}}});
  EXPECT_EQ(status(id), TrialStatus::kStopped) << "what has ended stays ended";
}

TEST_F(StateTest, HeldTrialsComeBackOnlyByTheUser) {
  open();
  const TrialId id = create();
  turn(UserCommand(PauseTrial{id}), {{Pause{id, true}}});
  exit(id, ExitKind::kPaused);
  EXPECT_EQ(status(id), TrialStatus::kPaused);
  EXPECT_TRUE(state.trial(id).held);
  turn(UserCommand(ResumeTrial{id}));
  EXPECT_EQ(status(id), TrialStatus::kPending);
  EXPECT_FALSE(state.trial(id).held);
}

TEST_F(StateTest, FailuresAndLossesAreRetriedUpToTheirOwnBounds) {
  open();
  const TrialId failing = create();
  exit(failing, ExitKind::kFailed);
  EXPECT_EQ(status(failing), TrialStatus::kPending);
  EXPECT_EQ(state.trial(failing).reason, "e");
  relaunch(failing);
  EXPECT_EQ(state.trial(failing).reason, "");
  exit(failing, ExitKind::kFailed);
  EXPECT_EQ(status(failing), TrialStatus::kFailed);
  EXPECT_EQ(state.trial(failing).reason, "e");

  const TrialId lost = create();
  for (int loss = 0; loss < 2; ++loss) {
    exit(lost, ExitKind::kLost);
    EXPECT_EQ(status(lost), TrialStatus::kPending);
    relaunch(lost);
  }
  exit(lost, ExitKind::kLost);
  EXPECT_EQ(status(lost), TrialStatus::kFailed);
}

TEST_F(StateTest, LossesOfATrialThatGetsFurtherAreNoReasonToGiveItUp) {
  open();
  const TrialId id = create();
  for (Steps step = 1; step < 10; ++step) {
    report(id, step, 0.5);
    exit(id, ExitKind::kLost);
    ASSERT_EQ(status(id), TrialStatus::kPending);
    relaunch(id);
  }
  EXPECT_EQ(state.trial(id).losses, 9);
  for (int loss = 0; loss < 2; ++loss) {
    report(id, 5, 0.5);
    exit(id, ExitKind::kLost);
    relaunch(id);
  }
  exit(id, ExitKind::kLost);
  EXPECT_EQ(status(id), TrialStatus::kFailed) << "it has only repeated steps";
}

TEST_F(StateTest, ATunerThatIsKilledIsNoFaultOfItsTrials) {
  open();
  const TrialId id = create();
  for (int killed = 0; killed < 25; ++killed) {
    open(false);
    ASSERT_EQ(status(id), TrialStatus::kPending);
    relaunch(id);
  }
  EXPECT_EQ(state.trial(id).losses, 25);
}

TEST_F(StateTest, OnlyWhatHasEndedIsRetriedAndACompletedTrialBeginsAnew) {
  open();
  const TrialId completed = create(), failed = create(), running = create();
  Report saved{.trial = completed, .launch = state.trial(completed).launch, .step = 3};
  saved.checkpoint = Checkpoint{completed, saved.launch, 3, "c"};
  turn(Signal(Reported{{saved}}));
  exit(completed, ExitKind::kCompleted);
  exit(failed, ExitKind::kFailed);
  relaunch(failed);
  exit(failed, ExitKind::kFailed);
  EXPECT_EQ(unsuccessful(state), (std::vector<TrialId>{completed, failed}));
  turn(UserCommand(Retry{{completed, failed, running, TrialId{99}}}));
  EXPECT_EQ(status(completed), TrialStatus::kPending);
  EXPECT_EQ(state.trial(completed).latest_checkpoint(), nullptr);
  EXPECT_EQ(status(failed), TrialStatus::kPending);
  EXPECT_EQ(state.trial(failed).failures, 0);
  EXPECT_EQ(status(running), TrialStatus::kRunning);
}

TEST_F(StateTest, AnExitOfAnEarlierLaunchIsIgnored) {
  open();
  const TrialId id = create();
  const LaunchId first = state.trial(id).launch;
  exit(id, ExitKind::kLost);
  relaunch(id);
  turn(Signal(Exited{.trial = id, .launch = first, .kind = ExitKind::kFailed}));
  EXPECT_EQ(status(id), TrialStatus::kRunning);
  EXPECT_EQ(state.trial(id).failures, 0);
}

TEST_F(StateTest, OpeningLosesWhatRanUnlessTheExecutorRebuiltIt) {
  open();
  const TrialId id = create();
  open(true);
  EXPECT_EQ(status(id), TrialStatus::kRunning);
  open(false);
  EXPECT_EQ(status(id), TrialStatus::kPending);
  EXPECT_EQ(state.trial(id).losses, 1);
}

TEST_F(StateTest, BestIsTheBestValueEverAndTiesGoToTheFirst) {
  open();
  const TrialId a = create(), b = create(), c = create(), narrow = create({}, 0.5);
  report(a, 1, kNaN);
  report(b, 1, 0.5);
  EXPECT_EQ(state.best(), b) << "a number beats NaN";
  report(a, 2, 0.5);
  EXPECT_EQ(state.best(), b);
  report(c, 1, 0.25);
  report(c, 2, 4.0);
  EXPECT_EQ(state.best(), c);
  EXPECT_EQ(state.trial(c).best->step, 1);
  report(narrow, 1, 0.0);
  EXPECT_EQ(state.best(), c) << "surrogates are not ranked";
}

TEST_F(StateTest, WhatIsNotFiniteIsNeverTheBest) {
  open();
  const TrialId a = create();
  for (const double value : {kNaN, -kInfinity, kInfinity}) report(a, 1, value);
  EXPECT_FALSE(state.best());
  EXPECT_FALSE(state.trial(a).best);
  EXPECT_EQ(state.trial(a).history.size(), 1u) << "it was reported all the same";
  const Objective loss{"loss", Mode::kMin}, accuracy{"accuracy", Mode::kMax};
  for (const Objective& objective : {loss, accuracy})
    for (const double value : {kNaN, -kInfinity, kInfinity}) {
      EXPECT_TRUE(objective.better(1e300, value));
      EXPECT_FALSE(objective.better(value, 1e300));
      EXPECT_FALSE(objective.better(value, kNaN));
      EXPECT_TRUE(std::isnan(objective.rank_key(value)));
    }
}

TEST_F(StateTest, TheBestIsValueConfigurationAndWeightsOfOneMoment) {
  open();
  Config first, second;
  first.set("lr", 0.1);
  second.set("lr", 0.2);
  const TrialId donor = create(), id = create(first);
  const LaunchId launch = state.trial(id).launch;
  const auto saved = [&](Steps step, const char* path) {
    turn(Signal(CheckpointSaved{{id, launch, step, path}}));
  };
  report(id, 1, 0.9);
  saved(1, "c1");
  report(id, 2, 0.5);
  ASSERT_TRUE(state.trial(id).best_model().checkpoint);
  EXPECT_EQ(state.trial(id).best_model().checkpoint->path, "c1") << "the nearest there is";
  EXPECT_FALSE(state.trial(id).best_model().of_best_step);
  saved(2, "c2");
  EXPECT_TRUE(state.trial(id).best_model().of_best_step);
  report(id, 3, 0.8, {{Exploit{id, {donor, LaunchId{0}, 1, "donor"}, 0.4, second, 9}}});
  report(id, 2, 0.7);
  saved(2, "other weights at step 2");
  EXPECT_EQ(state.trial(id).config, second);
  EXPECT_EQ(state.trial(id).best_config(), first);
  EXPECT_EQ(state.trial(id).best_model().checkpoint->path, "c2");
  Fill fill;
  fill.discards = {{id, launch, 2, "c2"}};
  state.apply(fill, state.now());
  EXPECT_FALSE(state.trial(id).best_model().checkpoint) << "what is left is of other weights";
  EXPECT_EQ(*state.trial(id).best_model().config, first);
  report(id, 3, 0.4);
  EXPECT_EQ(state.trial(id).best_config(), second);
  EXPECT_EQ(state.trial(id).best_model().checkpoint->path, "other weights at step 2");
}

TEST_F(StateTest, ABestFromATakeoverThatProvedVoidKeepsItsConfiguration) {
  open();
  Config first, second;
  first.set("lr", 0.1);
  second.set("lr", 0.2);
  const TrialId donor = create(), id = create(first);
  const Checkpoint given{donor, LaunchId{0}, 1, "donor"};
  report(id, 2, 0.9);
  turn(Signal(CheckpointSaved{{id, state.trial(id).launch, 2, "own"}}));
  report(id, 3, 0.8, {{Exploit{id, given, 0.4, second, 9}}});
  report(id, 2, 0.1);
  exit(id, ExitKind::kLost);
  turn(Signal(CheckpointVoid{given, "damaged"}));
  EXPECT_EQ(state.trial(id).config, first);
  EXPECT_EQ(state.trial(id).best_config(), second);
}

TEST_F(StateTest, RepeatedStepsReplaceWhatTheyRepeat) {
  open();
  const TrialId id = create();
  for (Steps step = 1; step <= 4; ++step) report(id, step, 1.0 / static_cast<double>(step));
  report(id, 3, 0.1);
  ASSERT_EQ(state.trial(id).history.size(), 3U);
  EXPECT_EQ(state.trial(id).history.back().value, 0.1);
  EXPECT_EQ(state.trial(id).step, 3);
  EXPECT_EQ(state.trial(id).reports, 5);
  report(id, 4, std::nullopt);
  EXPECT_EQ(state.trial(id).history.size(), 3U) << "a report without the objective";
}

TEST_F(StateTest, LateReportsAreCountedAndNothingElse) {
  open();
  const TrialId id = create();
  report(id, 1, 0.5);
  report(id, 2, 0.1, {}, true);
  EXPECT_EQ(state.reports(), 2);
  EXPECT_EQ(state.trial(id).step, 1);
  EXPECT_EQ(state.trial(id).best->value, 0.5);
}

TEST_F(StateTest, CheckpointsAreKeptOnceAndDiscardedByTheFill) {
  open();
  const TrialId id = create();
  const Checkpoint checkpoint{id, LaunchId{0}, 2, "c2"};
  turn(Signal(CheckpointSaved{checkpoint}));
  turn(Signal(CheckpointSaved{checkpoint}));
  ASSERT_EQ(state.trial(id).checkpoints.size(), 1U);
  EXPECT_EQ(state.trial(id).latest_checkpoint()->path, "c2");
  Fill fill;
  fill.discards.push_back(checkpoint);
  state.apply(fill, state.now());
  EXPECT_EQ(state.trial(id).latest_checkpoint(), nullptr);
}

TEST_F(StateTest, AResumedTrialStandsAtItsCheckpoint) {
  open();
  const TrialId id = create();
  for (Steps step = 1; step <= 3; ++step) report(id, step, 0.5);
  exit(id, ExitKind::kLost);
  relaunch(id, Checkpoint{id, LaunchId{0}, 2, "c2"});
  EXPECT_EQ(state.trial(id).step, 2);
  EXPECT_EQ(state.trial(id).attempts, 2);
}

TEST_F(StateTest, ExploitTakesTheDonorsPlaceAndConfiguration) {
  open();
  const TrialId donor = create(), target = create();
  for (Steps step = 1; step <= 4; ++step) report(target, step, 0.9);
  Exploit exploit{target, {donor, LaunchId{0}, 2, "d2"}, 0.9, {}, 6};
  exploit.config.set("lr", 0.5);
  turn(Signal(Deadline{}), {{exploit}});
  const Trial& trial = state.trial(target);
  EXPECT_EQ(trial.step, 2);
  EXPECT_EQ(trial.until, 6);
  EXPECT_EQ(trial.origin, donor);
  EXPECT_EQ(trial.history.back().step, 2);
  EXPECT_EQ(trial.latest_checkpoint()->path, "d2");
  EXPECT_TRUE(*trial.config.find("lr") == Value(0.5));
}

TEST_F(StateTest, WhatAWorkerSavesBeforeItTakesOverOthersIsNotItsCheckpoint) {
  open();
  const TrialId donor = create(), target = create();
  report(target, 4, 0.9);
  turn(Signal(Deadline{}), {{Exploit{target, {donor, LaunchId{0}, 4, "donor"}, 0.9, {}, 8}}});
  const LaunchId launch = state.trial(target).launch;
  turn(Signal(CheckpointSaved{{target, launch, 4, "given up"}}));
  EXPECT_EQ(state.trial(target).latest_checkpoint()->path, "donor");
  report(target, 5, 0.8);
  turn(Signal(CheckpointSaved{{target, launch, 5, "own"}}));
  EXPECT_EQ(state.trial(target).latest_checkpoint()->path, "own");
}

TEST_F(StateTest, AVoidCheckpointIsForgottenByAllWhoHaveIt) {
  open();
  const TrialId donor = create();
  Config before;
  before.set("lr", 0.1);
  const TrialId receiver = create(before);
  const Checkpoint own{receiver, state.trial(receiver).launch, 2, "own"};
  const Checkpoint given{donor, state.trial(donor).launch, 3, "given"};
  turn(Signal(CheckpointSaved{own}));
  turn(Signal(CheckpointSaved{given}));
  Config explored;
  explored.set("lr", 0.2);
  report(receiver, 2, 0.5, {{Exploit{receiver, given, 0.4, explored}, "worse"}});
  ASSERT_EQ(state.trial(receiver).takeovers.size(), 1u);
  EXPECT_EQ(state.trial(receiver).takeovers[0].before, before);
  turn(Signal(CheckpointVoid{given, "damaged"}));
  EXPECT_TRUE(state.trial(donor).checkpoints.empty());
  EXPECT_EQ(state.trial(receiver).config, explored) << "its worker may have read it before";
  exit(receiver, ExitKind::kLost);
  ASSERT_TRUE(state.trial(receiver).latest_checkpoint());
  EXPECT_EQ(*state.trial(receiver).latest_checkpoint(), own);
  EXPECT_EQ(state.trial(receiver).config, before) << "own weights go with their configuration";
  EXPECT_TRUE(state.trial(receiver).takeovers.empty());
  EXPECT_FALSE(state.trial(receiver).origin);
}

TEST_F(StateTest, WeightsTrainedSinceATakeoverOutliveItsVoidDonor) {
  open();
  const TrialId donor = create();
  Config before, explored;
  before.set("lr", 0.1);
  explored.set("lr", 0.2);
  const TrialId receiver = create(before);
  const LaunchId launch = state.trial(receiver).launch;
  const Checkpoint old{receiver, launch, 2, "old"}, since{receiver, launch, 4, "since"};
  const Checkpoint given{donor, state.trial(donor).launch, 3, "given"};
  turn(Signal(CheckpointSaved{old}));
  turn(Signal(CheckpointSaved{given}));
  report(receiver, 2, 0.5, {{Exploit{receiver, given, 0.4, explored}, "worse"}});
  report(receiver, 4, 0.3);
  turn(Signal(CheckpointSaved{since}));
  turn(Signal(CheckpointVoid{given, "damaged"}));
  exit(receiver, ExitKind::kLost);
  EXPECT_EQ(*state.trial(receiver).latest_checkpoint(), since);
  EXPECT_EQ(state.trial(receiver).config, explored);
  // Now nothing is left of the takeover.
  turn(Signal(CheckpointVoid{since, "damaged"}));
  EXPECT_EQ(*state.trial(receiver).latest_checkpoint(), old);
  EXPECT_EQ(state.trial(receiver).config, before);
}

TEST_F(StateTest, ARequestIsAnsweredByTheNextTrialThatIsNoCopyWhateverItCarries) {
  open();
  AddTrial add;
  add.config.set("lr", 0.5);
  turn(UserCommand(add));
  turn(UserCommand(add));
  Fill copy;
  copy.created.push_back({.id = TrialId{0}, .config = add.config});
  copy.created.back().origin = TrialId{0};
  state.apply(copy, state.now());
  EXPECT_EQ(state.requested().size(), 2U);
  create(Config{});
  EXPECT_EQ(state.requested().size(), 1U);
  create(add.config);
  EXPECT_TRUE(state.requested().empty());
}

TEST_F(StateTest, RaisingTheLimitEndsExhaustionAndNeverLowersIt) {
  open();
  Fill fill;
  fill.exhausted = true;
  fill.finished = Finished{.reason = "done"};
  state.apply(fill, state.now());
  EXPECT_TRUE(state.exhausted());
  EXPECT_EQ(state.finished()->reason, "done");
  turn(UserCommand(RaiseTrials{5}));
  EXPECT_EQ(state.trial_limit(), 10);
  EXPECT_FALSE(state.exhausted());
  turn(UserCommand(RaiseTrials{20}));
  EXPECT_EQ(state.trial_limit(), 20);
  open();
  EXPECT_FALSE(state.finished()) << "a new run goes on";
}

TEST_F(StateTest, AStudyFileThatChangesTheLimitOverrulesAnEarlierRaise) {
  open();
  turn(UserCommand(RaiseTrials{20}));
  open();
  EXPECT_EQ(state.trial_limit(), 20) << "the same file again";
  turn(Opened{.utc_us = 7, .seed = 3, .trials = 12});
  EXPECT_EQ(state.trial_limit(), 12);
}

TEST(Objective, NaNIsWorseThanEveryNumber) {
  for (const Mode mode : {Mode::kMin, Mode::kMax}) {
    const Objective objective{"m", mode};
    EXPECT_TRUE(objective.better(1, kNaN));
    EXPECT_FALSE(objective.better(kNaN, 1));
    EXPECT_FALSE(objective.better(kNaN, kNaN));
    EXPECT_EQ(objective.better(1, 2), mode == Mode::kMin);
  }
}

}  // namespace
}  // namespace clavier
