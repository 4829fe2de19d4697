#include "exec/conversation/conversation.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "exec/start_line.h"
#include "tests/support/scratch_directory.h"

namespace clavier::exec {
namespace {

constexpr TrialId kTrial{7};
constexpr LaunchId kLaunch{12};

/// A worker that is nothing but what the test says in its name.
class ConversationTest : public testing::Test, public WorkerBackend {
 protected:
  ConversationTest() {
    options_.study = folder_.path();
    options_.metric = "loss";
    options_.log_limit_bytes = 1 << 20;
    options_.obey_stop = std::chrono::seconds(30);
    options_.obey_pause = std::chrono::seconds(600);
    options_.leave = std::chrono::seconds(10);
    options_.grace = std::chrono::seconds(5);
  }

  bool write(std::string_view line) override {
    if (deaf_) return false;
    told_.push_back(std::move(worker::decode_to_worker(line.substr(0, line.size() - 1)))->value());
    return true;
  }
  void terminate() override { ++terminated_; }
  void kill() override { ++killed_; }
  void catch_up() override {
    if (!printed_.empty()) talk_.hear_error(std::exchange(printed_, ""));
  }
  Status keep(const std::string& path) override {
    return directories_.contains(path) ? ok_status() : not_found("no such directory");
  }
  Status check(const std::string& path) override {
    return damaged_.contains(path) ? invalid(path + " is damaged") : ok_status();
  }
  void out_of_room(const std::string& why) override { full_ = why; }
  void all_exited(bool may_stay) override {
    stays_ = may_stay;
    if (may_stay)
      talk_.end_launch();
    else
      talk_.dismiss(now_);
  }

  void begin(LaunchId launch = kLaunch, double speed = 0, std::int64_t members = 1) {
    Order order;
    order.launch = {.id = launch, .members = {}, .shares = {{.slot = SlotId{0}}}};
    order.slots = {{.id = SlotId{0}, .node = NodeId{0}, .speed = speed, .emulated = speed > 0}};
    for (std::int64_t i = 0; i < members; ++i) {
      const TrialId trial{kTrial.value + i};
      order.launch.members.push_back({.trial = trial});
      order.members.push_back({.directory = "trial_" + std::to_string(trial.value)});
    }
    std::vector<worker::StartLine> starts;
    for (std::size_t i = 0; i < order.members.size(); ++i)
      starts.push_back(start_line(order, i, options_.study, {}));
    talk_.begin(std::move(order), starts, now_);
  }
  void begin_array() {
    begin(kLaunch, 0, 3);
    hello(R"(,"several":true,"takes":{"members":8})");
  }
  void says(const std::string& line) { talk_.hear_wire(line + "\n", now_); }
  void hello(const std::string& more = "") { says(R"({"type":"hello","version":1)" + more + "}"); }
  void wants(decltype(Message::content) content) {
    talk_.send({kLaunch, kTrial, std::move(content)}, now_);
  }
  void dies(ProcessEnd end, bool unread = false) {
    talk_.hear_no_more(now_);
    talk_.end(GuardReport{.end = end}, unread, now_);
  }
  /// The one signal that came since, which is of this kind.
  template <typename Kind>
  Kind only() {
    EXPECT_EQ(heard_.signals.size(), 1u);
    auto signals = std::exchange(heard_.signals, {});
    const auto* kind = signals.empty() ? nullptr : std::get_if<Kind>(&signals.front());
    EXPECT_TRUE(kind);
    return kind ? *kind : Kind{};
  }
  template <typename Kind>
  std::vector<Kind> take_all() {
    std::vector<Kind> found;
    for (const Signal& signal : std::exchange(heard_.signals, {}))
      if (const auto* kind = std::get_if<Kind>(&signal)) found.push_back(*kind);
    return found;
  }
  /// The exit, which the launch's end follows if it has ended.
  Exited exited() {
    if (heard_.signals.size() == 2) {
      EXPECT_TRUE(std::holds_alternative<LaunchEnded>(heard_.signals.back()));
      heard_.signals.pop_back();
    }
    return only<Exited>();
  }
  void passes(std::int64_t seconds) { now_ += std::chrono::seconds(seconds); }

  ScratchDirectory folder_;
  ConversationOptions options_;
  StudyTime now_{};
  Heard heard_;
  LogFile log_{folder_.path(), "workers.log", 1 << 20};
  std::vector<worker::ToWorker> told_;
  std::set<std::string> directories_, damaged_;
  std::string printed_, full_;
  std::optional<bool> stays_;
  bool deaf_ = false;
  int terminated_ = 0, killed_ = 0;
  Conversation talk_{options_, *this, heard_, log_};
};

TEST_F(ConversationTest, BeginsByTellingTheWorkerToStart) {
  begin();
  ASSERT_EQ(told_.size(), 1u);
  const auto& start = std::get<worker::StartLine>(told_.front());
  EXPECT_EQ(start.trial, kTrial);
  EXPECT_EQ(start.launch, kLaunch);
  EXPECT_TRUE(talk_.live());
}

TEST_F(ConversationTest, AReportBecomesASignalWithTheObjectiveAsItsValue) {
  begin();
  passes(3);
  says(R"({"type":"report","metrics":{"accuracy":0.9,"loss":0.5}})");
  const Report report = only<Reported>().reports.front();
  EXPECT_EQ(report.trial, kTrial);
  EXPECT_EQ(report.launch, kLaunch);
  EXPECT_EQ(report.step, 1);
  EXPECT_EQ(report.value, 0.5);
  EXPECT_EQ(report.seconds, 3.0);
}

TEST_F(ConversationTest, LinesMayComeInPieces) {
  begin();
  talk_.hear_wire(R"({"type":"report","step":4,)", now_);
  EXPECT_TRUE(heard_.signals.empty());
  talk_.hear_wire("\"metrics\":{}}\n", now_);
  EXPECT_EQ(only<Reported>().reports.front().step, 4);
}

TEST_F(ConversationTest, PlainLinesOfItsOutputAreReportsUntilItSpeaksTheProtocol) {
  begin();
  talk_.hear_output("epoch 1\n{\"loss\": 0.25}\n", now_);
  EXPECT_EQ(only<Reported>().reports.front().value, 0.25);
  hello();
  talk_.hear_output("{\"loss\": 0.125}\n", now_);
  EXPECT_TRUE(heard_.signals.empty());
}

TEST_F(ConversationTest, WhatConcernsAnotherTrialOrLaunchIsIgnored) {
  begin();
  says(R"({"type":"report","trial":8,"metrics":{}})");
  says(R"({"type":"report","launch":11,"metrics":{}})");
  says(R"({"type":"exited","trial":8,"kind":"completed"})");
  says("garbage");
  EXPECT_TRUE(heard_.signals.empty());
  EXPECT_EQ(heard_.ignored, 4);
}

TEST_F(ConversationTest, TrialsAreNumberedForWorkersAsTheStudyWants) {
  options_.first_trial = 1;
  begin();
  says(R"({"type":"report","trial":8,"metrics":{}})");
  EXPECT_EQ(only<Reported>().reports.front().trial, kTrial);
}

TEST_F(ConversationTest, ATrialThatHasExitedIsNotToldAnythingMore) {
  begin();
  hello(R"(,"several":true)");
  says(R"({"type":"exited","kind":"completed"})");
  EXPECT_EQ(exited().kind, ExitKind::kCompleted);
  EXPECT_EQ(stays_, true);
  EXPECT_EQ(talk_.order(), nullptr);
  told_.clear();
  wants(StopNow{});
  wants(ContinueTo{9});
  EXPECT_TRUE(told_.empty());
}

TEST_F(ConversationTest, AWorkerOfOneTrialLeavesAfterItsExit) {
  begin();
  hello();
  says(R"({"type":"exited","kind":"completed"})");
  only<Exited>();
  EXPECT_EQ(stays_, false);
  passes(10);
  EXPECT_EQ(talk_.deadline(), now_);
  talk_.look(now_);
  EXPECT_EQ(terminated_, 1);
  dies({.exit_code = 1});
  EXPECT_EQ(only<LaunchEnded>().launch, kLaunch);
}

TEST_F(ConversationTest, OneThatLeavesOfItselfGetsNoFurtherTrial) {
  begin();
  hello(R"(,"several":true)");
  says(R"({"type":"exited","kind":"completed","leaving":true})");
  EXPECT_EQ(stays_, false);
}

TEST_F(ConversationTest, WhatWasPrintedBeforeTheExitIsPartOfItsError) {
  begin();
  hello();
  printed_ = "CUDA error: out of memory\n";
  says(R"({"type":"exited","kind":"failed","error":"layer 3"})");
  EXPECT_EQ(only<Exited>().error, "out of memory: layer 3");
}

TEST_F(ConversationTest, ABareScriptIsEndedWhateverIsWanted) {
  begin();
  wants(PauseNow{});
  EXPECT_EQ(terminated_, 1);
  EXPECT_EQ(told_.size(), 1u);
  dies({.signal = 15});
  EXPECT_EQ(exited().kind, ExitKind::kPaused);
}

TEST_F(ConversationTest, AWishThatIsNotObeyedInTimeEndsTheWorkerThenTheGuard) {
  begin();
  hello();
  wants(StopNow{});
  EXPECT_TRUE(std::holds_alternative<worker::StopLine>(told_.back()));
  EXPECT_EQ(talk_.deadline(), now_ + options_.obey_stop);
  talk_.look(now_);
  EXPECT_EQ(terminated_, 0);
  passes(30);
  talk_.look(now_);
  EXPECT_EQ(terminated_, 1);
  passes(34);
  talk_.look(now_);
  EXPECT_EQ(killed_, 0);
  passes(1);
  talk_.look(now_);
  EXPECT_EQ(killed_, 1);
  dies({.signal = 9});
  EXPECT_EQ(exited().kind, ExitKind::kStopped);
}

TEST_F(ConversationTest, AStopReplacesAPauseButNotTheOtherWayRound) {
  begin();
  hello();
  wants(PauseNow{});
  wants(StopNow{});
  wants(PauseNow{});
  ASSERT_EQ(told_.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<worker::PauseLine>(told_[1]));
  EXPECT_TRUE(std::holds_alternative<worker::StopLine>(told_[2]));
}

TEST_F(ConversationTest, ReportsAfterAWishAreTakenUpToALimit) {
  begin();
  hello();
  wants(StopNow{});
  for (int i = 0; i < kMaxLateReports + 5; ++i) says(R"({"type":"report","metrics":{}})");
  EXPECT_EQ(heard_.signals.size(), std::size_t{kMaxLateReports});
  EXPECT_EQ(heard_.ignored, 5);
}

TEST_F(ConversationTest, TheTimeLimitMakesItAFailure) {
  options_.time_limit = std::chrono::seconds(60);
  begin();
  hello();
  EXPECT_EQ(talk_.deadline(), now_ + std::chrono::seconds(60));
  passes(60);
  talk_.look(now_);
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  const Exited exit = exited();
  EXPECT_EQ(exit.kind, ExitKind::kFailed);
  EXPECT_EQ(exit.error, "the time limit of 60 s for one attempt was reached");
}

TEST_F(ConversationTest, AWorkerThatDoesNotReadHasFailed) {
  begin();
  hello();
  deaf_ = true;
  wants(ContinueTo{9});
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  EXPECT_EQ(exited().error, "the worker does not read what it is told");
}

TEST_F(ConversationTest, ANewerProtocolIsRefused) {
  begin();
  says(R"({"type":"hello","version":2})");
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  const Exited exit = exited();
  EXPECT_EQ(exit.kind, ExitKind::kRefused);
  EXPECT_EQ(exit.error, "the worker speaks version 2 of the protocol, we speak 1");
}

TEST_F(ConversationTest, ARefusedWorkerIsRefusedWhateverItSaysAndEndedOnce) {
  begin();
  says(R"({"type":"hello","version":9})");
  says(R"({"type":"exited","kind":"completed"})");
  const Exited exit = exited();
  EXPECT_EQ(exit.kind, ExitKind::kRefused);
  EXPECT_EQ(terminated_, 1);
}

TEST_F(ConversationTest, AWorkerThatIsEndedDoesNotLiveLongerByTalking) {
  begin(kLaunch, 0.5);
  hello();
  const StudyTime due = talk_.deadline();
  passes(1);
  says(R"({"type":"report","metrics":{"loss":0.5}})");
  EXPECT_EQ(talk_.deadline(), due);
  EXPECT_EQ(terminated_, 1);
}

TEST_F(ConversationTest, OnAnEmulatedSlotAWorkerMustPaceItself) {
  begin(kLaunch, 0.5);
  hello();
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  const Exited exit = exited();
  EXPECT_EQ(exit.kind, ExitKind::kRefused);
  EXPECT_NE(exit.error.find("slot 0 emulates a speed of 0.5"), std::string::npos);
}

TEST_F(ConversationTest, EveryTrialOfALaunchIsStartedAndReportsUnderItsOwnName) {
  begin_array();
  ASSERT_EQ(told_.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& start = std::get<worker::StartLine>(told_[i]);
    EXPECT_EQ(start.trial, TrialId{kTrial.value + static_cast<std::int64_t>(i)});
    EXPECT_EQ(start.members, 3);
  }
  says(R"({"type":"report","trial":8,"step":2,"metrics":{}})");
  EXPECT_EQ(only<Reported>().reports.front().trial, TrialId{8});
  says(R"({"type":"report","trial":9,"metrics":{}})");
  EXPECT_EQ(only<Reported>().reports.front().step, 1) << "steps are counted for each";
}

TEST_F(ConversationTest, WhatIsReportedTogetherComesTogether) {
  begin_array();
  says(R"({"type":"report","trial":7,"metrics":{},"more":true})");
  says(R"({"type":"report","trial":9,"metrics":{},"more":true})");
  EXPECT_TRUE(heard_.signals.empty());
  says(R"({"type":"report","trial":8,"metrics":{}})");
  EXPECT_EQ(only<Reported>().reports.size(), 3u);
}

TEST_F(ConversationTest, WhoeverPromisesMoreAndReportsAgainOrExitsHasSaidAll) {
  begin_array();
  says(R"({"type":"report","trial":7,"metrics":{},"more":true})");
  says(R"({"type":"report","trial":7,"metrics":{},"more":true})");
  EXPECT_EQ(only<Reported>().reports.front().step, 1);
  says(R"({"type":"exited","trial":8,"kind":"completed"})");
  ASSERT_EQ(heard_.signals.size(), 2u);
  EXPECT_EQ(std::get<Reported>(heard_.signals[0]).reports.front().step, 2);
  EXPECT_TRUE(std::holds_alternative<Exited>(heard_.signals[1]));
}

TEST_F(ConversationTest, InALaunchOfSeveralWhatNamesNoTrialIsIgnored) {
  begin_array();
  says(R"({"type":"report","metrics":{}})");
  says(R"({"type":"exited","kind":"completed"})");
  EXPECT_TRUE(heard_.signals.empty());
  EXPECT_EQ(heard_.ignored, 2);
}

TEST_F(ConversationTest, TrialsOfALaunchAreToldByNameAndLeaveOneByOne) {
  begin_array();
  talk_.send({kLaunch, TrialId{8}, StopNow{}}, now_);
  EXPECT_EQ(std::get<worker::StopLine>(told_.back()).trial, TrialId{8});
  says(R"({"type":"exited","trial":8,"kind":"stopped"})");
  EXPECT_EQ(only<Exited>().trial, TrialId{8});
  EXPECT_FALSE(stays_);
  EXPECT_EQ(talk_.deadline(), kNever) << "nothing is wanted of the others";
  says(R"({"type":"report","trial":8,"metrics":{}})");
  EXPECT_EQ(heard_.ignored, 1);
  for (const char* trial : {"7", "9"})
    says(std::string(R"({"type":"exited","kind":"completed","trial":)") + trial + "}");
  EXPECT_EQ(stays_, true);
  ASSERT_EQ(heard_.signals.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<LaunchEnded>(heard_.signals.back()));
}

TEST_F(ConversationTest, OneThatDoesNotObeyCostsTheOthersNoFailure) {
  begin_array();
  talk_.send({kLaunch, TrialId{8}, StopNow{}}, now_);
  passes(30);
  talk_.look(now_);
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  const auto exits = take_all<Exited>();
  ASSERT_EQ(exits.size(), 3u);
  EXPECT_EQ(exits[0].kind, ExitKind::kLost);
  EXPECT_EQ(exits[1].kind, ExitKind::kStopped);
  EXPECT_EQ(exits[2].kind, ExitKind::kLost);
}

TEST_F(ConversationTest, ALaunchThatAWorkerDoesNotTakeIsRefusedWithTheReason) {
  begin(kLaunch, 0, 3);
  hello(R"(,"takes":{"members":2})");
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  const auto exits = take_all<Exited>();
  ASSERT_EQ(exits.size(), 3u);
  for (const Exited& exit : exits) {
    EXPECT_EQ(exit.kind, ExitKind::kRefused);
    EXPECT_EQ(exit.error,
              "a launch of 3 trials needs a worker that trains so many at once: the hello of this "
              "one takes 2 ('takes': 'members')");
  }
}

TEST_F(ConversationTest, ABareScriptTakesOneTrial) {
  begin(kLaunch, 0, 2);
  dies({.exit_code = 0});
  const auto exits = take_all<Exited>();
  ASSERT_EQ(exits.size(), 2u);
  EXPECT_EQ(exits[1].kind, ExitKind::kRefused);
}

TEST_F(ConversationTest, CheckpointsAreTakenOnceAndOnlyIfTheyAreThere) {
  directories_ = {"trial_7/a"};
  begin();
  says(R"({"type":"report","step":3,"metrics":{},"checkpoint":"a"})");
  EXPECT_EQ(only<Reported>().reports.front().checkpoint,
            (Checkpoint{kTrial, kLaunch, 3, "trial_7/a"}));
  says(R"({"type":"checkpoint","checkpoint":"a"})");
  says(R"({"type":"checkpoint","checkpoint":"b"})");
  EXPECT_TRUE(heard_.signals.empty());
  EXPECT_EQ(heard_.ignored, 2);
}

TEST_F(ConversationTest, ACheckpointThatFoundNoRoomIsNobodysFault) {
  begin();
  says(R"({"type":"checkpoint","error":"no space left"})");
  EXPECT_EQ(full_, "no space left");
  EXPECT_TRUE(heard_.signals.empty());
  EXPECT_EQ(heard_.ignored, 0);
}

TEST_F(ConversationTest, AnExploitNeedsAWorkerThatCan) {
  begin();
  hello();
  wants(ExploitFrom{{TrialId{1}, LaunchId{1}, 4, "trial_1/a"}, {}, 8});
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  EXPECT_EQ(exited().kind, ExitKind::kFailed);
}

TEST_F(ConversationTest, AfterAnExploitStepsCountFromTheDonors) {
  begin();
  hello(R"(,"exploit":true)");
  wants(ExploitFrom{{TrialId{1}, LaunchId{1}, 4, "trial_1/a"}, {}, 8});
  const auto& exploit = std::get<worker::ExploitLine>(told_.back());
  EXPECT_EQ(exploit.checkpoint, (options_.study / "trial_1/a").string());
  says(R"({"type":"report","metrics":{}})");
  EXPECT_EQ(only<Reported>().reports.front().step, 5);
}

TEST_F(ConversationTest, ADamagedDonorLosesTheTrialHoweverItsWorkerTakesIt) {
  damaged_ = {"trial_1/a"};
  begin();
  hello(R"(,"exploit":true)");
  wants(ExploitFrom{{TrialId{1}, LaunchId{1}, 4, "trial_1/a"}, {}, 8});
  EXPECT_EQ(only<CheckpointVoid>().reason, "trial_1/a is damaged");
  passes(30);
  talk_.look(now_);
  EXPECT_EQ(terminated_, 1);
  dies({.signal = 15});
  const Exited exit = exited();
  EXPECT_EQ(exit.kind, ExitKind::kLost);
  EXPECT_EQ(exit.error, "trial_1/a is damaged");
}

TEST_F(ConversationTest, AWarmWorkerThatNeverReadOfItsTrialLosesIt) {
  begin();
  hello(R"(,"several":true)");
  says(R"({"type":"exited","kind":"completed"})");
  exited();
  begin(LaunchId{13});
  dies({.exit_code = 1}, true);
  const Exited exit = exited();
  EXPECT_EQ(exit.launch, LaunchId{13});
  EXPECT_EQ(exit.kind, ExitKind::kLost);
}

TEST_F(ConversationTest, WhatADeadWorkerHadStillWrittenComesBeforeItsEnd) {
  begin();
  talk_.hear_wire(R"({"type":"report","metrics":{"loss":1}})", now_);
  dies({.exit_code = 3});
  ASSERT_EQ(heard_.signals.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<Reported>(heard_.signals[0]));
  EXPECT_EQ(std::get<Exited>(heard_.signals[1]).error, "the worker ended with exit status 3");
}

TEST_F(ConversationTest, AnOrderIsTakenBackAsIfItHadNotBeenTriedUnlessSomethingWasWanted) {
  begin();
  const auto order = talk_.take_back();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->launch.id, kLaunch);
  EXPECT_TRUE(heard_.signals.empty());
  EXPECT_FALSE(talk_.take_back());
  begin();
  wants(StopNow{});
  EXPECT_FALSE(talk_.take_back());
}

TEST_F(ConversationTest, WhatItIgnoredIsSaidOfACompletedTrial) {
  begin();
  says("garbage");
  dies({.exit_code = 0});
  const Exited exit = exited();
  EXPECT_EQ(exit.kind, ExitKind::kCompleted);
  EXPECT_EQ(exit.log_tail.find("1 line was ignored, the first: "), 0u) << exit.log_tail;
}

}  // namespace
}  // namespace clavier::exec
