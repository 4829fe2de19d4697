#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/commands.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/study_fixtures.h"

/// `plan`, `simulate` and `why` as a user calls them.
namespace clavier::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSlots = R"([[cluster.slots]]
speed = 4
price_per_hour = 3600
[[cluster.slots]]
node = "b"
speed = 1
)";

class Plans : public testing::Test {
 protected:
  Plans() { write(""); }

  void write(const std::string& more) { std::ofstream(file()) << app::study_text(kSlots + more); }
  std::string file() const { return (scratch_.path() / "s.toml").string(); }
  std::string path(const char* name) const { return (scratch_.path() / name).string(); }
  static std::string text(const std::string& path) {
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
  }

  template <typename Options, typename Run>
  std::string run(Run command, const Options& options, int expected = kSuccess) {
    std::ostringstream out, err;
    std::istringstream in;
    Streams streams{.out = out, .err = err, .in = in};
    EXPECT_EQ(command(options, streams), expected) << err.str();
    err_ = err.str();
    return out.str();
  }
  std::string simulate(SimulateOptions options = {}, int expected = kSuccess) {
    options.source.file = file();
    options.dir = path("home");
    return run(run_simulate, options, expected);
  }
  std::string plan(PlanOptions options = {}, int expected = kSuccess) {
    options.source.file = file();
    options.dir = path("home");
    return run(run_plan, options, expected);
  }

  ScratchDirectory scratch_;
  std::string err_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string line_with(const std::string& text, std::string_view begin) {
  const auto from = text.find(begin);
  return from == std::string::npos ? "" : text.substr(from, text.find('\n', from) - from);
}

TEST_F(Plans, SimulateTellsHowItEndedAndTheSameHashTwice) {
  write("[simulate]\nnoise = 0.1\nslot_mtbf = 300\nrepair = 3\n");
  const std::string once = simulate();
  EXPECT_TRUE(has(once, "study         later: 6 trials on 2 slots, auto planner\n")) << once;
  EXPECT_TRUE(has(once, "ended         all 6 trials have run\n")) << once;
  EXPECT_EQ(simulate(), once);
  EXPECT_TRUE(has(once, "\ntrace hash    ")) << once;
  EXPECT_NE(line_with(simulate({.seed = 5}), "trace hash"), line_with(once, "trace hash"));
  EXPECT_FALSE(fs::exists(path("home"))) << "nothing is kept unless asked for";
}

TEST_F(Plans, SimulateRepeatsOverSeeds) {
  const std::string out = simulate({.repeat = 3});
  EXPECT_TRUE(has(out, "\nover 3 seeds: makespan ")) << out;
  EXPECT_TRUE(has(out, "seed          2\n")) << out;
}

TEST_F(Plans, SimulateWritesATraceAndAPicture) {
  const std::string out =
      simulate({.traces = {.trace = path("trace.csv"), .gantt = path("gantt.svg")}});
  const std::string csv = text(path("trace.csv"));
  EXPECT_TRUE(csv.starts_with("launch,trial,slot,node,from_step,to_step,start,end,moved,cost"))
      << csv;
  EXPECT_GE(std::ranges::count(csv, '\n'), 7) << "a row for each trial at least";
  const std::string svg = text(path("gantt.svg"));
  EXPECT_TRUE(svg.starts_with("<svg") && has(svg, "</svg>")) << svg.substr(0, 200);
  EXPECT_TRUE(has(svg, "later — auto planner")) << svg.substr(0, 2000);
}

TEST_F(Plans, SimulateFailsWithTheReason) {
  write("[simulate]\nnoice = 0.1\n");
  simulate({}, kFailure);
  EXPECT_TRUE(has(err_, "s.toml:21:1: unknown key \"noice\" in [simulate]")) << err_;
  write("[simulate]\nmtbf = 0\n");
  simulate({}, kFailure);
  EXPECT_TRUE(has(err_, "simulate.mtbf")) << err_;
  write("");
  simulate({.traces = {.trace = path("missing/trace.csv")}}, kFailure);
  EXPECT_TRUE(has(err_, "cannot write ")) << err_;
  fs::remove(file());
  simulate({}, kFailure);
  EXPECT_TRUE(has(err_, "no study file ")) << err_;
}

TEST_F(Plans, PlanPredictsBeforeAnythingRuns) {
  const std::string out =
      plan({.traces = {.trace = path("trace.csv"), .gantt = path("gantt.svg")}});
  EXPECT_TRUE(has(out, "makespan      ")) << out;
  EXPECT_TRUE(has(out, "lower bound   ")) << out;
  EXPECT_TRUE(has(out, "cost          ")) << out;
  EXPECT_TRUE(has(out, "durations     the speeds of [[cluster.slots]], 1 s per step at speed 1\n"))
      << out;
  EXPECT_TRUE(has(out, "the start of workers is not counted")) << out;
  EXPECT_FALSE(has(out, "checkpoints   ")) << out;
  EXPECT_TRUE(has(text(path("trace.csv")), "launch,trial,slot")) << "traces as simulate writes";
  EXPECT_TRUE(has(text(path("gantt.svg")), "</svg>"));
  EXPECT_FALSE(fs::exists(path("home")));
}

TEST_F(Plans, PlanSaysHowOftenToSaveAndWhatAStartTakes) {
  write("[simulate]\nstart_seconds = 8\nsave_seconds = 1\nmtbf = 100\n");
  const std::string out = plan();
  EXPECT_TRUE(has(out, "a launch takes 5 s to start in the mean of the slots")) << out;
  EXPECT_TRUE(has(line_with(out, "checkpoints   every "), "[checkpoint] every = 0 loses ")) << out;
}

TEST_F(Plans, PlanTakesDurationsFromASimulatedStudyThatWasKept) {
  simulate({.keep = true});
  EXPECT_TRUE(has(plan({.from = "later"}), "durations     measured by the study later\n"));
  plan({.from = "latter"}, kFailure);
  EXPECT_TRUE(has(err_, "did you mean \"later\"?")) << err_;
}

TEST_F(Plans, WhyTellsHowATrialEnded) {
  simulate({.keep = true});
  const StudyChoice study{.study = "later", .dir = path("home")};
  EXPECT_TRUE(has(run(run_why, WhyOptions{.trial = 5, .study = study}),
                  "trial 5 has ended, completed at step 60"));
  run(run_why, WhyOptions{.trial = 6, .study = study}, kFailure);
  EXPECT_EQ(err_, "clavier: there is no trial 6; the study has 0 to 5\n");
}

}  // namespace
}  // namespace clavier::cli
