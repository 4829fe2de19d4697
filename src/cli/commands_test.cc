#include "cli/commands.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "app/file/study_folder.h"
#include "app/run/start_over.h"
#include "cli/door.h"
#include "cli/studies.h"
#include "report/width.h"
#include "store/step_log.h"
#include "store/study_lock.h"
#include "tests/support/scratch_directory.h"

namespace clavier::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStudy = R"([study]
name = "demo"
metric = "loss"
mode = "min"
trials = 3
[space]
lr = { loguniform = [0.001, 1.0] }
optimizer = { choice = ["sgd", "it's"] }
[worker]
command = ["python3", "train.py", "--lr", "{lr}", "--opt={optimizer}"]
)";

Config config(double lr, const char* optimizer) {
  Config config;
  config.set("lr", lr);
  config.set("optimizer", optimizer);
  return config;
}

/// Writes the log of a study of two trials: 0 completed at loss 0.5 (then 0.6), 1 stopped at 0.7.
class StudyOnDisk {
 public:
  /// With `decision`, instead of the stop; `optimizer` is trial 1's, `others` what trial 0 reports
  /// last besides its loss; `text` the study file.
  explicit StudyOnDisk(const fs::path& home, std::optional<Decision> decision = {},
                       const char* optimizer = "it's", std::vector<Metric> others = {},
                       std::string text = kStudy)
      : folder_{home / "demo"} {
    EXPECT_TRUE(app::make_study_folder(home, "demo").ok());
    auto log = store::StepLog::open(folder_.database(), {.metric = "loss"});
    EXPECT_TRUE(log.ok());
    add(Opened{.utc_us = 1'700'000'000'000'000, .version = "0", .trials = 3, .study = text});
    last().fill.created = {{.id = TrialId{0}, .config = config(0.125, "sgd"), .directory = "t0"},
                           {.id = TrialId{1}, .config = config(0.5, optimizer), .directory = "t1"}};
    last().fill.launches = {launch(0), launch(1)};
    report(0, 1, 0.5, 0.8);
    report(1, 1, 0.7, 0.6);
    last().turn.decisions = {
        decision.value_or(Decision{Stop{TrialId{1}}, "worse than the median"})};
    exited(1, ExitKind::kStopped);
    report(0, 2, 0.6, 0.9);
    if (!others.empty()) {
      auto& last_of_0 = std::get<Reported>(std::get<Signal>(last().turn.input)).reports[0];
      last_of_0.metrics = {{"loss", 0.6}};
      std::ranges::move(others, std::back_inserter(last_of_0.metrics));
    }
    exited(0, ExitKind::kCompleted);
    last().fill.finished = Finished{.reason = "all trials have ended", .best = TrialId{0}};
    EXPECT_TRUE(log->append(steps_).ok());
    fs::create_directories(folder_.root / "t0");
    std::ofstream(folder_.root / "t0" / "stdout") << "one\ntwo\nthree\n";
  }

 private:
  static Launch launch(std::int64_t id) {
    return {LaunchId{id}, {{.trial = TrialId{id}}}, {{SlotId{id}}}};
  }
  Step& last() { return steps_.back(); }
  void add(Input input) {
    const auto id = static_cast<std::int64_t>(steps_.size());
    steps_.push_back(
        {.turn = {.id = StepId{id}, .time = study_time(id * 1'000'000), .input = std::move(input)},
         .fill = {}});
  }
  void report(std::int64_t trial, Steps step, double loss, double accuracy) {
    add(Signal(Reported{{{.trial = TrialId{trial},
                          .launch = LaunchId{trial},
                          .step = step,
                          .value = loss,
                          .seconds = 0.25,
                          .metrics = {{"loss", loss},
                                      {"accuracy", accuracy},
                                      {"time_train_s", 0.125},
                                      {"time_eval_s", 0.0625}}}}}));
  }
  void exited(std::int64_t trial, ExitKind kind) {
    add(Signal(Exited{.trial = TrialId{trial}, .launch = LaunchId{trial}, .kind = kind}));
  }

  app::StudyFolder folder_;
  std::vector<Step> steps_;
};

class Commands : public testing::Test {
 protected:
  StudyChoice demo() const { return {.study = "demo", .dir = home_.string()}; }

  /// Runs a command; its output without anything else in it.
  template <typename Options, typename Run>
  std::string run(Run command, const Options& options, int expected = kSuccess) {
    std::ostringstream out, err;
    std::istringstream in(input_);
    {
      Door front(out), aside(err);
      Streams streams{.out = out, .err = err, .in = in, .width = width_, .behind = &front.behind()};
      EXPECT_EQ(command(options, streams), expected) << err.str();
    }
    err_ = err.str();
    return out.str();
  }

  const ScratchDirectory scratch_;
  const fs::path home_ = scratch_.path();
  std::size_t width_ = 0;
  std::string input_, err_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Commands, ListShowsEveryStudy) {
  EXPECT_EQ(run(run_list, ListOptions{home_.string()}), "no studies in " + home_.string() + "\n");
  const StudyOnDisk study(home_);
  const std::string out = run(run_list, ListOptions{home_.string()});
  EXPECT_TRUE(has(out, "demo")) << out;
  EXPECT_TRUE(has(out, "finished")) << out;
  EXPECT_TRUE(has(out, "loss 0.5 (trial 0)")) << out;
  EXPECT_TRUE(has(out, "2023-11-14 22:13:20 UTC")) << out;
}

TEST_F(Commands, ListGoesOnBehindAnUnreadableStudy) {
  const StudyOnDisk study(home_);
  fs::create_directories(home_ / "broken");
  std::ofstream(home_ / "broken" / "study.db") << "this is no database, however long it may be";
  std::ofstream(home_ / "broken" / "study.db.lock") << "process 1 on a\n";
  const std::string out = run(run_list, ListOptions{home_.string()}, kFailure);
  EXPECT_TRUE(has(out, "unreadable")) << out;
  EXPECT_TRUE(has(out, "loss 0.5 (trial 0)")) << out;
  EXPECT_TRUE(has(err_, "broken")) << err_;
}

TEST_F(Commands, AStudyThatWasKilledAtOnceIsListedAsBegun) {
  const auto folder = app::make_study_folder(home_, "early");
  ASSERT_TRUE(store::StepLog::open(folder->database(), {.metric = "loss"}).ok());
  EXPECT_TRUE(has(run(run_list, ListOptions{home_.string()}), "begun"));
}

TEST_F(Commands, StatusTellsWhereItStands) {
  const StudyOnDisk study(home_);
  const std::string out = run(run_status, demo());
  EXPECT_TRUE(has(out, "status     finished\nended      all trials have ended\n")) << out;
  EXPECT_TRUE(has(out, "trials     2 of 3\n           1 completed, 1 stopped\n")) << out;
  EXPECT_TRUE(has(out, "best       loss 0.5 (trial 0)\n           lr=0.125 optimizer=sgd\n"))
      << out;
}

/// What comes behind a study that has ended, a second after each other.
void append(const fs::path& home, std::vector<Step> steps) {
  auto log = store::StepLog::open(home / "demo" / "study.db", {.metric = "loss"});
  ASSERT_TRUE(log.ok());
  for (Step& step : steps) {
    step.turn.id = StepId{log->last().value + 1};
    step.turn.time = study_time(step.turn.id.value * 1'000'000);
    ASSERT_TRUE(log->append({&step, 1}).ok());
  }
}

/// Its run of now, in which trial 2 is started.
Step opened_again() {
  Step step;
  step.turn.input =
      Opened{.utc_us = 1'700'000'100'000'000, .version = "0", .trials = 3, .study = kStudy};
  step.fill.created = {{.id = TrialId{2}, .config = config(0.25, "sgd"), .directory = "t2"}};
  step.fill.launches = {{LaunchId{2}, {{.trial = TrialId{2}}}, {{SlotId{0}}}}};
  return step;
}

Step with_input(Input input) {
  Step step;
  step.turn.input = std::move(input);
  return step;
}

TEST_F(Commands, AStudyWhoseTunerWasKilledIsInterruptedAndOneThatFailuresEndedHasFailed) {
  const StudyOnDisk study(home_);
  append(home_, {opened_again()});
  const std::string killed = run(run_status, demo());
  EXPECT_TRUE(has(killed, "status     interrupted\n")) << killed;
  EXPECT_TRUE(has(killed, "1 interrupted")) << killed;
  EXPECT_TRUE(has(run(run_list, ListOptions{home_.string()}), "interrupted"));
  EXPECT_TRUE(has(run(run_trials, TrialsOptions{.study = demo()}), "interrupted"));
  EXPECT_TRUE(has(run(run_why, WhyOptions{.trial = 2, .study = demo()}), "is interrupted"));
  Step failure = with_input(Signal(Deadline{}));
  failure.fill.finished = Finished{.kind = FinishKind::kFailure, .reason = "all alike"};
  append(home_, {with_input(Signal(Exited{TrialId{2}, LaunchId{2}, ExitKind::kFailed})), failure});
  const std::string failed = run(run_status, demo());
  EXPECT_TRUE(has(failed, "status     failed\nended      all alike\n")) << failed;
  EXPECT_FALSE(has(run(run_list, ListOptions{home_.string()}), "finished"));
}

TEST_F(Commands, TheTimeOfAStudyThatRunsGoesOnWhileNothingIsReported) {
  const StudyOnDisk study(home_);
  append(home_, {opened_again()});
  const auto lock = store::StudyLock::take(home_ / "demo" / "study.db.lock");
  ASSERT_TRUE(lock.ok());
  const std::string out = run(run_status, demo());
  EXPECT_TRUE(has(out, "status     running\n")) << out;
  // It began in 2023.
  EXPECT_FALSE(has(out, "time       6.0 s\n") || has(out, "time       7.0 s\n")) << out;
}

TEST_F(Commands, WhyTellsThatAStartWaitsForTheMachine) {
  const StudyOnDisk study(home_);
  const auto told = [&] {
    const auto lock = store::StudyLock::take(home_ / "demo" / "study.db.lock");
    EXPECT_TRUE(lock.ok());
    return run(run_why, WhyOptions{.trial = 2, .study = demo()});
  };
  append(home_, {opened_again(), with_input(Signal(Waiting{LaunchId{2}, "no descriptors"}))});
  EXPECT_EQ(told(),
            "trial 2 was given slot 0, and its start waits for the machine: no descriptors\n");
  append(home_,
         {with_input(Signal(Reported{{{.trial = TrialId{2}, .launch = LaunchId{2}, .step = 1}}}))});
  EXPECT_EQ(told(), "trial 2 is running: it runs in slot 0, at step 1\n");
}

TEST_F(Commands, ShowTellsWhyATrialWasStartedMoreThanOnce) {
  const StudyOnDisk study(home_);
  EXPECT_FALSE(has(run(run_show, ShowOptions{0, demo(), 2}), "Failures"));
  append(home_, {opened_again(), with_input(Signal(Exited{TrialId{2}, LaunchId{2}, ExitKind::kLost,
                                                          "the worker's guard was killed"}))});
  const std::string out = run(run_show, ShowOptions{2, demo(), 2});
  EXPECT_TRUE(has(out, "\nFailures and losses:\n")) << out;
  EXPECT_TRUE(has(out, "  lost: the worker's guard was killed\n")) << out;
}

TEST_F(Commands, ShowTellsOfDamagedCheckpoints) {
  const StudyOnDisk study(home_);
  EXPECT_FALSE(has(run(run_show, ShowOptions{0, demo(), 2}), "Damaged"));
  append(home_, {with_input(Signal(CheckpointVoid{{TrialId{0}, LaunchId{0}, 2, "t0/checkpoint_2"},
                                                  "a file was changed"}))});
  EXPECT_TRUE(has(run(run_show, ShowOptions{0, demo(), 2}),
                  "  t0/checkpoint_2 (step 2): a file was changed\n"));
}

TEST_F(Commands, ReadingCommandsNameTheNearestStudy) {
  const StudyOnDisk study(home_);
  EXPECT_EQ(run(run_status, StudyChoice{"dmeo", home_.string()}, kFailure), "");
  EXPECT_EQ(err_, "clavier: no study \"dmeo\" in " + home_.string() + "; did you mean \"demo\"?\n");
}

TEST_F(Commands, TrialsPrintChosenColumnsInOrder) {
  const StudyOnDisk study(home_);
  TrialsOptions options{.study = demo(), .sort = "-best", .format = Format::kCsv};
  options.columns = {"trial", "status", "best", "accuracy", "lr", "optimizer"};
  EXPECT_EQ(run(run_trials, options),
            "trial,status,best,accuracy,lr,optimizer\r\n"
            "1,stopped,0.7,0.6,0.5,it's\r\n"
            "0,completed,0.5,0.9,0.125,sgd\r\n");
  options.sort = "best";
  options.top = 1;
  options.format = Format::kJson;
  EXPECT_EQ(run(run_trials, options),
            "[{\"trial\": 0, \"status\": \"completed\", \"best\": 0.5, \"accuracy\": 0.9, \"lr\": "
            "0.125, \"optimizer\": \"sgd\"}]\n");
  options.columns = {"acuracy"};
  run(run_trials, options, kFailure);
  EXPECT_EQ(err_, "clavier: no column \"acuracy\"; did you mean \"accuracy\"?\n");
}

TEST_F(Commands, TrialsAsATableShowsParametersAndTheMetric) {
  const StudyOnDisk study(home_);
  const std::string out = run(run_trials, TrialsOptions{.study = demo()});
  const std::string title = out.substr(0, out.find('\n'));
  for (const char* column :
       {"trial", "status", "step", "best", "lr", "optimizer", "loss", "reason"})
    EXPECT_TRUE(has(title, column)) << title;
  EXPECT_TRUE(has(out, "worse than the median")) << out;
}

TEST_F(Commands, ShowTellsReportsDecisionsAndTheEndOfTheLog) {
  const StudyOnDisk study(home_);
  const std::string first = run(run_show, ShowOptions{0, demo(), 2});
  EXPECT_TRUE(has(first, "best         loss 0.5 at step 1\n")) << first;
  EXPECT_TRUE(has(first, "  optimizer = \"sgd\"\n")) << first;
  EXPECT_TRUE(has(first, "End of stdout:\n  | two\n  | three\n")) << first;
  EXPECT_FALSE(has(first, "| one")) << first;
  // Training and evaluation of both reports.
  EXPECT_TRUE(has(first, "0.25 s      0.12 s")) << first;
  const std::string second = run(run_show, ShowOptions{1, demo(), 2});
  EXPECT_TRUE(has(second, "stop: worse than the median\n")) << second;
  run(run_show, ShowOptions{2, demo(), 2}, kFailure);
  EXPECT_EQ(err_, "clavier: there is no trial 2; the study has 0 to 1\n");
}

TEST_F(Commands, ShowTellsWhoseWeightsATrialTookOver) {
  const Checkpoint donor{TrialId{0}, LaunchId{0}, 1, "t0/checkpoint"};
  const StudyOnDisk study(
      home_,
      Decision{Exploit{.trial = TrialId{1}, .donor = donor, .config = config(0.15, "sgd")}, ""});
  const std::string taker = run(run_show, ShowOptions{1, demo(), 2});
  EXPECT_TRUE(has(taker,
                  "\nLineage:\n  at step 1: weights of trial 0 at step 1; lr 0.5 → 0.15, "
                  "optimizer it's → sgd\n"))
      << taker;
  EXPECT_FALSE(has(run(run_show, ShowOptions{0, demo(), 2}), "Lineage"));
}

TEST_F(Commands, BestComparesByBestOrLastValueOfAnyMetric) {
  const StudyOnDisk study(home_);
  const std::string out = run(run_best, BestOptions{.study = demo()});
  EXPECT_TRUE(out.starts_with("trial 0: loss 0.5 at step 1\n  lr = 0.125\n")) << out;
  EXPECT_TRUE(run(run_best, BestOptions{.study = demo(), .scope = Scope::kLast})
                  .starts_with("trial 0: loss 0.6 at step 2\n"));
  EXPECT_TRUE(run(run_best, BestOptions{.study = demo(), .metric = "accuracy", .mode = Mode::kMin})
                  .starts_with("trial 1: accuracy 0.6 at step 1\n"));
  run(run_best, BestOptions{.study = demo(), .metric = "accuracy"}, kFailure);
  EXPECT_EQ(err_,
            "clavier: say whether less or more of accuracy is better: --mode min or --mode "
            "max\n");
  run(run_best, BestOptions{.study = demo(), .metric = "lose", .mode = Mode::kMin}, kFailure);
  EXPECT_EQ(err_, "clavier: no trial has reported lose; did you mean \"loss\"?\n");
}

TEST_F(Commands, BestShowsTheConfigurationAndTheCheckpointOfItsMoment) {
  const Checkpoint donor{TrialId{0}, LaunchId{0}, 1, "t0/checkpoint"};
  const StudyOnDisk study(
      home_,
      Decision{Exploit{.trial = TrialId{1}, .donor = donor, .config = config(0.15, "sgd")}, ""});
  const BestOptions worst{.study = demo(), .mode = Mode::kMax};
  const std::string out = run(run_best, worst);
  EXPECT_TRUE(has(out, "trial 1: loss 0.7 at step 1\n  lr = 0.5\n")) << out;
  EXPECT_TRUE(has(out,
                  "checkpoint  none: step 1 was not kept, and other weights were taken over "
                  "since\n"))
      << out;
  EXPECT_TRUE(has(run(run_show, ShowOptions{1, demo(), 2}),
                  "best         loss 0.7 at step 1, with "
                  "lr=0.5 optimizer=it's\n"));
}

TEST_F(Commands, BestPrintsACommandThatAShellTakes) {
  const StudyOnDisk study(home_);
  EXPECT_EQ(run(run_best, BestOptions{.study = demo(), .mode = Mode::kMax, .command = true}),
            "CLAVIER_CONFIG='{\"lr\": 0.5, \"optimizer\": \"it'\\''s\"}' python3 train.py --lr 0.5 "
            "'--opt=it'\\''s'\n");
}

TEST_F(Commands, ATrialInsideAProgramCannotBeStartedFromOutside) {
  std::string text = kStudy;
  text.replace(text.find("command ="), std::string::npos,
               "command = [\"square\", \"--clavier-worker\"]\n");
  const StudyOnDisk study(home_, {}, "it's", {}, text);
  run(run_best, BestOptions{.study = demo(), .command = true}, kFailure);
  EXPECT_TRUE(has(err_, "run inside the program square")) << err_;
  run(run_rerun, RerunOptions{.trial = 0, .study = demo()}, kFailure);
  EXPECT_TRUE(has(err_, "run inside the program square")) << err_;
}

TEST_F(Commands, BestAsJsonHasWhatAScriptNeeds) {
  const StudyOnDisk study(home_);
  const std::string out = run(run_best, BestOptions{.study = demo(), .json = true});
  EXPECT_EQ(out,
            "{\"trial\": 0, \"status\": \"completed\", \"metric\": \"loss\", \"value\": 0.5, "
            "\"step\": 1, \"config\": "
            "{\"lr\": 0.125, \"optimizer\": \"sgd\"}, \"directory\": \"" +
                (home_ / "demo" / "t0").string() +
                "\", \"checkpoint\": null, \"checkpoint_step\": null}\n");
}

TEST_F(Commands, ABestTrialThatFailedLaterSaysSo) {
  const StudyOnDisk study(home_);
  Report report;
  report.trial = TrialId{2};
  report.launch = LaunchId{2};
  report.step = 1;
  report.value = 0.25;
  report.metrics = {{"loss", 0.25}};
  append(home_, {opened_again(), with_input(Signal(Reported{{report}})),
                 with_input(Signal(Exited{TrialId{2}, LaunchId{2}, ExitKind::kFailed}))});
  const std::string best = run(run_best, BestOptions{.study = demo()});
  EXPECT_TRUE(has(best, "trial 2: loss 0.25 at step 1; it failed later\n")) << best;
  EXPECT_TRUE(has(run(run_best, BestOptions{.study = demo(), .json = true}),
                  "{\"trial\": 2, \"status\": \"failed\", "));
  const std::string status = run(run_status, demo());
  EXPECT_TRUE(has(status, "loss 0.25 (trial 2, failed)")) << status;
}

TEST_F(Commands, ExportWritesEveryReport) {
  const StudyOnDisk study(home_);
  EXPECT_EQ(run(run_export, ExportOptions{.study = demo(), .content = ExportContent::kReports}),
            "trial,step,time,seconds,loss,accuracy,time_train_s,time_eval_s\r\n"
            "0,1,1.0,0.25,0.5,0.8,0.125,0.0625\r\n1,1,2.0,0.25,0.7,0.6,0.125,0.0625\r\n"
            "0,2,4.0,0.25,0.6,0.9,0.125,0.0625\r\n");
  EXPECT_TRUE(run(run_export, ExportOptions{.study = demo(), .format = Format::kJson})
                  .starts_with("[{\"trial\": 0, \"status\": \"completed\", "));
}

TEST_F(Commands, NoTextFromOutsideMovesATerminalsCursor) {
  const std::string hostile = "\x1b]0;owned\x07\x1b[31m\r\u009b2J\u202E\u2066\u061C\xff";
  const StudyOnDisk study(home_, Decision{Stop{TrialId{1}}, hostile}, hostile.c_str());
  fs::create_directories(home_ / "demo" / "t1");
  std::ofstream(home_ / "demo" / "t1" / "stderr") << hostile << '\n';
  fs::create_directories(home_ / ("bad" + hostile));
  for (const char* name : {"study.db", "study.db.lock"})
    std::ofstream(home_ / ("bad" + hostile) / name) << "no database";
  for (const std::size_t width : {0, 120}) {
    width_ = width;
    std::string shown = run(run_list, ListOptions{home_.string()}, kFailure) + err_;
    shown += run(run_status, demo()) + run(run_verify, demo(), kFailure) + err_;
    shown += run(run_trials, TrialsOptions{.study = demo()});
    shown += run(run_show, ShowOptions{1, demo(), 9}) + run(run_why, WhyOptions{1, demo()});
    shown += run(run_best, BestOptions{.study = demo(), .mode = Mode::kMax});
    run(run_status, StudyChoice{hostile, home_.string()}, kFailure);
    shown += err_;
    if (width > 0) {
      for (const Format format : {Format::kCsv, Format::kJson})
        shown += run(run_export, ExportOptions{.study = demo(), .format = format});
      shown += run(run_best, BestOptions{.study = demo(), .mode = Mode::kMax, .json = true});
      shown += run(run_best, BestOptions{.study = demo(), .mode = Mode::kMax, .command = true});
    }
    EXPECT_EQ(report::visible(shown), shown);
    EXPECT_TRUE(has(shown, "\\u001b]0;owned\\u0007")) << shown;
  }
}

TEST_F(Commands, DataForOtherProgramsAreNotTouched) {
  const StudyOnDisk study(home_, {}, "a\u202Eb");
  TrialsOptions options{.study = demo(), .columns = {"optimizer"}, .format = Format::kCsv};
  EXPECT_EQ(run(run_trials, options), "optimizer\r\nsgd\r\na\u202Eb\r\n");
}

TEST_F(Commands, TablesKnowEveryMetricWhicheverReportHadIt) {
  const StudyOnDisk study(home_, {}, "it's", {{"other", 3}});
  TrialsOptions options{.study = demo(), .format = Format::kCsv};
  options.columns = {"trial", "accuracy", "other"};
  EXPECT_EQ(run(run_trials, options), "trial,accuracy,other\r\n0,0.8,3.0\r\n1,0.6,\r\n");
  EXPECT_TRUE(has(run(run_export, ExportOptions{.study = demo(), .format = Format::kJson}),
                  "\"metrics\": {\"loss\": 0.6, \"accuracy\": 0.8, \"time_train_s\": 0.125, "
                  "\"time_eval_s\": 0.0625, \"other\": 3.0}"));
}

TEST_F(Commands, ReportedNamesDoNotHideColumns) {
  const StudyOnDisk study(home_, {}, "it's", {{"time", 3}, {"trial", 9}});
  const std::string csv =
      run(run_export, ExportOptions{.study = demo(), .content = ExportContent::kReports});
  EXPECT_TRUE(
      csv.starts_with("trial,step,time,seconds,loss,accuracy,time_train_s,time_eval_s,"
                      "metric.time,metric.trial\r\n"))
      << csv;
  EXPECT_TRUE(has(csv, "\r\n0,2,4.0,0.25,0.6,,,,3.0,9.0\r\n")) << csv;
}

TEST_F(Commands, JsonIsStrict) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const StudyOnDisk study(home_, {}, "a \"NaN\" \\",
                          {{"a", kInfinity}, {"b", -kInfinity}, {"c", NAN}});
  const std::string values = "\"a\": \"Infinity\", \"b\": \"-Infinity\", \"c\": null";
  ExportOptions options{.study = demo(), .format = Format::kJson};
  const std::string trials = run(run_export, options);
  EXPECT_TRUE(has(trials, values)) << trials;
  EXPECT_TRUE(has(trials, R"("a \"NaN\" \\")")) << trials;
  options.content = ExportContent::kReports;
  const std::string reports = run(run_export, options);
  EXPECT_TRUE(has(reports, values)) << reports;
}

TEST_F(Commands, SortingIsLeastFirstAndWithAMinusGreatestFirst) {
  const StudyOnDisk study(home_);
  TrialsOptions options{.study = demo(), .columns = {"trial"}, .format = Format::kCsv};
  const std::string up = "trial\r\n0\r\n1\r\n", down = "trial\r\n1\r\n0\r\n";
  for (const char* column : {"trial", "loss", "best", "lr"}) {
    options.sort = column;
    EXPECT_EQ(run(run_trials, options), up) << column;
    options.sort = "-" + *options.sort;
    EXPECT_EQ(run(run_trials, options), down) << column;
  }
  options.sort = "accuracy";
  EXPECT_EQ(run(run_trials, options), down);
  options.sort.reset();
  options.top = 1;
  EXPECT_EQ(run(run_trials, options), "trial\r\n0\r\n") << "the best";
}

TEST_F(Commands, CleanAsksFirst) {
  const StudyOnDisk study(home_);
  input_ = "n\n";
  EXPECT_TRUE(
      has(run(run_clean, CleanOptions{.dir = home_.string()}, kFailure), "nothing was deleted"));
  EXPECT_TRUE(fs::exists(home_ / "demo"));
  input_ = "y\n";
  EXPECT_TRUE(has(run(run_clean, CleanOptions{.dir = home_.string()}), "1 folder deleted"));
  EXPECT_FALSE(fs::exists(home_ / "demo"));
}

TEST_F(Commands, CleanDeletesStudiesOnlyAndNoneThatRuns) {
  const StudyOnDisk study(home_);
  fs::create_directories(home_ / "optuna");
  std::ofstream(home_ / "optuna" / "study.db") << "of another program";
  fs::create_directory_symlink(home_ / "demo", home_ / "link");
  const CleanOptions all{.dir = home_.string(), .yes = true};
  {
    const auto lock = store::StudyLock::take(home_ / "demo" / "study.db.lock");
    run(run_clean, all, kFailure);
    EXPECT_TRUE(has(err_, "demo is running")) << err_;
  }
  run(run_clean, CleanOptions{.studies = {"optuna"}, .dir = home_.string(), .yes = true}, kFailure);
  EXPECT_TRUE(has(err_, "is not a study log")) << err_;
  run(run_clean, CleanOptions{.studies = {"link"}, .dir = home_.string(), .yes = true}, kFailure);
  EXPECT_TRUE(has(err_, "is a link")) << err_;
  fs::remove(home_ / "link");
  EXPECT_TRUE(has(run(run_clean, all), "1 folder deleted"));
  EXPECT_TRUE(fs::exists(home_ / "optuna" / "study.db"));
}

TEST_F(Commands, ALogThatNamesWhatIsNotThereIsRefusedByEveryCommand) {
  const StudyOnDisk study(home_, Decision{Stop{TrialId{77}}, ""});
  run(run_status, demo(), kFailure);
  EXPECT_TRUE(has(err_, "step 2 decides about the unknown trial 77")) << err_;
  EXPECT_TRUE(has(run(run_list, ListOptions{home_.string()}, kFailure), "unreadable"));
  run(run_why, WhyOptions{.trial = 0, .study = demo()}, kFailure);
}

TEST_F(Commands, AddChecksTheConfigurationBeforeAnythingIsLogged) {
  const StudyOnDisk study(home_);
  AddOptions options{.study = "demo", .dir = home_.string(), .values = {"lr=5"}};
  run(run_add, options, kFailure);
  EXPECT_TRUE(has(err_, "lr")) << err_;
  options.values = {"lr"};
  run(run_add, options, kFailure);
  EXPECT_EQ(err_, "clavier: lr: write NAME=VALUE, for example lr=0.01\n");
  options.values = {"lr=0.1", "lr=0.2"};
  run(run_add, options, kFailure);
  EXPECT_EQ(err_, "clavier: lr is given twice\n");
}

TEST_F(Commands, ControlRefusesWhatMakesNoSense) {
  const StudyOnDisk study(home_);
  run(run_control, ControlOptions{Control::kPause, "demo", 0, home_.string()}, kFailure);
  EXPECT_EQ(err_, "clavier: trial 0 has ended (completed)\n");
  run(run_control, ControlOptions{Control::kResume, "demo", {}, home_.string()}, kFailure);
  EXPECT_EQ(err_,
            "clavier: a study is resumed by running it again, with the command that began it\n");
  run(run_control, ControlOptions{Control::kPause, "demo", {}, home_.string()}, kFailure);
  EXPECT_EQ(err_, "clavier: demo is not running\n");
  run(run_raise, RaiseOptions{"demo", 3, home_.string()}, kFailure);
  EXPECT_EQ(err_, "clavier: the study's limit is 3 trials already\n");
}

TEST_F(Commands, NothingIsAskedOfAStudyThatItsUserHasEnded) {
  const StudyOnDisk study(home_);
  run(run_control, ControlOptions{Control::kStop, "demo", {}, home_.string()});
  const std::string ended =
      "clavier: demo was ended by `clavier stop`; `clavier retry demo` lets it go on\n";
  run(run_raise, RaiseOptions{"demo", 9, home_.string()}, kFailure);
  EXPECT_EQ(err_, ended);
  run(run_add, AddOptions{.study = "demo", .dir = home_.string(), .values = {"lr=0.5"}}, kFailure);
  EXPECT_EQ(err_, ended);
  EXPECT_EQ(run(run_retry, RetryOptions{.study = "demo", .dir = home_.string()}),
            "demo is not running: it goes on when it is run again\n");
  run(run_raise, RaiseOptions{"demo", 9, home_.string()});
}

TEST_F(Commands, RetryTakesWhatIsNamedOrMeantAndRefusesTheRest) {
  const StudyOnDisk study(home_);
  RetryOptions options{.study = "demo", .dir = home_.string()};
  run(run_retry, options, kFailure);
  EXPECT_EQ(err_, "clavier: no trial of demo has failed\n");
  options.trials = {0};
  run(run_retry, options, kFailure);
  EXPECT_EQ(err_,
            "clavier: trial 0 has completed; `clavier rerun 0 demo` runs its configuration once "
            "more\n");
  options.trials = {};
  options.stopped = true;
  EXPECT_EQ(run(run_retry, options),
            "demo is not running: 1 trial runs again when it is run again\n");
  EXPECT_TRUE(has(run(run_trials, TrialsOptions{.study = demo()}), "pending"));
  options.trials = {1};
  run(run_retry, options, kFailure);
  EXPECT_EQ(err_, "clavier: trial 1 has not ended\n");
}

TEST_F(Commands, StartingOverFreesTheNameAndKeepsOrDeletesWhatWasThere) {
  for (const char* kept : {"demo.old-1", "demo.old-2"}) {
    const StudyOnDisk study(home_);
    EXPECT_EQ(*app::start_over({home_ / "demo"}, app::Earlier::kIsKept), kept);
    EXPECT_TRUE(fs::exists(home_ / kept / "study.db"));
  }
  EXPECT_EQ(*app::start_over({home_ / "demo"}, app::Earlier::kIsKept), "") << "nothing is there";
  const StudyOnDisk study(home_);
  EXPECT_EQ(*app::start_over({home_ / "demo"}, app::Earlier::kGoesOn), "");
  EXPECT_TRUE(fs::exists(home_ / "demo"));
  EXPECT_EQ(*app::start_over({home_ / "demo"}, app::Earlier::kIsDeleted), "");
  EXPECT_FALSE(fs::exists(home_ / "demo"));
  // Without a log of ours it may be anybody's.
  fs::create_directories(home_ / "demo" / "demo_pictures");
  EXPECT_EQ(*app::start_over({home_ / "demo"}, app::Earlier::kIsDeleted), "demo.old-3");
  EXPECT_TRUE(fs::exists(home_ / "demo.old-3" / "demo_pictures"));
}

TEST_F(Commands, CheckShowsTheWholeFileAndSamples) {
  std::ofstream(home_ / "s.toml") << kStudy;
  const std::string out =
      run(run_check, CheckOptions{.source = {.file = (home_ / "s.toml").string()}, .samples = 2});
  EXPECT_TRUE(has(out, "\n[scheduler]\nalgorithm = \"fifo\"")) << out;
  const auto samples = out.substr(out.find("# The first configurations:\n"));
  EXPECT_EQ(std::ranges::count(samples, '\n'), 3) << samples;
  EXPECT_FALSE(fs::exists(home_ / "clavier")) << "check runs nothing";
}

TEST_F(Commands, CheckFindsAParameterThatNobodyUses) {
  std::ofstream(home_ / "s.toml") << kStudy;
  run(run_check,
      CheckOptions{.source = {.file = (home_ / "s.toml").string(),
                              .set = {"worker.command=[\"echo\", \"{lr}\"]"}}},
      kFailure);
  EXPECT_EQ(err_,
            "clavier: the command does not use optimizer: write {optimizer} where the program "
            "takes it, or remove it from [space]\n");
}

TEST_F(Commands, CheckSaysWhenNothingFulfilsTheConstraints) {
  std::ofstream(home_ / "s.toml") << kStudy;
  run(run_check,
      CheckOptions{.source = {.file = (home_ / "s.toml").string(),
                              .set = {"search.constraints=[\"lr > 2\"]"}}},
      kFailure);
  EXPECT_TRUE(has(err_, "0 fulfilled the constraints, the constraint \"lr > 2\" refused")) << err_;
}

TEST_F(Commands, CheckPlacesWhatTheTrainerRefuses) {
  const auto refused = [&](std::string_view trainer, const std::vector<std::string>& set = {}) {
    std::ofstream(home_ / "t.toml") << "[study]\nmetric = \"loss\"\nmode = \"min\"\n"
                                    << "[space]\nlr = { uniform = [0.1, 1] }\n[trainer]\n"
                                    << trainer;
    run(run_check, CheckOptions{.source = {.file = (home_ / "t.toml").string(), .set = set}},
        kFailure);
    return err_;
  };
  EXPECT_TRUE(has(refused("model = \"net\"\nmomentun = 1\noptimizer = \"sgdd\"\n"),
                  "t.toml:8:1: trainer has no key 'momentun'; did you mean \"momentum\"?\n"));
  EXPECT_TRUE(has(err_, "t.toml:9:1: trainer.optimizer must be one of")) << err_;
  EXPECT_TRUE(has(refused("data = \"digts\"\n"), "t.toml:7:1: trainer.data: no file or folder"));
  EXPECT_TRUE(has(err_, "did you mean \"digits\"?")) << err_;
  EXPECT_TRUE(
      has(refused("data = \"digits\"\n", {"space.foo={ uniform = [0, 1] }"}), "--set space.foo"))
      << err_;
}

TEST_F(Commands, CheckSaysThatTheWorkersProgramCannotBeStarted) {
  const auto refused = [&](const std::string& program, int status = kFailure) {
    std::ofstream(home_ / "t.toml") << "[study]\nmetric = \"loss\"\nmode = \"min\"\n"
                                    << "[space]\nlr = { uniform = [0.1, 1] }\n[worker]\n"
                                    << "command = [\"" << program << "\", \"{lr}\"]\n";
    run(run_check, CheckOptions{.source = {.file = (home_ / "t.toml").string()}}, status);
    return err_;
  };
  EXPECT_TRUE(has(refused("no-such-trainer"),
                  "t.toml:7:1: worker.command: cannot start 'no-such-trainer': there is no such "
                  "program on the PATH\n"))
      << err_;
  EXPECT_TRUE(has(refused("./train.sh"), "'./train.sh': there is no such program\n")) << err_;
  fs::create_directory(home_ / "train.sh");
  EXPECT_TRUE(has(refused("./train.sh"), "'./train.sh': it is a folder\n")) << err_;
  fs::remove(home_ / "train.sh");
  std::ofstream(home_ / "train.sh") << "#!/bin/sh\n";
  EXPECT_TRUE(has(refused("./train.sh"), "'./train.sh': it is not executable: chmod +x")) << err_;
  fs::permissions(home_ / "train.sh", fs::perms::owner_all);
  EXPECT_EQ(refused("./train.sh", kSuccess), "");
}

TEST_F(Commands, ATrialThatNobodyRunsAnyMoreIsInterrupted) {
  EXPECT_EQ(status_word(TrialStatus::kRunning, false), "interrupted");
  EXPECT_EQ(status_word(TrialStatus::kRunning, true), "running");
  EXPECT_EQ(status_word(TrialStatus::kStopped, false), "stopped");
}

TEST_F(Commands, CheckRefusesMixedSources) {
  const auto message = [&](StudySource source) {
    run(run_check, CheckOptions{.source = std::move(source)}, kFailure);
    return err_;
  };
  EXPECT_TRUE(has(message({}), "what is to be run?"));
  EXPECT_TRUE(has(message({.file = "a.toml", .command = {"b"}}), "not both"));
  EXPECT_TRUE(has(message({.command = {"b"}}), "--min METRIC or --max METRIC"));
  EXPECT_TRUE(has(message({.file = "/none.toml"}), "no study file /none.toml"));
}

}  // namespace
}  // namespace clavier::cli
