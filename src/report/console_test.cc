#include "report/console.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "report/failures.h"
#include "report/width.h"
#include "report/wording.h"

namespace clavier::report {
namespace {

using Lines = std::vector<std::string>;

/// A small study whose steps a console watches.
class ConsoleTest : public testing::Test {
 protected:
  void watch(ConsoleOptions options) {
    options.sink = [this](std::string_view text) { out_ += text; };
    options.size = [this] { return size_; };
    options.view.study_name = "digits";
    options.view.directory = "clavier/digits";
    options.view.scheduler = "asha";
    console_.emplace(std::move(options));
    ASSERT_TRUE(console_->resume().ok());
    step(Opened{.trials = 4});
    Node node{.id = NodeId{0}, .host = "box", .cpus = 4, .memory_mb = 2048};
    for (std::int64_t i = 0; i < 2; ++i)
      node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}, .resources = {.cpus = 2}});
    step(Signal{NodeJoined{node}});
  }

  void step(Input input, std::vector<Decision> decisions = {}, Fill fill = {}) {
    Step step{{.id = StepId{next_++}, .time = now_, .input = std::move(input)}, std::move(fill)};
    step.turn.decisions = std::move(decisions);
    state_.apply(step);
    ASSERT_TRUE(console_->on_step(step, state_).ok());
  }
  void start(std::int64_t trial, double lr) {
    Fill fill;
    NewTrial created{.id = TrialId{trial}};
    created.config.set("lr", lr);
    created.config.set("layers", 2);
    fill.created = {created};
    fill.launches = {{.id = state_.next_launch(),
                      .members = {{.trial = TrialId{trial}}},
                      .shares = {{SlotId{trial % 2}}}}};
    step(Signal{Deadline{}}, {}, fill);
  }
  void report(std::int64_t trial, Steps at, double loss, std::vector<Decision> decisions = {}) {
    step(Signal{Reported{{{.trial = TrialId{trial},
                           .launch = state_.trial(TrialId{trial}).launch,
                           .step = at,
                           .value = loss,
                           .seconds = 1,
                           .metrics = {{"loss", loss}, {"accuracy", 1 - loss}}}}}},
         std::move(decisions));
  }
  void exit(std::int64_t trial, ExitKind kind, std::string error = {}, std::string tail = {}) {
    step(Signal{Exited{.trial = TrialId{trial},
                       .launch = state_.trial(TrialId{trial}).launch,
                       .kind = kind,
                       .error = std::move(error),
                       .log_tail = std::move(tail)}});
  }
  void pass(double seconds) { now_ += from_seconds(seconds); }
  /// What was written since the last call.
  std::string take() { return std::exchange(out_, {}); }

  ConsoleSize size_{.columns = 81, .rows = 24};
  State state_{{"loss", Mode::kMin}, {}};
  std::optional<Console> console_;
  StudyTime now_ = study_time(0);
  std::int64_t next_ = 0;
  std::string out_;
};

TEST_F(ConsoleTest, PipedItWritesALinePerEndedTrialAndATableAtIntervals) {
  watch({});
  start(0, 0.1);
  start(1, 0.001);
  pass(2);
  report(0, 1, 0.5);
  report(1, 1, 0.75, {{Stop{TrialId{1}}, "rung 1: 1 of 2 are better, the best 1 go on"}});
  EXPECT_EQ(take(), "") << "nothing has ended, and it is too early for a table";
  pass(1);
  exit(1, ExitKind::kStopped);
  EXPECT_EQ(take(),
            "trial 1 stopped at step 1, loss 0.75, 3.0 s (lr=0.001 layers=2): "
            "rung 1: 1 of 2 are better, the best 1 go on\n");
  pass(7);
  ASSERT_TRUE(console_->on_idle(now_, state_).ok());
  EXPECT_EQ(take(),
            "\n"
            "digits: 10.0 s, about 30.0 s left\n"
            "asha, 2 of 4 CPUs, 0 of 0 GPUs, 2.0 GB memory\n"
            "2 of 4 trials: 1 running, 1 stopped\n"
            "best: trial 0, loss 0.5 at step 1: lr=0.1 layers=2\n"
            "results: clavier/digits\n"
            "trial  status      lr  layers  step    time  loss  best  accuracy\n"
            "    0  running    0.1       2     1  10.0 s   0.5   0.5       0.5\n"
            "    1  stopped  0.001       2     1   3.0 s  0.75  0.75      0.25\n"
            "\n");
  pass(20);
  ASSERT_TRUE(console_->on_idle(now_, state_).ok());
  EXPECT_EQ(take(), "") << "nothing has happened since";
}

TEST_F(ConsoleTest, TrialsOfOneArrayAreNamedByTheirLaunch) {
  watch({});
  start(0, 0.1);
  report(0, 1, 0.5);
  Fill fill;
  for (const std::int64_t trial : {1, 2}) fill.created.push_back({.id = TrialId{trial}});
  fill.launches = {{.id = state_.next_launch(),
                    .members = {{.trial = TrialId{1}}, {.trial = TrialId{2}}},
                    .shares = {{SlotId{1}}}}};
  step(Signal{Deadline{}}, {}, fill);
  pass(20);
  ASSERT_TRUE(console_->on_idle(now_, state_).ok());
  const std::string table = take();
  EXPECT_NE(table.find("trial  status   array "), std::string::npos) << table;
  EXPECT_NE(table.find("    0  running         "), std::string::npos) << table;
  for (const char* trial : {"1", "2"})
    EXPECT_NE(table.find(std::string("    ") + trial + "  running      1 "), std::string::npos)
        << table;
}

TEST_F(ConsoleTest, PipedItNeverWritesTerminalCodes) {
  watch({.every = StudyDuration(1)});
  start(0, 0.1);
  report(0, 1, 0.5);
  pass(1);
  exit(0, ExitKind::kFailed, "Error: \x1b[31mred\x1b[0m");
  ASSERT_TRUE(console_->finish(state_).ok());
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
}

TEST_F(ConsoleTest, OnATerminalItRedrawsInPlace) {
  watch({.terminal = true, .colour = Colour::kOff});
  take();
  pass(1);
  start(0, 0.1);
  const std::string first = take();
  EXPECT_EQ(first,
            "\x1b[5F"  // back over what was drawn first: five lines without a table
            "digits: 1.0 s\x1b[K\n"
            "asha, 2 of 4 CPUs, 0 of 0 GPUs, 2.0 GB memory\x1b[K\n"
            "1 of 4 trials: 1 running\x1b[K\n"
            "best: none has reported loss yet\x1b[K\n"
            "results: clavier/digits\x1b[K\n"
            "trial  status    lr  layers  step   time  loss  best\x1b[K\n"
            "    0  running  0.1       2     0  0.0 s\x1b[K\n"
            "\x1b[J");
  report(0, 1, 0.5);
  EXPECT_EQ(take(), "") << "not more often than every 200 ms";
  pass(0.2);
  ASSERT_TRUE(console_->on_idle(now_, state_).ok());
  EXPECT_EQ(take().substr(0, 4), "\x1b[7F");
}

TEST_F(ConsoleTest, ANarrowedTerminalIsClearedByTheRowsThatLinesNowTake) {
  watch({.terminal = true, .colour = Colour::kOff});
  pass(1);
  start(0, 0.1);
  take();
  size_.columns = 30;
  pass(1);
  ASSERT_TRUE(console_->on_idle(now_, state_).ok());
  const std::string text = take();
  // 13, 45, 24, 32, 23, 58 and 45 columns wide in rows of 30: 1+2+1+2+1+2+2.
  EXPECT_EQ(text.substr(0, 5), "\x1b[11F");
  std::size_t start = text.find('F') + 1;
  for (std::size_t end; (end = text.find("\x1b[K\n", start)) != std::string::npos; start = end + 4)
    EXPECT_LE(width(text.substr(start, end - start)), 29u);
}

TEST_F(ConsoleTest, NeverDrawsMoreRowsThanTheTerminalHas) {
  watch({.terminal = true});
  for (std::int64_t i = 0; i < 4; ++i) start(i, 0.1);
  for (std::size_t rows = 1; rows < 14; ++rows) {
    size_.rows = rows;
    pass(1);
    take();
    ASSERT_TRUE(console_->on_idle(now_, state_).ok());
    const std::string text = take();
    EXPECT_LT(static_cast<std::size_t>(std::ranges::count(text, '\n')),
              std::max<std::size_t>(rows, 2));
  }
}

TEST_F(ConsoleTest, WhatIsSaidStaysAboveTheBlock) {
  watch({.terminal = true, .colour = Colour::kOff});
  take();
  console_->say("careful:\nlow disk");
  EXPECT_EQ(take().substr(0, 25), "\x1b[5F\x1b[Jcareful: low disk\n");
}

TEST_F(ConsoleTest, OnATerminalAFailureIsALineThatStays) {
  watch({.terminal = true, .colour = Colour::kOff});
  start(0, 0.1);
  take();
  exit(0, ExitKind::kFailed, "exit status 1");
  EXPECT_NE(take().find("trial 0 failed at step 0, 0.0 s (lr=0.1 layers=2): exit status 1\n"),
            std::string::npos);
}

TEST_F(ConsoleTest, TheSummaryNamesTheBestAndGroupsFailures) {
  watch({});
  for (std::int64_t i = 0; i < 4; ++i) start(i, 0.1 * static_cast<double>(i + 1));
  pass(5);
  report(0, 1, 0.5);
  report(0, 2, 0.25);
  step(Signal{CheckpointSaved{{TrialId{0}, LaunchId{0}, 2, "digits_0/checkpoint_000000"}}});
  exit(0, ExitKind::kCompleted);
  exit(1, ExitKind::kFailed, "RuntimeError: out of memory at 0x7f01", "line 1\nline 2\n\n");
  exit(2, ExitKind::kFailed, "ValueError: bad");
  exit(3, ExitKind::kFailed, "RuntimeError: out of memory at 0x8a44", "other");
  Fill end;
  end.finished = Finished{.reason = "all 4 trials have ended", .best = TrialId{0}};
  step(Signal{Deadline{}}, {}, end);
  take();
  ASSERT_TRUE(console_->finish(state_).ok());
  const std::string text = take();
  EXPECT_EQ(text.substr(text.find("digits is")),
            "digits is finished: all 4 trials have ended\n"
            "4 trials in 5.0 s: 1 completed, 3 failed\n"
            "best: trial 0, loss 0.25 at step 2\n"
            "  lr = 0.1\n"
            "  layers = 2\n"
            "  checkpoint: clavier/digits/digits_0/checkpoint_000000 (step 2)\n"
            "results: clavier/digits\n"
            "failures:\n"
            "  trials 1, 3: RuntimeError: out of memory at 0x7f01\n"
            "    | line 1\n"
            "    | line 2\n"
            "  trial 2: ValueError: bad\n");
}

TEST_F(ConsoleTest, AResumedRunDoesNotTellEarlierEndsAgain) {
  watch({});
  start(0, 0.1);
  report(0, 1, 0.5);
  exit(0, ExitKind::kCompleted);
  take();
  watch({.every = StudyDuration(1), .from = StepId{next_}});
  EXPECT_EQ(take(), "");
  pass(1);
  start(1, 0.2);
  const std::string text = take();
  EXPECT_EQ(text.find("trial 0 completed"), std::string::npos);
  EXPECT_NE(text.find("    0  completed"), std::string::npos) << text;
}

TEST_F(ConsoleTest, AResumedRunsTableKeepsWhatEarlierTrialsReported) {
  watch({.every = StudyDuration(1)});
  start(0, 0.1);
  // As the log is read at a start: without any metric but the study's.
  Report skimmed{.trial = TrialId{0}, .launch = state_.trial(TrialId{0}).launch, .step = 1};
  skimmed.value = 0.5;
  step(Signal{Reported{{skimmed}}});
  exit(0, ExitKind::kCompleted);
  ConsoleOptions resumed{.every = StudyDuration(1), .from = StepId{next_}};
  resumed.view.earlier = [](TrialId) {
    return std::vector<Metric>{{"loss", 0.5}, {"accuracy", 0.875}};
  };
  take();
  watch(resumed);
  pass(1);
  start(1, 0.2);
  const std::string text = take();
  EXPECT_NE(text.find("accuracy\n"), std::string::npos) << text;
  EXPECT_NE(text.find("0.875\n"), std::string::npos) << text;
}

TEST_F(ConsoleTest, AStudyThatFailuresEndedIsNotFinished) {
  watch({});
  const auto ends = [&](FinishKind kind, std::string reason) {
    Fill end;
    end.finished = Finished{.kind = kind, .reason = std::move(reason)};
    step(Signal{Deadline{}}, {}, end);
    take();
    EXPECT_TRUE(console_->finish(state_).ok());
    return take();
  };
  const std::string failed = ends(FinishKind::kFailure, "the same failure 10 times in a row");
  EXPECT_NE(failed.find("digits has failed: the same failure"), std::string::npos) << failed;
  EXPECT_EQ(failed.find("finished"), std::string::npos) << failed;
  const std::string stopped = ends(FinishKind::kUser, "stopped by the user");
  EXPECT_NE(stopped.find("digits was stopped by the user\n"), std::string::npos) << stopped;
}

TEST(Wording, AReasonOfTheLogIsSaidInGoodGrammar) {
  EXPECT_EQ(reason_text("all 1 trials have run"), "its trial has run");
  EXPECT_EQ(reason_text("all 11 trials have run"), "all 11 trials have run");
  EXPECT_EQ(reason_text("11 trials have ended"), "11 trials have ended");
  EXPECT_EQ(reason_text("1 trials have ended"), "1 trial has ended");
  EXPECT_EQ(reason_text("it reported los; did you mean \"los\"?. Correct it"),
            "it reported los; did you mean \"los\"? Correct it");
}

TEST(Wording, AStatusIsOneWordEverywhere) {
  Trial trial;
  EXPECT_EQ(status_word(trial, true), "pending");
  trial.status = TrialStatus::kRunning;
  EXPECT_EQ(status_word(trial, true), "running");
  trial.decided = Decided::kHold;
  EXPECT_EQ(status_word(trial, true), "pausing");
  EXPECT_EQ(status_word(trial, false), "interrupted");
}

TEST_F(ConsoleTest, TrialsThatTheirUserPausedAreNamedWithTheWayOn) {
  watch({});
  start(0, 0.1);
  report(0, 1, 0.5, {{Pause{TrialId{0}, true}, "paused by the user"}});
  exit(0, ExitKind::kPaused);
  take();
  ASSERT_TRUE(console_->finish(state_).ok());
  const std::string text = take();
  EXPECT_NE(text.find("digits is paused: trial 0 was paused by the user; `clavier resume digits 0` "
                      "lets it go on when it is run again\n"),
            std::string::npos)
      << text;
}

TEST_F(ConsoleTest, ManyTrialsAreShownByTheirBest) {
  watch({.every = StudyDuration(1), .most_rows = 2});
  for (std::int64_t i = 0; i < 4; ++i) {
    start(i, 0.1);
    report(i, 1, 1.0 - 0.25 * static_cast<double>(i % 3));
    exit(i, ExitKind::kCompleted);
  }
  take();
  pass(1);
  ASSERT_TRUE(console_->on_idle(now_, state_).ok());
  const std::string text = take();
  const auto second = text.find("    2  completed"), first = text.find("    1  completed");
  ASSERT_NE(second, std::string::npos);
  EXPECT_LT(second, first);
  EXPECT_NE(text.find("and 2 more\n"), std::string::npos);
}

TEST_F(ConsoleTest, AParameterThatIsReportedAsWellHasOneColumn) {
  watch({});
  start(0, 0.1);
  step(Signal{Reported{
      {{.trial = TrialId{0},
        .launch = state_.trial(TrialId{0}).launch,
        .step = 1,
        .value = 0.5,
        .seconds = 1,
        .metrics = {{"loss", 0.5}, {"lr", 0.05}, {"time_load_s", 1}, {"accuracy", 0.75}}}}}});
  ASSERT_TRUE(console_->finish(state_).ok());
  const std::string text = take();
  const std::string heading = text.substr(text.find("trial  status"));
  const std::string titles = heading.substr(0, heading.find('\n'));
  EXPECT_EQ(titles.find(" lr "), titles.rfind(" lr ")) << titles;
  EXPECT_EQ(titles.find("time_load_s"), std::string::npos) << titles;
  EXPECT_EQ(titles.substr(titles.size() - 8), "accuracy") << titles;
}

TEST(Wording, OfDurations) {
  EXPECT_EQ(elapsed(from_seconds(8.44)), "8.4 s");
  EXPECT_EQ(elapsed(from_seconds(59.9)), "0:59");
  EXPECT_EQ(elapsed(from_seconds(125)), "2:05");
  EXPECT_EQ(elapsed(from_seconds(3723)), "1:02:03");
}

}  // namespace
}  // namespace clavier::report
