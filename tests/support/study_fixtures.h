#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "app/study_file.h"

/// The study that the tests of `simulate`, `plan` and `why` have in common.
namespace clavier::app {

/// Six trials of 60 steps. `more` says what they run on, and whatever else a test is about.
inline std::string study_text(std::string_view more, std::string_view planner = "auto") {
  return std::string(R"([study]
name = "later"
metric = "loss"
mode = "min"
trials = 6
[space]
lr = { loguniform = [1e-4, 1e-1] }
[worker]
command = ["true"]
[trial.stop]
steps = 60
[planner]
algorithm = ")")
      .append(planner)
      .append("\"\n")
      .append(more);
}

inline StudySpec study(std::string_view more, std::string_view planner = "auto") {
  auto spec = parse_study(study_text(more, planner), "s.toml");
  EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
  return spec.value();
}

}  // namespace clavier::app
