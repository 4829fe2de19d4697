#include "cli/one_run.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

namespace clavier::cli {
namespace {

/// What `run` says at the end of a study whose only trial reported this.
std::string said_after(const std::vector<double>& values) {
  State state{{"loss", Mode::kMin}, {}};
  std::int64_t next = 0;
  const auto step = [&](Input input, Fill fill = {}) {
    state.apply(Step{{.id = StepId{next++}, .time = study_time(0), .input = std::move(input)},
                     std::move(fill)});
  };
  step(Opened{.trials = 1});
  Node node{.id = NodeId{0}, .host = "box", .cpus = 1, .memory_mb = 1024};
  node.slots.push_back({.id = SlotId{0}, .node = NodeId{0}, .resources = {.cpus = 1}});
  step(Signal{NodeJoined{node}});
  Fill start;
  start.created = {NewTrial{.id = TrialId{0}}};
  start.launches = {
      {.id = state.next_launch(), .members = {{.trial = TrialId{0}}}, .shares = {{SlotId{0}}}}};
  step(Signal{Deadline{}}, start);
  const LaunchId launch = state.trial(TrialId{0}).launch;
  for (const double value : values)
    step(Signal{Reported{{{.trial = TrialId{0},
                           .launch = launch,
                           .step = 1,
                           .value = value,
                           .seconds = 1,
                           .metrics = {{"loss", value}}}}}});
  Fill end;
  end.finished = Finished{.reason = "all trials have ended"};
  step(Signal{Exited{.trial = TrialId{0},
                     .launch = launch,
                     .kind = ExitKind::kCompleted,
                     .error = {},
                     .log_tail = {}}},
       end);
  std::istringstream in;
  std::ostringstream out, err;
  Streams streams{.out = out, .err = err, .in = in};
  const int status = exit_status(
      "s", {.end = tuner::RunEnd::kFinished, .interrupted = false, .state = state}, streams);
  return std::to_string(status) + " " + err.str();
}

TEST(ExitStatus, WithoutABestTrialSaysWhetherAnyValueWasReported) {
  EXPECT_EQ(said_after({std::numeric_limits<double>::quiet_NaN()}),
            "1 clavier: no trial has reported a finite loss\n");
  EXPECT_EQ(said_after({}), "1 clavier: no trial has reported loss\n");
  EXPECT_EQ(said_after({0.5}), "0 ");
}

}  // namespace
}  // namespace clavier::cli
