#include "worker/protocol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "study/foldable.h"

namespace clavier::worker {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string line_of(const auto& message) {
  std::string line;
  encode(message, line);
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  line.pop_back();
  return line;
}

ReportLine report_of(std::string_view line) {
  auto message = decode_from_worker(line);
  EXPECT_TRUE(message) << message.error().message;
  return std::get<ReportLine>(*message);
}

std::string error_of(std::string_view line) {
  const auto message = decode_from_worker(line);
  EXPECT_FALSE(message) << line;
  return message ? "" : message.error().message;
}

TEST(Protocol, ReportsLookAsDocumented) {
  const ReportLine report{TrialId{7},
                          LaunchId{12},
                          5,
                          1.25,
                          {{"loss", 0.31}, {"accuracy", 0.9}},
                          "checkpoint_000005_12"};
  EXPECT_EQ(line_of(report),
            R"({"type":"report","trial":7,"launch":12,"step":5,"seconds":1.25,)"
            R"("metrics":{"loss":0.31,"accuracy":0.9},"checkpoint":"checkpoint_000005_12"})");
}

TEST(Protocol, WorkersMessagesAreReadBackEqual) {
  const FromWorker messages[] = {
      HelloLine{},
      HelloLine{1, true, true, true, "train \"x\".py", 4711},
      HelloLine{.paced = true},
      HelloLine{.takes = {.members = 16, .shares = 4, .elastic = true}},
      ReportLine{},
      ReportLine{.more = true},
      ReportLine{TrialId{0}, LaunchId{0}, 0, 0.0, {}, ""},
      ReportLine{{},
                 {},
                 kMostSteps,
                 1e-9,
                 {{"a/b", -0.0},
                  {"nan", NAN},
                  {"inf", kInfinity},
                  {"min", -kInfinity},
                  {"caf\u00e9 \"", 1e300}},
                 "c"},
      CheckpointLine{TrialId{1}, LaunchId{2}, 3, "checkpoint_000003_2"},
      CheckpointLine{{}, {}, {}, "x"},
      CheckpointLine{TrialId{1}, LaunchId{2}, 3, "", "no space left"},
      ExitedLine{TrialId{1}, LaunchId{2}, ExitKind::kFailed, "no room left: 'x' \\ y"},
      ExitedLine{{}, {}, ExitKind::kPaused, ""},
      ExitedLine{{}, {}, ExitKind::kFailed, "no such file", true},
      ExitedLine{{}, {}, ExitKind::kStopped, ""},
  };
  for (const FromWorker& message : messages) {
    const auto again = decode_from_worker(line_of(message));
    ASSERT_TRUE(again) << line_of(message) << ": " << again.error().message;
    EXPECT_TRUE(*again == message) << line_of(message);
  }
}

TEST(Protocol, TunersMessagesAreReadBackEqual) {
  Config config;
  config.set("lr", 0.1);
  config.set("optimizer.name", "sgd");
  config.set("layers", Value::List{1, 2});
  const ToWorker messages[] = {
      StartLine{TrialId{7},
                LaunchId{12},
                2,
                config,
                "/studies/a b/trial",
                "/x/checkpoint_1",
                4,
                9,
                0.25,
                {3, false}},
      StartLine{},
      StartLine{.slots = 4},
      StartLine{.checkpoints = {.best = Objective{"loss", Mode::kMin}}},
      StartLine{.checkpoints = {.best = Objective{"accuracy", Mode::kMax}}, .best = 0.5},
      StartLine{.step_seconds = 0.125},
      StartLine{.members = 8},
      StartLine{.shares = 4, .rank = 3},
      ContinueLine{9},
      ContinueLine{},
      ContinueLine{9, TrialId{7}},
      StopLine{},
      StopLine{TrialId{7}},
      PauseLine{},
      PauseLine{TrialId{7}},
      ExploitLine{"/x/checkpoint_000004_3", config, 4, 8},
      ExploitLine{"/x/checkpoint_000004_3", config, 4, 8, TrialId{7}},
      QuitLine{},
  };
  for (const ToWorker& message : messages) {
    const auto again = decode_to_worker(line_of(message));
    ASSERT_TRUE(again) << line_of(message) << ": " << again.error().message;
    ASSERT_TRUE(*again) << line_of(message);
    EXPECT_TRUE(**again == message) << line_of(message);
  }
}

TEST(Protocol, WhatAnOldWorkerDoesNotKnowIsNotWrittenForALaunchOfOneTrial) {
  EXPECT_EQ(line_of(ToWorker(StopLine{})), R"({"type":"stop"})");
  EXPECT_EQ(line_of(ToWorker(ContinueLine{9})), R"({"type":"continue","until":9})");
  const std::string start = line_of(ToWorker(StartLine{}));
  for (const char* word : {"members", "shares", "rank"})
    EXPECT_EQ(start.find(word), std::string::npos) << start;
  EXPECT_EQ(line_of(FromWorker(HelloLine{})).find("takes"), std::string::npos);
}

TEST(Protocol, WhatAWorkerTakesMayBePartlySaidAndMustMakeSense) {
  const auto hello = decode_from_worker(R"({"type":"hello","version":1,"takes":{"members":8}})");
  ASSERT_TRUE(hello);
  EXPECT_EQ(std::get<HelloLine>(*hello).takes, (Takes{.members = 8}));
  for (const char* takes : {"8", "{\"members\":0}", "{\"elastic\":1}"}) {
    const auto wrong =
        decode_from_worker(std::string(R"({"type":"hello","version":1,"takes":)") + takes + "}");
    EXPECT_FALSE(wrong) << takes;
  }
  EXPECT_FALSE(decode_to_worker(R"({"type":"start","trial":1,"launch":1,"shares":2,"rank":2})"));
}

TEST(Protocol, AShortHandWrittenReportIsEnough) {
  const auto report =
      report_of(R"({ "metrics" : {"loss":0.5}, "type": "report", "extra": [1,{}] })");
  EXPECT_EQ(report, (ReportLine{{}, {}, {}, {}, {{"loss", 0.5}}, ""}));
}

TEST(Protocol, MetricsMayBeTruthValuesNullAndNonFinite) {
  const auto report = report_of(
      R"({"type":"report","metrics":{"a":true,"b":false,"c":null,"d":NaN,"e":-Infinity,"f":1e999}})");
  ASSERT_EQ(report.metrics.size(), 6u);
  EXPECT_EQ(report.metrics[0].value, 1);
  EXPECT_EQ(report.metrics[1].value, 0);
  EXPECT_TRUE(std::isnan(report.metrics[2].value));
  EXPECT_TRUE(std::isnan(report.metrics[3].value));
  EXPECT_EQ(report.metrics[4].value, -kInfinity);
  EXPECT_EQ(report.metrics[5].value, kInfinity);
}

TEST(Protocol, ALaterMetricOfTheSameNameReplacesTheEarlierOne) {
  EXPECT_EQ(report_of(R"({"type":"report","metrics":{"a":1,"b":2,"a":3}})").metrics,
            (std::vector<Metric>{{"a", 3}, {"b", 2}}));
}

TEST(Protocol, SecondsThatMakeNoSenseAreLeftToTheReader) {
  for (const char* seconds : {"-1", "1e300", "NaN", "Infinity", "null"})
    EXPECT_FALSE(report_of(std::string(R"({"type":"report","seconds":)") + seconds + "}").seconds);
}

TEST(Protocol, GarbageIsAnErrorThatSaysWhy) {
  EXPECT_EQ(error_of("Epoch 3 done"), "not a JSON object at byte 1");
  EXPECT_EQ(error_of("{}"), "'type' must be hello, report, checkpoint or exited");
  EXPECT_EQ(error_of(R"({"type":"Report"})"), "'type' must be hello, report, checkpoint or exited");
  EXPECT_EQ(error_of(R"({"type":"report","step":1.5})"), "'step' must be a whole number from 0 on");
  EXPECT_EQ(error_of(R"({"type":"report","step":-1})"), "'step' must be a whole number from 0 on");
  EXPECT_EQ(error_of(R"({"type":"report","step":9007199254740993})"),
            "'step' is beyond 9007199254740992");
  EXPECT_EQ(error_of(R"({"type":"report","metrics":{"x":"high"}})"), "metric 'x' is not a number");
  EXPECT_EQ(error_of(R"({"type":"report","metrics":[1]})"),
            "'metrics' must be an object of numbers");
  EXPECT_EQ(error_of(R"({"type":"hello"})"), "'version' is missing");
  EXPECT_EQ(error_of(R"({"type":"exited"})"),
            "'kind' must be completed, stopped, paused or failed");
  EXPECT_EQ(error_of(R"({"type":"exited","kind":"lost"})"),
            "'kind' must be completed, stopped, paused or failed");
  EXPECT_EQ(error_of(R"({"type":"checkpoint"})"), "'checkpoint' is missing");
  EXPECT_EQ(error_of("{\"type\":\"report\",\"metrics\":{\"\xff\":1}}"), "not UTF-8");
}

TEST(Protocol, EveryTruncationOfALineIsAnError) {
  const std::string line =
      line_of(ReportLine{TrialId{7}, LaunchId{12}, 5, 1.25, {{"loss", 0.31}}, "c"});
  for (std::size_t length = 0; length < line.size(); ++length)
    EXPECT_FALSE(decode_from_worker(line.substr(0, length))) << length;
}

TEST(Protocol, CheckpointsCannotLeaveTheTrialsDirectory) {
  for (const char* name : {"..", "../x", "/etc", "a/b", ".hidden", "a\\u0000b", "a\\nb"})
    EXPECT_FALSE(
        decode_from_worker(std::string(R"({"type":"checkpoint","checkpoint":")") + name + "\"}"))
        << name;
  EXPECT_TRUE(valid_checkpoint_name(checkpoint_name(5, LaunchId{12})));
  EXPECT_TRUE(valid_checkpoint_name(std::string(kMaxCheckpointNameBytes, 'a')));
  EXPECT_FALSE(valid_checkpoint_name(std::string(kMaxCheckpointNameBytes + 1, 'a')));
  EXPECT_EQ(checkpoint_name(5, LaunchId{12}), "checkpoint_000005_12");
}

TEST(Protocol, BoundsMetricsAndTheirNames) {
  const auto with_names = [](std::size_t count, std::size_t length) {
    std::vector<Metric> metrics;
    for (std::size_t i = 0; i < count; ++i) {
      std::string name = std::to_string(i);
      name.resize(length, 'x');
      metrics.push_back({name, 1});
    }
    return metrics;
  };
  const auto accepted = [](std::vector<Metric> metrics) {
    const bool read = decode_from_worker(line_of(ReportLine{{}, {}, {}, {}, metrics, ""})).ok();
    EXPECT_EQ(read, check_metrics(metrics).ok());
    return read;
  };
  EXPECT_TRUE(accepted(with_names(kMaxMetrics, 5)));
  EXPECT_FALSE(accepted(with_names(kMaxMetrics + 1, 5)));
  EXPECT_TRUE(accepted(with_names(1, kMaxMetricNameBytes)));
  EXPECT_FALSE(accepted(with_names(1, kMaxMetricNameBytes + 1)));
  EXPECT_FALSE(accepted({{"", 1}}));
  EXPECT_FALSE(accepted({{"a\tb", 1}}));
}

TEST(Protocol, AnUnknownMessageOfTheTunerIsIgnored) {
  const auto message = decode_to_worker(R"({"type":"join","trial":3})");
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_value());
  EXPECT_FALSE(decode_to_worker("{}"));
  EXPECT_FALSE(decode_to_worker(R"({"type":"start"})"));
  EXPECT_FALSE(decode_to_worker(R"({"type":"start","trial":1,"launch":1,"step_seconds":-1})"));
  EXPECT_FALSE(decode_to_worker(R"({"type":"start","trial":1,"launch":1,"step_seconds":NaN})"));
  EXPECT_FALSE(decode_to_worker(R"({"type":"start","trial":1,"launch":1,"config":[1]})"));
  EXPECT_FALSE(decode_to_worker(R"({"type":"continue","until":"soon"})"));
}

TEST(Protocol, ErrorsAreOneLineOfText) {
  EXPECT_EQ(one_line("\n  out of memory\nstack …"), "out of memory");
  EXPECT_EQ(one_line("bad \xff"), "bad ?");
  EXPECT_EQ(one_line(""), "");
  const std::string longer = std::string(kMaxErrorBytes - 1, 'x') + "\u00e9";
  EXPECT_EQ(one_line(longer), std::string(kMaxErrorBytes - 1, 'x'));
}

TEST(PlainLines, AnObjectWithANumberIsAReport) {
  EXPECT_EQ(scan_plain(R"({"accuracy": 0.9})"),
            (ReportLine{{}, {}, {}, {}, {{"accuracy", 0.9}}, ""}));
  EXPECT_EQ(scan_plain(" {\"step\": 3, \"loss\": NaN, \"ok\": true, \"note\": \"x\"}\r"),
            (ReportLine{{}, {}, 3, {}, {{"loss", NAN}, {"ok", 1}}, ""}));
  EXPECT_EQ(scan_plain("100%|####|\r{\"loss\": 1}"),
            (ReportLine{{}, {}, {}, {}, {{"loss", 1}}, ""}));
}

TEST(PlainLines, AllElseIsTheLog) {
  for (const char* line :
       {"", "{", "{}", "}", "loss = 0.3", "{'loss': 0.3}", "{\"loss\": 0.3", "[1]", "3.5",
        R"({"note":"x"})", R"({"step":3})", R"({"done":true})", R"({"step":"three","loss":1})",
        R"({"step":-1,"loss":1})", R"({"loss":1} trailing)", "{\"a\xff\":1}", R"({"":1})"})
    EXPECT_FALSE(scan_plain(line)) << line;
}

TEST(PlainLines, WhatWasMeantToBeAReportIsExplained) {
  EXPECT_EQ(why_no_report("{'loss': 0.3}"),
            "names stand in double quotes in JSON: print json.dumps(…)");
  EXPECT_EQ(why_no_report(R"({"step": 2.5, "loss": 1})"),
            "'step' must be a whole number from 0 to 9007199254740992");
  EXPECT_EQ(why_no_report(R"({"loss": "0.3"})"), "it holds no number");
  EXPECT_NE(why_no_report(R"({"loss": tensor(0.3)})"), "");
  EXPECT_EQ(why_no_report(R"({"loss": 0.3})"), "");
  EXPECT_EQ(why_no_report("loss 0.3"), "");
}

}  // namespace
}  // namespace clavier::worker
