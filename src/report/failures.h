#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "study/state.h"

namespace clavier::report {

/// Failed trials with one cause.
struct Failure {
  std::string error;            ///< Of the first of them.
  std::vector<TrialId> trials;  ///< In order of id.
  std::string log_tail;         ///< Of the first of them that has one.
};

/// The failed trials of a study grouped by cause (`study/cause.h`), most frequent first, then by
/// first trial.
std::vector<Failure> failures(const State& state);

/// One paragraph per cause with the last lines of the log of one trial; at most `causes` of them
/// and `log_lines` each.
std::vector<std::string> digest(const std::vector<Failure>& failures, std::size_t causes,
                                std::size_t log_lines);

}  // namespace clavier::report
