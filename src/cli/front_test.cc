#include <gtest/gtest.h>

#include <sstream>

#include "app/file/study_file.h"
#include "app/file/study_folder.h"
#include "app/run/simulate_study.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/door.h"
#include "cli/studies.h"
#include "tests/support/scratch_directory.h"

namespace clavier::cli {
namespace {

constexpr const char* kStudy = R"([study]
name = "two"
metrics = [{ name = "accuracy", mode = "max" }, { name = "latency", mode = "min" }]
trials = 8
[space]
x = { uniform = [0, 1] }
[trial.stop]
steps = 2
[worker]
command = ["train", "{x}"]
[cluster]
workers = 1
discover = true
)";

/// A study of two metrics, with several trials on its front, as its user asks about it.
class FrontCommands : public testing::Test {
 protected:
  FrontCommands() {
    const auto spec = app::parse_study(kStudy, "two.toml");
    EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
    const auto folder = app::make_study_folder(scratch_.path(), "two");
    const auto done = app::simulate_study(*spec, {.folder = folder->root});
    EXPECT_TRUE(done.ok()) << (done ? "" : done.error().message);
    front_ = done->state.front();
    EXPECT_GT(front_.size(), 1U);
    EXPECT_LT(front_.size(), 8U);
  }

  StudyChoice two() const { return {.study = "two", .dir = scratch_.path().string()}; }
  template <typename Options, typename Run>
  std::string run(Run command, const Options& options, int expected = kSuccess) {
    std::ostringstream out, err;
    std::istringstream in;
    {
      Door front(out), aside(err);
      Streams streams{.out = out, .err = err, .in = in, .behind = &front.behind()};
      EXPECT_EQ(command(options, streams), expected) << err.str();
    }
    err_ = err.str();
    return out.str();
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  const ScratchDirectory scratch_;
  std::vector<TrialId> front_;
  std::string err_;
};

TEST_F(FrontCommands, BestShowsEveryMemberAndWhatTheyCover) {
  const std::string table = run(run_best, BestOptions{.study = two()});
  EXPECT_TRUE(has(table, "accuracy") && has(table, "latency") && has(table, "\nhypervolume "))
      << table;
  EXPECT_EQ(std::ranges::count(table, '\n'), std::ssize(front_) + 2) << table;
  const auto json = Json::parse(run(run_best, BestOptions{.study = two(), .json = true}));
  ASSERT_TRUE(json.ok()) << json.error().message;
  const auto* members = json->find_as<Json::List>("front");
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), front_.size());
  for (std::size_t i = 0; i < front_.size(); ++i) {
    EXPECT_EQ((*members)[i].find("trial")->number(), static_cast<double>(front_[i].value));
    EXPECT_TRUE((*members)[i].find("values")->find("latency"));
  }
  EXPECT_GT(json->find("hypervolume")->number(), 0);
  EXPECT_TRUE(json->find("reference")->find("accuracy"));
}

TEST_F(FrontCommands, BestByOneOfThemIsOneTrial) {
  const std::string one = run(run_best, BestOptions{.study = two(), .metric = "latency"});
  EXPECT_TRUE(one.starts_with("trial ") && has(one, ": latency ")) << one;
  run(run_best, BestOptions{.study = two(), .mode = Mode::kMin}, kFailure);
  EXPECT_TRUE(has(err_, "say which metric: --metric NAME")) << err_;
}

TEST_F(FrontCommands, BestPrintsACommandForEachMember) {
  const std::string lines = run(run_best, BestOptions{.study = two(), .command = true});
  EXPECT_EQ(std::ranges::count(lines, '\n'), std::ssize(front_)) << lines;
}

TEST_F(FrontCommands, WhatTakesTheBestWantsANumberAndListsTheFront) {
  run(run_test, TestOptions{.study = two()}, kFailure);
  EXPECT_TRUE(has(err_, "no trial is the best: ")) << err_;
  for (const TrialId id : front_) EXPECT_TRUE(has(err_, std::to_string(id.value))) << err_;
  run(run_predict, PredictOptions{.data = "new.csv", .study = two()}, kFailure);
  EXPECT_TRUE(has(err_, "no trial is the best: ")) << err_;
}

TEST_F(FrontCommands, TrialsStatusAndExportTellTheFrontAndTheVolume) {
  const std::string ranks = run(run_trials, TrialsOptions{.study = two(),
                                                          .top = front_.size(),
                                                          .columns = {"trial", "rank"},
                                                          .format = Format::kCsv});
  std::string expected = "trial,rank\r\n";
  for (const TrialId id : front_) expected += std::to_string(id.value) + ",0\r\n";
  EXPECT_EQ(ranks, expected);
  EXPECT_TRUE(has(run(run_trials, TrialsOptions{.study = two()}), "rank"));
  const std::string status = run(run_status, two());
  EXPECT_TRUE(has(status, "front of ") && has(status, ", beyond accuracy ")) << status;
  EXPECT_TRUE(has(run(run_export, ExportOptions{.study = two()}), "hypervolume"));
}

}  // namespace
}  // namespace clavier::cli
