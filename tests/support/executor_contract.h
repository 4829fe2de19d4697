#pragma once

// What every executor promises, as a test suite. To run it on an executor:
//
//   #include "tests/support/executor_contract.h"
//   INSTANTIATE_TEST_SUITE_P(Local, ExecutorContract, ::testing::Values(ExecutorKind{
//       .name = "local",
//       .make = [](const WorldOptions& options) { return std::make_unique<LocalWorld>(options);
//       }}));
//
// where LocalWorld derives from ExecutorWorld (both in clavier::exec) and owns a Waker, a
// temporary study folder (ScratchDirectory) and the executor, which plays trials as
// `scripted_trial` and `scripted_launch` (tests/support/scripted_trial.h) do: a thread calls them,
// a worker process is a test program whose main is `worker_main(scripted_launch, …)`, a simulator
// reads `script_of(config)` and reports loss = 1 / step. The objective metric is "loss". What an
// executor cannot do by its nature is said in ExecutorKind and skipped. Include this in one source
// file per test program.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/waker.h"
#include "exec/executor.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/scripted_trial.h"
#include "worker/protocol.h"

namespace clavier::exec {

struct WorldOptions {
  int slots = 1;
  worker::CheckpointRules checkpoints = {.every = 0, .at_end = false};
};

/// An executor with what it needs.
class ExecutorWorld {
 public:
  virtual ~ExecutorWorld() = default;
  virtual Executor& executor() = 0;
  virtual const Waker& waker() = 0;
  /// The study's folder; empty if checkpoints are no files.
  virtual std::filesystem::path study() = 0;
};

struct ExecutorKind {
  std::string name;
  std::function<std::unique_ptr<ExecutorWorld>(const WorldOptions&)> make;
  bool fails = true;        ///< Trials can fail.
  bool silent = true;       ///< Trials can run without reporting.
  bool exploits = true;     ///< Trials can take over a checkpoint.
  std::size_t members = 1;  ///< Trials that one launch may have.
};

inline std::ostream& operator<<(std::ostream& out, const ExecutorKind& kind) {
  return out << kind.name;
}

class ExecutorContract : public ::testing::TestWithParam<ExecutorKind> {
 protected:
  using Seen = std::vector<Signal>;
  using Done = std::function<bool(const Seen&)>;

  void SetUp() override { build({}); }
  void build(const WorldOptions& options) {
    world_ = GetParam().make(options);
    nodes_ = world_->executor().wait(kNever);
  }
  Executor& executor() { return world_->executor(); }

  /// A directory per trial, a launch per call.
  LaunchId start(TrialId trial, const ScriptedTrial& script, Steps until = kForever,
                 SlotId slot = {0}, std::optional<Checkpoint> from = {}) {
    return start({{trial, from ? 2 : 1, from, until}}, {script}, slot);
  }
  /// Those trials as one launch.
  LaunchId start(std::vector<Member> members, const std::vector<ScriptedTrial>& scripts,
                 SlotId slot = {0}) {
    Order order;
    order.launch.id = LaunchId{next_launch_++};
    order.launch.members = std::move(members);
    order.launch.shares = {{slot, 1.0}};
    for (std::size_t i = 0; i < scripts.size(); ++i)
      order.members.push_back(
          {.config = config_of(scripts[i]),
           .directory = "trial_" + std::to_string(order.launch.members[i].trial.value)});
    order.slots = {{.id = slot, .node = NodeId{0}}};
    executor().start(order);
    return order.launch.id;
  }
  template <typename Content>
  void tell(TrialId trial, LaunchId launch, Content content) {
    executor().send({launch, trial, std::move(content)});
  }

  /// Everything from now on until `done`. The limit (virtual where time is) is far beyond any
  /// machine's delays.
  Seen collect(const Done& done) {
    Seen seen;
    const StudyTime limit = executor().now() + std::chrono::seconds(20);
    while (!done(seen)) {
      auto more = executor().wait(limit);
      EXPECT_LE(more.size(), Executor::kMaxSignals);
      std::move(more.begin(), more.end(), std::back_inserter(seen));
      if (!seen.empty() && std::holds_alternative<Deadline>(seen.back())) {
        ADD_FAILURE() << "nothing more happened after " << seen.size() - 1 << " signals";
        break;
      }
    }
    return seen;
  }
  Seen until_ended(std::size_t launches = 1) {
    return collect([=](const Seen& seen) { return all<LaunchEnded>(seen).size() == launches; });
  }
  Seen until_step(Steps step) {
    return collect([=](const Seen& seen) {
      const auto steps = steps_of(seen);
      return std::find(steps.begin(), steps.end(), step) != steps.end();
    });
  }
  /// What happens within a short while, not counting the deadline itself.
  Seen shortly() {
    Seen seen;
    const StudyTime limit = executor().now() + std::chrono::milliseconds(30);
    while (true) {
      auto more = executor().wait(limit);
      std::move(more.begin(), more.end(), std::back_inserter(seen));
      if (seen.empty() || !std::holds_alternative<Deadline>(seen.back())) continue;
      seen.pop_back();
      return seen;
    }
  }

  template <typename Kind>
  static std::vector<Kind> all(const Seen& seen) {
    std::vector<Kind> found;
    for (const Signal& signal : seen)
      if (const auto* one = std::get_if<Kind>(&signal)) found.push_back(*one);
    return found;
  }
  static std::vector<Report> reports(const Seen& seen) {
    std::vector<Report> found;
    for (const auto& reported : all<Reported>(seen))
      found.insert(found.end(), reported.reports.begin(), reported.reports.end());
    return found;
  }
  static std::vector<Steps> steps_of(const Seen& seen) {
    std::vector<Steps> steps;
    for (const Report& report : reports(seen)) steps.push_back(report.step);
    return steps;
  }
  static std::vector<Steps> steps_of(const Seen& seen, TrialId trial) {
    std::vector<Steps> steps;
    for (const Report& report : reports(seen))
      if (report.trial == trial) steps.push_back(report.step);
    return steps;
  }
  static std::map<TrialId, ExitKind> exits(const Seen& seen) {
    std::map<TrialId, ExitKind> kinds;
    for (const Exited& exit : all<Exited>(seen))
      EXPECT_TRUE(kinds.emplace(exit.trial, exit.kind).second) << "exactly one";
    return kinds;
  }
  Seen until_reports(std::size_t count) {
    return collect([=](const Seen& seen) { return reports(seen).size() == count; });
  }
  /// The one exit, which its launch's end must follow at once among signals of that launch.
  static Exited exit_of(const Seen& seen) {
    const auto exits = all<Exited>(seen);
    EXPECT_EQ(exits.size(), 1u);
    EXPECT_EQ(all<LaunchEnded>(seen).size(), 1u);
    if (exits.empty()) return {};
    EXPECT_TRUE(!seen.empty() && std::holds_alternative<LaunchEnded>(seen.back()));
    EXPECT_EQ(all<LaunchEnded>(seen).front().launch, exits.front().launch);
    return exits.front();
  }
  /// Runs to step 2 and pauses there; the checkpoint that came of it.
  Checkpoint pause_at_two(TrialId trial, const ScriptedTrial& script) {
    const auto launch = start(trial, script, 2);
    until_step(2);
    tell(trial, launch, PauseNow{});
    const auto saved = all<CheckpointSaved>(until_ended());
    EXPECT_EQ(saved.size(), 1u);
    return saved.empty() ? Checkpoint{} : saved.front().checkpoint;
  }

  std::unique_ptr<ExecutorWorld> world_;
  Seen nodes_;

 private:
  std::int64_t next_launch_ = 0;
};

inline constexpr TrialId kTrial{7};

TEST_P(ExecutorContract, TheFirstWaitTellsTheNodesWithTheirSlots) {
  build({.slots = 2});
  ASSERT_EQ(all<NodeJoined>(nodes_).size(), nodes_.size());
  std::size_t slots = 0;
  for (const auto& joined : all<NodeJoined>(nodes_)) slots += joined.node.slots.size();
  EXPECT_EQ(slots, 2u);
}

TEST_P(ExecutorContract, ATrialReportsInOrderThenExitsThenItsLaunchEnds) {
  const auto launch = start(kTrial, {.steps = 3});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{1, 2, 3}));
  for (const Report& report : reports(seen)) {
    EXPECT_EQ(report.trial, kTrial);
    EXPECT_EQ(report.launch, launch);
    EXPECT_EQ(report.value, 1.0 / static_cast<double>(report.step));
    EXPECT_EQ(report.metrics, (std::vector<Metric>{{"loss", *report.value}}));
    EXPECT_GE(report.seconds, 0.0);
  }
  const Exited exit = exit_of(seen);
  EXPECT_EQ(exit.trial, kTrial);
  EXPECT_EQ(exit.launch, launch);
  EXPECT_EQ(exit.kind, ExitKind::kCompleted);
  EXPECT_EQ(exit.error, "");
}

TEST_P(ExecutorContract, ATrialWithoutStepsExitsToo) {
  start(kTrial, {.steps = 0});
  const auto seen = until_ended();
  EXPECT_TRUE(reports(seen).empty());
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, ATrialWaitsAtUntilAndGoesOnWhenContinued) {
  const auto launch = start(kTrial, {.steps = 4}, 2);
  EXPECT_EQ(steps_of(until_step(2)), (std::vector<Steps>{1, 2}));
  EXPECT_TRUE(shortly().empty());
  tell(kTrial, launch, ContinueTo{3});
  EXPECT_EQ(steps_of(until_step(3)), (std::vector<Steps>{3}));
  EXPECT_TRUE(shortly().empty());
  tell(kTrial, launch, ContinueTo{});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{4}));
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, AContinueThatComesEarlyIsObeyed) {
  const auto launch = start(kTrial, {.steps = 2}, 1);
  tell(kTrial, launch, ContinueTo{});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{1, 2}));
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, AWaitingTrialStopsWhenTold) {
  const auto launch = start(kTrial, {.steps = 5}, 1);
  until_step(1);
  tell(kTrial, launch, StopNow{});
  const auto seen = until_ended();
  EXPECT_TRUE(reports(seen).empty());
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kStopped);
}

TEST_P(ExecutorContract, ATrialThatNeverReportsStopsWhenTold) {
  if (!GetParam().silent) GTEST_SKIP();
  const auto launch = start(kTrial, {.silent = true});
  EXPECT_TRUE(shortly().empty());
  tell(kTrial, launch, StopNow{});
  EXPECT_EQ(exit_of(until_ended()).kind, ExitKind::kStopped);
}

TEST_P(ExecutorContract, PauseYieldsACheckpointThenThePausedExit) {
  const auto launch = start(kTrial, {.steps = 5}, 2);
  until_step(2);
  tell(kTrial, launch, PauseNow{});
  const auto seen = until_ended();
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kPaused);
  ASSERT_EQ(seen.size(), 3u);
  const auto saved = all<CheckpointSaved>(seen);
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(saved[0].checkpoint.trial, kTrial);
  EXPECT_EQ(saved[0].checkpoint.launch, launch);
  EXPECT_EQ(saved[0].checkpoint.step, 2);
  if (world_->study().empty()) return;
  EXPECT_EQ(saved[0].checkpoint.path, "trial_7/" + worker::checkpoint_name(2, launch));
  EXPECT_TRUE(std::filesystem::exists(world_->study() / saved[0].checkpoint.path / "step"));
}

TEST_P(ExecutorContract, ATrialResumesFromItsCheckpointAtTheNextStep) {
  const ScriptedTrial script{.steps = 4};
  const Checkpoint checkpoint = pause_at_two(kTrial, script);
  start(kTrial, script, kForever, {0}, checkpoint);
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{3, 4}));
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, CheckpointsComeWithTheReportsThatTheRulesName) {
  build({.checkpoints = {.every = 2, .at_end = false}});
  start(kTrial, {.steps = 5});
  const auto seen = until_ended();
  std::vector<Steps> with;
  for (const Report& report : reports(seen))
    if (report.checkpoint) {
      with.push_back(report.checkpoint->step);
      EXPECT_EQ(report.checkpoint->step, report.step);
      EXPECT_EQ(report.checkpoint->trial, kTrial);
      if (!world_->study().empty()) {
        EXPECT_TRUE(std::filesystem::exists(world_->study() / report.checkpoint->path));
      }
    }
  EXPECT_EQ(with, (std::vector<Steps>{2, 4}));
  EXPECT_TRUE(all<CheckpointSaved>(seen).empty());
}

TEST_P(ExecutorContract, ADiscardedCheckpointIsGone) {
  const Checkpoint checkpoint = pause_at_two(kTrial, {.steps = 4});
  executor().discard(checkpoint.path);
  if (world_->study().empty()) return;
  EXPECT_FALSE(std::filesystem::exists(world_->study() / checkpoint.path));
  EXPECT_TRUE(std::filesystem::exists(world_->study() / "trial_7"));
}

TEST_P(ExecutorContract, DiscardTouchesNothingOutsideTheStudy) {
  if (world_->study().empty()) GTEST_SKIP();
  const ScratchDirectory other;
  const auto path = std::filesystem::relative(other.path(), world_->study());
  executor().discard(path.string());
  executor().discard(other.path().string());
  executor().discard("");
  executor().discard("trial_1/../..");
  EXPECT_TRUE(std::filesystem::exists(other.path()));
  EXPECT_TRUE(std::filesystem::exists(world_->study()));
}

TEST_P(ExecutorContract, AFailureCarriesItsError) {
  if (!GetParam().fails) GTEST_SKIP();
  start(kTrial, {.steps = 5, .fails_at = 2});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{1}));
  const Exited exit = exit_of(seen);
  EXPECT_EQ(exit.kind, ExitKind::kFailed);
  EXPECT_NE(exit.error.find("broken at step 2"), std::string::npos) << exit.error;
  EXPECT_EQ(exit.error.find('\n'), std::string::npos);
}

TEST_P(ExecutorContract, ASlotRunsOnAfterAFailure) {
  if (!GetParam().fails) GTEST_SKIP();
  start(kTrial, {.steps = 5, .fails_at = 1});
  EXPECT_EQ(exit_of(until_ended()).kind, ExitKind::kFailed);
  start(TrialId{8}, {.steps = 2});
  const auto seen = until_ended();
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{1, 2}));
}

TEST_P(ExecutorContract, AnUnknownSlotIsRefused) {
  const auto launch = start(kTrial, {.steps = 1}, kForever, SlotId{99'999});
  const Exited exit = exit_of(until_ended());
  EXPECT_EQ(exit.kind, ExitKind::kRefused);
  EXPECT_EQ(exit.trial, kTrial);
  EXPECT_EQ(exit.launch, launch);
  EXPECT_NE(exit.error, "");
}

TEST_P(ExecutorContract, ATakenSlotIsRefused) {
  const auto first = start(kTrial, {.steps = 5}, 1);
  until_step(1);
  start(TrialId{8}, {.steps = 1});
  EXPECT_EQ(exit_of(until_ended()).kind, ExitKind::kRefused);
  tell(kTrial, first, StopNow{});
  EXPECT_EQ(exit_of(until_ended()).kind, ExitKind::kStopped);
}

TEST_P(ExecutorContract, MessagesToATrialThatHasLeftAreDropped) {
  const auto launch = start(kTrial, {.steps = 1});
  until_ended();
  tell(kTrial, launch, ContinueTo{5});
  tell(kTrial, launch, PauseNow{});
  tell(kTrial, launch, StopNow{});
  tell(TrialId{12'345}, LaunchId{12'345}, StopNow{});
  EXPECT_TRUE(shortly().empty());
  start(TrialId{8}, {.steps = 2});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{1, 2}));
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, ManyLaunchesRunOneAfterAnotherOnOneSlot) {
  for (int i = 0; i < 30; ++i) {
    const TrialId trial{i};
    const auto launch = start(trial, {.steps = 9}, 1);
    until_step(1);
    tell(trial, launch, StopNow{});
    const Exited exit = exit_of(until_ended());
    EXPECT_EQ(exit.trial, trial);
    EXPECT_EQ(exit.launch, launch);
    EXPECT_EQ(exit.kind, ExitKind::kStopped);
  }
}

TEST_P(ExecutorContract, SlotsRunAtTheSameTime) {
  build({.slots = 2});
  const auto first = start(TrialId{0}, {.steps = 2}, 1, SlotId{0});
  const auto second = start(TrialId{1}, {.steps = 2}, 1, SlotId{1});
  collect([](const Seen& seen) { return reports(seen).size() == 2; });
  tell(TrialId{1}, second, ContinueTo{});
  const auto seen = until_ended();
  EXPECT_EQ(exit_of(seen).trial, TrialId{1});
  tell(TrialId{0}, first, StopNow{});
  EXPECT_EQ(exit_of(until_ended()).trial, TrialId{0});
}

TEST_P(ExecutorContract, ManyReportsAllArriveInOrder) {
  start(kTrial, {.steps = 500});
  const auto steps = steps_of(until_ended());
  ASSERT_EQ(steps.size(), 500u);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
}

TEST_P(ExecutorContract, ATrialTakesOverAnotherOnesCheckpointAndConfiguration) {
  if (!GetParam().exploits) GTEST_SKIP();
  const Checkpoint donor = pause_at_two(TrialId{1}, {.steps = 9});
  const auto launch = start(kTrial, {.steps = 9}, 4);
  until_step(4);
  tell(kTrial, launch, ExploitFrom{donor, config_of({.steps = 5}), 4});
  EXPECT_EQ(steps_of(until_step(4)), (std::vector<Steps>{3, 4}));
  EXPECT_TRUE(shortly().empty());
  tell(kTrial, launch, ContinueTo{});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen), (std::vector<Steps>{5}));
  EXPECT_EQ(exit_of(seen).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, MembersOfALaunchReportInTheirOwnNamesAndItEndsAfterTheLastOfThem) {
  if (GetParam().members < 3) GTEST_SKIP();
  const TrialId a{1}, b{2}, c{3};
  const auto launch = start({{a}, {b}, {c}}, {{.steps = 3}, {.steps = 1}, {.steps = 2}});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen, a), (std::vector<Steps>{1, 2, 3}));
  EXPECT_EQ(steps_of(seen, b), (std::vector<Steps>{1}));
  EXPECT_EQ(steps_of(seen, c), (std::vector<Steps>{1, 2}));
  for (const Report& report : reports(seen)) EXPECT_EQ(report.launch, launch);
  EXPECT_EQ(exits(seen),
            (std::map<TrialId, ExitKind>{
                {a, ExitKind::kCompleted}, {b, ExitKind::kCompleted}, {c, ExitKind::kCompleted}}));
  EXPECT_TRUE(std::holds_alternative<LaunchEnded>(seen.back()));
}

TEST_P(ExecutorContract, MembersWaitForTheDecisionOnEachAndAreToldOneByOne) {
  if (GetParam().members < 3) GTEST_SKIP();
  const TrialId a{1}, b{2}, c{3};
  const Member at_one{.trial = a, .until = 1};
  std::vector<Member> members{at_one, at_one, at_one};
  members[1].trial = b;
  members[2].trial = c;
  const auto launch = start(members, {{.steps = 2}, {.steps = 9}, {.steps = 9}});
  EXPECT_EQ(all<Reported>(until_reports(3)).size(), 1u) << "what belongs together comes together";
  EXPECT_TRUE(shortly().empty());
  tell(c, launch, StopNow{});
  tell(b, launch, PauseNow{});
  tell(a, launch, ContinueTo{});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen, a), (std::vector<Steps>{2}));
  EXPECT_EQ(reports(seen).size(), 1u);
  EXPECT_EQ(exits(seen),
            (std::map<TrialId, ExitKind>{
                {a, ExitKind::kCompleted}, {b, ExitKind::kPaused}, {c, ExitKind::kStopped}}));
  const auto saved = all<CheckpointSaved>(seen);
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(saved[0].checkpoint.trial, b);
  EXPECT_EQ(saved[0].checkpoint.step, 1);
  if (!world_->study().empty()) {
    EXPECT_TRUE(std::filesystem::exists(world_->study() / saved[0].checkpoint.path / "step"));
  }
}

TEST_P(ExecutorContract, AMemberThatWasPausedGoesOnAloneAndOneThatWasAloneAmongOthers) {
  if (GetParam().members < 2) GTEST_SKIP();
  const TrialId a{1}, b{2};
  const Checkpoint alone = pause_at_two(b, {.steps = 5});
  const auto launch =
      start({{.trial = a, .until = 2}, {b, 2, alone}}, {{.steps = 3}, {.steps = 5}});
  collect([&](const Seen& seen) {
    return !steps_of(seen, a).empty() && steps_of(seen, a).back() == 2;
  });
  tell(a, launch, PauseNow{});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen, b).back(), 5) << "its steps count from its own checkpoint";
  const auto saved = all<CheckpointSaved>(seen);
  ASSERT_EQ(saved.size(), 1u);
  start(a, {.steps = 3}, kForever, {0}, saved[0].checkpoint);
  EXPECT_EQ(steps_of(until_ended()), (std::vector<Steps>{3}));
}

TEST_P(ExecutorContract, AMemberThatFailsFailsAlone) {
  if (GetParam().members < 2 || !GetParam().fails) GTEST_SKIP();
  const TrialId a{1}, b{2};
  start({{a}, {b}}, {{.steps = 5, .fails_at = 2}, {.steps = 4}});
  const auto seen = until_ended();
  EXPECT_EQ(steps_of(seen, a), (std::vector<Steps>{1}));
  EXPECT_EQ(steps_of(seen, b), (std::vector<Steps>{1, 2, 3, 4}));
  EXPECT_EQ(exits(seen),
            (std::map<TrialId, ExitKind>{{a, ExitKind::kFailed}, {b, ExitKind::kCompleted}}));
}

TEST_P(ExecutorContract, ALaunchOfMoreMembersThanItTakesIsRefusedForEachAndTheSlotIsFree) {
  std::vector<Member> members;
  std::vector<ScriptedTrial> scripts;
  for (std::size_t i = 0; i <= GetParam().members; ++i) {
    members.push_back({.trial = TrialId{static_cast<std::int64_t>(i)}});
    scripts.push_back({.steps = 1});
  }
  start(members, scripts);
  const auto seen = until_ended();
  const auto kinds = exits(seen);
  EXPECT_EQ(kinds.size(), members.size());
  for (const Exited& exit : all<Exited>(seen)) {
    EXPECT_EQ(exit.kind, ExitKind::kRefused);
    EXPECT_NE(exit.error, "");
  }
  start(kTrial, {.steps = 1});
  EXPECT_EQ(exit_of(until_ended()).kind, ExitKind::kCompleted);
}

TEST_P(ExecutorContract, ADeadlineIsASignalAndNeverEarly) {
  const StudyTime at = executor().now() + std::chrono::milliseconds(3);
  const auto seen = executor().wait(at);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Deadline>(seen[0]));
  EXPECT_GE(executor().now(), at);
  const auto again = executor().wait(at);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Deadline>(again[0]));
}

TEST_P(ExecutorContract, TheWakerEndsAWaitWithoutSignals) {
  world_->waker().wake();
  EXPECT_TRUE(executor().wait(kNever).empty());
}

TEST_P(ExecutorContract, ItEndsWithTrialsStillRunning) {
  build({.slots = 2});
  start(TrialId{0}, {.steps = 2}, 1, SlotId{0});
  if (GetParam().silent) start(TrialId{1}, {.silent = true}, kForever, SlotId{1});
  until_step(1);
  world_.reset();
}

}  // namespace clavier::exec
