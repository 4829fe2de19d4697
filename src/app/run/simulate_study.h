#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "app/registry/study_spec.h"
#include "app/run/simulated_cluster.h"
#include "report/timeline.h"
#include "study/state.h"

namespace clavier::app {

struct SimulateOptions {
  std::filesystem::path folder = {};  ///< The study's, with a log; empty: in memory.
  std::filesystem::path home = {};    ///< Of studies that the study file names.
  World world = World::kDescribed;
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

/// What came of a study in virtual time.
struct Simulated {
  State state;
  report::Timeline timeline;
  double bound = 0;        ///< No order of the same work on these slots ends before, in seconds.
  std::uint64_t hash = 0;  ///< Of every step: times, inputs, decisions, launches.
  std::int64_t events = 0;

  double makespan() const { return seconds(timeline.now()); }
  double ratio() const { return bound > 0 ? makespan() / bound : 0; }
};

/// Runs the study in virtual time with its own searcher, scheduler, planner and rules on the
/// described cluster. Deterministic. Fails if the world makes no sense, if the folder holds a study
/// already, or if the study cannot end.
Result<Simulated> simulate_study(const StudySpec& spec, const SimulateOptions& options);

}  // namespace clavier::app
