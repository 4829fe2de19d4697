#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "store/step_log.h"
#include "tests/support/step_random.h"

/// What the tests of the step log share.
namespace clavier::store {

inline const LogOptions kOptions{.metric = "loss"};

inline Step report_step(std::int64_t id, Report report) {
  Step step;
  step.turn.id = {id};
  step.turn.input = Signal(Reported{{std::move(report)}});
  return step;
}

inline Reported* reported_of(Step& step) { return input_as<Reported>(step.turn.input); }

/// The only report of a step that has one.
inline const Report* report_of(const Step& step) {
  return &std::get<Reported>(std::get<Signal>(step.turn.input)).reports.at(0);
}

inline std::vector<Step> random_steps(std::uint64_t seed, std::int64_t count) {
  RandomStep random(seed);
  std::vector<Step> steps;
  for (std::int64_t id = 0; id < count; ++id) steps.push_back(random.step({id}));
  return steps;
}

/// In batches of 1, 2, …, 9, 1, … steps.
inline void append_in_batches(StepLog& log, std::span<const Step> steps) {
  for (std::size_t size = 1; !steps.empty(); size = size % 9 + 1) {
    const std::size_t count = std::min(size, steps.size());
    const Status appended = log.append(steps.first(count));
    ASSERT_TRUE(appended.ok()) << appended.error().message;
    steps = steps.subspan(count);
  }
}
inline void append_in_batches(StepLog&& log, std::span<const Step> steps) {
  append_in_batches(log, steps);
}

inline std::vector<Step> read_all(const StepLog& log, Metrics metrics = Metrics::kParse,
                                  StepId from = {0}) {
  std::vector<Step> steps;
  const Status read = log.read(from, metrics, [&](const Step& step) {
    steps.push_back(step);
    return ok_status();
  });
  EXPECT_TRUE(read.ok()) << read.error().message;
  return steps;
}

}  // namespace clavier::store
