#pragma once

#include <memory>

#include "app/registry/study_spec.h"
#include "cluster/planner.h"
#include "sched/scheduler.h"
#include "search/searcher.h"
#include "tuner/director.h"

namespace clavier::app {

/// The policies of one study, owned. They keep references to nothing.
struct OwnedPolicies {
  std::unique_ptr<search::Searcher> searcher;
  std::unique_ptr<sched::Scheduler> scheduler;
  std::unique_ptr<cluster::Planner> planner;

  /// Makes them by their registered names.
  static Result<OwnedPolicies> create(const StudySpec& spec);
  tuner::Policies refer() const { return {*searcher, *scheduler, *planner}; }
};

}  // namespace clavier::app
