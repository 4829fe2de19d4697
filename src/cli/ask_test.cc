#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "cli/commands.h"
#include "tests/support/scratch_directory.h"

namespace clavier::cli {
namespace {

/// A study without a worker, and the commands that a user types.
class AskTell : public testing::Test {
 protected:
  AskTell() {
    std::ofstream(home_ / "s.toml") << R"([study]
metric = "loss"
mode = "min"
trials = 30
[space]
lr = { loguniform = [1e-4, 1] }
layers = { int = [1, 3] }
[scheduler]
algorithm = "asha"
max_steps = 9
reduction = 3
)";
  }
  struct Ran {
    int status = 0;
    std::string out, err;
  };
  template <typename Run, typename Options>
  Ran run(Run command, const Options& options) {
    std::ostringstream out, err;
    std::istringstream in;
    Streams streams{.out = out, .err = err, .in = in};
    const int status = command(options, streams);
    return {status, out.str(), err.str()};
  }
  std::string dir() const { return (home_ / "studies").string(); }
  Ran ask(bool json = false) {
    return run(run_ask, AskOptions{{.study = (home_ / "s.toml").string(), .dir = dir()}, json});
  }
  Ran tell(TellOptions options) {
    options.study = "s";
    options.dir = dir();
    return run(run_tell, options);
  }
  Ran tell(std::int64_t trial, std::vector<std::string> metrics,
           std::optional<Steps> step = std::nullopt) {
    return tell({.trial = trial, .metrics = std::move(metrics), .step = step});
  }
  ScratchDirectory home_;
};

TEST_F(AskTell, ATrialIsHandedOutWithItsConfigurationAndToldOf) {
  const Ran first = ask();
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_TRUE(first.out.starts_with("trial 0\n  lr = ")) << first.out;
  EXPECT_TRUE(ask(true).out.starts_with("{\"trial\": 1, \"config\": {\"lr\": "));
  EXPECT_EQ(tell(1, {"loss=0.25", "epochs=3"}).out, "trial 1 completed: loss 0.25\n");
  EXPECT_EQ(tell({.trial = 0, .failed = "diverged"}).out, "trial 0 failed\n");
  const Ran best = run(run_best, BestOptions{.study = {"s", dir()}});
  EXPECT_TRUE(best.out.starts_with("trial 1: loss 0.25 at step 1\n")) << best.out;
  const Ran status = run(run_status, StudyChoice{"s", dir()});
  EXPECT_NE(status.out.find("status     asked"), std::string::npos) << status.out;
}

TEST_F(AskTell, ReportsAreAnsweredAndAStoppedTrialHasEnded) {
  for (int i = 0; i < 3; ++i) ask();
  EXPECT_EQ(tell(0, {"loss=0.1"}, 1).out, "continue\n");
  EXPECT_EQ(tell(1, {"loss=0.5"}, 1).out, "stop\n");
  EXPECT_EQ(tell(0, {}).out, "trial 0 completed: loss 0.1\n");
  EXPECT_EQ(tell(1, {"loss=0.4"}, 2).err,
            "clavier: trial 1 stopped: loss 0.5 before; that stands\n");
}

TEST_F(AskTell, TheSameTwiceIsAnsweredTwiceAndCountsOnce) {
  ask(), ask(), ask();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(tell(0, {"loss=0.25", "epochs=2"}).out, "trial 0 completed: loss 0.25\n");
    EXPECT_EQ(tell(1, {"loss=0.125"}, 1).out, "continue\n");
    EXPECT_EQ(tell({.trial = 2, .failed = "x"}).out, "trial 2 failed\n");
  }
  const Ran reports =
      run(run_export, ExportOptions{.study = {"s", dir()}, .content = ExportContent::kReports});
  EXPECT_EQ(std::ranges::count(reports.out, '\n'), 3) << reports.out;
}

TEST_F(AskTell, WhatDoesNotFitIsRefusedAndWritesNothing) {
  EXPECT_NE(tell(0, {"loss=1"}).err.find("there is no study in"), std::string::npos);
  ask();
  const auto told = [&](const Ran& ran) {
    EXPECT_EQ(ran.status, 1) << ran.out;
    return ran.err;
  };
  EXPECT_EQ(told(tell(7, {"loss=1"})), "clavier: there is no trial 7; the study has 0 to 0\n");
  EXPECT_EQ(told(tell(0, {"los=1"})),
            "clavier: loss is missing, the study's metric; is los meant?\n");
  EXPECT_EQ(told(tell(0, {})),
            "clavier: trial 0 has reported nothing yet: say loss=VALUE, or --failed WHY\n");
  EXPECT_EQ(tell(0, {"loss=0.5"}, 3).out, "continue\n");
  EXPECT_EQ(told(tell(0, {"loss=0.5"}, 2)),
            "clavier: trial 0 has reported step 3: steps are to rise\n");
  EXPECT_EQ(told(tell(0, {"loss=0.25"}, 3)),
            "clavier: trial 0 has reported step 3 with other values: steps are to rise\n");
  EXPECT_EQ(tell(0, {"loss=0.25"}).status, 0);
  EXPECT_EQ(told(tell(0, {"loss=0.125"})),
            "clavier: trial 0 completed: loss 0.25 before; that stands\n");
  EXPECT_EQ(told(tell({.trial = 0, .failed = "x"})),
            "clavier: trial 0 completed: loss 0.25 before; that stands\n");
}

TEST_F(AskTell, OfSeveralMetricsAllAreToldTogether) {
  std::ofstream(home_ / "s.toml") << R"([study]
metrics = [{ name = "loss", mode = "min" }, { name = "latency", mode = "min" }]
trials = 3
[space]
lr = { loguniform = [1e-4, 1] }
)";
  EXPECT_EQ(ask().status, kSuccess);
  const Ran part = tell(0, {"loss=1"});
  EXPECT_EQ(part.status, kFailure);
  EXPECT_EQ(part.err,
            "clavier: latency is missing, one of the study's metrics, which are told together\n");
  EXPECT_EQ(
      tell(0, {}).err,
      "clavier: trial 0 has reported nothing yet: say loss=VALUE latency=VALUE, or --failed WHY\n");
  for (int twice = 0; twice < 2; ++twice)
    EXPECT_EQ(tell(0, {"loss=1", "latency=2"}).out, "trial 0 completed: loss 1, latency 2\n");
}

TEST_F(AskTell, ImportanceNeedsTrialsAndThenNamesWhatMatters) {
  ask();
  const auto importance = [&](ImportanceOptions options) {
    options.study = {"s", dir()};
    return run(run_importance, options);
  };
  EXPECT_EQ(importance({}).err, "clavier: 20 trials with a value are needed, and there are 0\n");
  for (int i = 0; i < 30; ++i) {
    if (i > 0) {
      ASSERT_EQ(ask().status, 0);
    }
    const Ran trials =
        run(run_trials,
            TrialsOptions{.study = {"s", dir()}, .columns = {"lr"}, .format = Format::kCsv});
    const std::string last = trials.out.substr(0, trials.out.size() - 1);
    const double lr = std::stod(last.substr(last.rfind('\n') + 1));
    ASSERT_EQ(tell(i, {"loss=" + std::to_string(std::abs(std::log10(lr) + 2))}).status, 0);
  }
  const Ran table = importance({});
  EXPECT_TRUE(table.out.starts_with("What loss depends on, by ped-anova from 30 trials\n"))
      << table.out;
  EXPECT_LT(table.out.find("lr "), table.out.find("layers ")) << table.out;
  const Ran json = importance({.method = "fanova", .json = true});
  EXPECT_NE(json.out.find("\"importances\": [{\"parameter\": \"lr\", \"share\": 0."),
            std::string::npos)
      << json.out;
  EXPECT_NE(run(run_status, StudyChoice{"s", dir()}).out.find("importance lr 0."),
            std::string::npos);
}

}  // namespace
}  // namespace clavier::cli
