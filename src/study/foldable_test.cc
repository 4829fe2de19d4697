#include "study/foldable.h"

#include <gtest/gtest.h>

#include "tests/support/step_random.h"

namespace clavier {
namespace {

Step first_step() {
  Step step;
  step.turn.id = {0};
  step.turn.time = study_time(100);
  step.turn.input = Opened{};
  step.fill.created = {{.id = {0}, .config = {}, .directory = "a"},
                       {.id = {1}, .config = {}, .directory = "b"}};
  step.fill.launches = {{.id = {0}, .members = {{.trial = {1}}}, .shares = {{{0}, 1}}}};
  return step;
}

Step second_step() {
  Step step;
  step.turn.id = {1};
  step.turn.time = study_time(100);
  step.turn.input = Signal(Deadline{});
  return step;
}

std::string problem(const Step& step) {
  State state({"loss", Mode::kMin}, {});
  state.apply(first_step());
  const Status status = foldable(step, state);
  return status.ok() ? "" : status.error().message;
}

TEST(Foldable, WhatTheTunerWritesIs) {
  const State state({"loss", Mode::kMin}, {});
  EXPECT_TRUE(foldable(first_step(), state).ok());
  EXPECT_EQ(problem(second_step()), "");
}

TEST(Foldable, EveryUnknownIdIsNamed) {
  const auto with = [](auto change) {
    Step step = second_step();
    change(step);
    return problem(step);
  };
  EXPECT_EQ(with([](Step& s) { s.turn.id = {3}; }), "step 3 follows step 0");
  EXPECT_EQ(with([](Step& s) { s.turn.time = study_time(99); }),
            "step 1 lies before the step that it follows");
  EXPECT_EQ(with([](Step& s) { s.turn.decisions = {{Stop{{2}}}}; }),
            "step 1 decides about the unknown trial 2");
  EXPECT_EQ(with([](Step& s) { s.fill.created = {{.id = {3}, .config = {}, .directory = ""}}; }),
            "step 1 creates trial 3 out of turn");
  EXPECT_EQ(with([](Step& s) { s.fill.launches = first_step().fill.launches; }),
            "step 1 starts launch 0 a second time");
  EXPECT_EQ(with([](Step& s) {
              s.fill.launches = {{.id = {1}, .members = {{.trial = {2}}}, .shares = {{{0}, 1}}}};
            }),
            "step 1 starts the unknown trial 2");
  EXPECT_EQ(with([](Step& s) { s.fill.launches = {{.id = {1}, .members = {}, .shares = {}}}; }),
            "step 1 starts launch 1 of nothing");
  EXPECT_EQ(with([](Step& s) { s.fill.finished = Finished{.reason = "", .best = TrialId{9}}; }),
            "step 1 takes for the best the unknown trial 9");
}

TEST(Foldable, EveryUnknownIdOfAnInputIsNamed) {
  const auto with = [](Signal signal) {
    Step step = second_step();
    step.turn.input = std::move(signal);
    return problem(step);
  };
  const Checkpoint lost{{7}, {0}, 3, "a/b"};
  EXPECT_EQ(with(Reported{{{.trial = {99999}, .launch = {0}}}}),
            "step 1 holds a report of the unknown trial 99999");
  EXPECT_EQ(with(Reported{{{.trial = {0}, .launch = {0}, .seconds = 1e300}}}),
            "step 1 holds a report of 1e+300 seconds");
  EXPECT_EQ(with(Reported{{{.trial = {0}, .launch = {0}, .step = kForever}}}),
            "step 1 holds a report of step 9223372036854775807");
  EXPECT_EQ(with(Reported{{{.trial = {0}, .launch = {0}, .checkpoint = lost}}}),
            "step 1 names a checkpoint of the unknown trial 7");
  const Checkpoint outside{{0}, {0}, 3, "a/../../b"};
  EXPECT_EQ(with(CheckpointSaved{outside}),
            "step 1 names the checkpoint 'a/../../b' outside the study");
  Step created = second_step();
  created.fill.created = {{.id = {2}, .config = {}, .directory = "../a"}};
  EXPECT_EQ(problem(created), "step 1 puts trial 2 into '../a', outside the study");
  EXPECT_EQ(with(Exited{.trial = {2}}), "step 1 ends the unknown trial 2");
  for (const Signal& signal : {Signal(CheckpointSaved{lost}), Signal(CheckpointVoid{lost})})
    EXPECT_EQ(with(signal), "step 1 names a checkpoint of the unknown trial 7");
  EXPECT_EQ(with(Exited{.trial = {-1}}), "step 1 ends the unknown trial -1");
  const Node node{.id = {0}, .host = "a", .slots = {{.id = {1}, .node = {0}, .speed = 0}}};
  EXPECT_EQ(with(NodeJoined{node}), "step 1 brings the impossible slot 1");
}

TEST(Foldable, WhateverItLetsThroughCanBeFolded) {
  RandomStep random(51);
  State state({"loss", Mode::kMin}, {});
  state.apply(first_step());
  int folded = 0;
  for (int i = 0; i < 3000; ++i) {
    Step step = random.step({state.last_step().value + 1});
    step.turn.time = state.now();
    // Ids near the existing ones, so that a part of the steps passes.
    for (std::size_t k = 0; k < step.fill.created.size(); ++k)
      step.fill.created[k].id = {static_cast<std::int64_t>(state.trials().size() + k)};
    if (!foldable(step, state).ok()) continue;
    state.apply(step);
    ++folded;
  }
  EXPECT_GT(folded, 500);
}

}  // namespace
}  // namespace clavier
