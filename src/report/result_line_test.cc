#include "report/result_line.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"

namespace clavier::report {
namespace {

const ResultSource kSource{.trial_name = "3fa1c_00002",
                           .experiment_tag = "3_l1=64,lr=0.1000",
                           .host = "h\"1",
                           .config_json = R"({"lr": 0.1, "l1": 64})"};

ResultLine line_of(const std::vector<Metric>& metrics) {
  return {.metrics = metrics,
          .source = kSource,
          .timestamp_s = 1706745599,
          .date = "2024-01-31_23-59-59",
          .checkpoint_name = {},
          .done = false,
          .iteration = 4,
          .seconds = 0.5,
          .total_seconds = 2,
          .seconds_since_restore = 1.5,
          .iterations_since_restore = 3};
}

std::string json_of(const ResultLine& line) {
  std::string out;
  append_result_json(out, line);
  return out;
}

std::string row_of(const ProgressColumns& columns, const ResultLine& line) {
  std::string out;
  columns.append_row(out, line);
  return out;
}

std::string header_of(const ProgressColumns& columns) {
  std::string out;
  columns.append_header(out);
  return out;
}

TEST(ResultLine, HasRaysColumnsAfterTheMetrics) {
  const std::vector<Metric> metrics = {{"loss", 0.25}, {"acc", NAN}, {"b", -INFINITY}};
  ResultLine line = line_of(metrics);
  EXPECT_EQ(json_of(line),
            R"({"loss": 0.25, "acc": NaN, "b": -Infinity, "timestamp": 1706745599, )"
            R"("checkpoint_dir_name": null, "should_checkpoint": false, "done": false, )"
            R"("training_iteration": 4, "trial_id": "3fa1c_00002", "date": "2024-01-31_23-59-59", )"
            R"("time_this_iter_s": 0.5, "time_total_s": 2.0, "hostname": "h\"1", )"
            R"("config": {"lr": 0.1, "l1": 64}, "time_since_restore": 1.5, )"
            R"("iterations_since_restore": 3, "experiment_tag": "3_l1=64,lr=0.1000"})"
            "\n");
  line.checkpoint_name = "checkpoint_000004";
  line.done = true;
  EXPECT_NE(json_of(line).find(R"("checkpoint_dir_name": "checkpoint_000004", )"
                               R"("should_checkpoint": true, "done": true)"),
            std::string::npos);
}

TEST(ResultLine, ProgressIsQuotedAsPythonsCsvDoes) {
  const std::vector<Metric> metrics = {{"loss", 0.25}, {"a,\"b\"\nc", NAN}, {"inf", -INFINITY}};
  const ResultLine line = line_of(metrics);
  const ProgressColumns columns = ProgressColumns::of(line);
  EXPECT_EQ(header_of(columns),
            "loss,\"a,\"\"b\"\"\nc\",inf,timestamp,checkpoint_dir_name,should_checkpoint,done,"
            "training_iteration,trial_id,date,time_this_iter_s,time_total_s,hostname,"
            "time_since_restore,iterations_since_restore,experiment_tag\r\n");
  EXPECT_EQ(row_of(columns, line),
            "0.25,nan,-inf,1706745599,,False,False,4,3fa1c_00002,2024-01-31_23-59-59,0.5,2.0,"
            "\"h\"\"1\",1.5,3,\"3_l1=64,lr=0.1000\"\r\n");
}

TEST(ResultLine, TheFirstReportFixesTheColumns) {
  const std::vector<Metric> first = {{"a", 1}, {"b", 2}};
  const ProgressColumns columns = ProgressColumns::of(line_of(first));
  const std::vector<Metric> moved = {{"new", 9}, {"b", 2}};
  EXPECT_TRUE(row_of(columns, line_of(moved)).starts_with(",2.0,1706745599,"));
  const std::vector<Metric> none;
  EXPECT_TRUE(row_of(columns, line_of(none)).starts_with(",,1706745599,"));
}

TEST(ResultLine, ColumnsReadBackFromAHeader) {
  const std::vector<Metric> metrics = {{"x", 1}, {"a,\"b\"\nc", 3}, {"", 4}};
  const ResultLine line = line_of(metrics);
  const ProgressColumns columns = ProgressColumns::of(line);
  std::string header = header_of(columns);
  header.resize(header.size() - 2);
  EXPECT_EQ(header_of(*ProgressColumns::parse(header)), header_of(columns));
  EXPECT_EQ(row_of(*ProgressColumns::parse(header), line), row_of(columns, line));
}

TEST(ResultLine, AMetricNamedLikeARayColumnGivesWay) {
  const std::vector<Metric> metrics = {{"done", 7}, {"loss", 1}, {"config", 3}};
  const ResultLine line = line_of(metrics);
  EXPECT_TRUE(json_of(line).starts_with(R"({"loss": 1.0, "timestamp")"));
  EXPECT_TRUE(header_of(ProgressColumns::of(line)).starts_with("loss,timestamp,"));
}

TEST(PythonJson, IndentsAndSortsAsJsonDumpDoes) {
  const auto json =
      Json::parse(R"({"lr": 0.1, "b": {"z": [1, [], {}, "x"], "a": NaN}, "a": true, "n": null})");
  EXPECT_EQ(to_text(*json, {.indent = 2, .sorted = true}), R"({
  "a": true,
  "b": {
    "a": NaN,
    "z": [
      1,
      [],
      {},
      "x"
    ]
  },
  "lr": 0.1,
  "n": null
})");
}

}  // namespace
}  // namespace clavier::report
