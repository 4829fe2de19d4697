#include "app/policies.h"

#include "app/registry.h"

namespace clavier::app {

Result<OwnedPolicies> OwnedPolicies::create(const StudySpec& spec) {
  TRY(check_there(Family::kSearcher, spec.search));
  TRY(check_there(Family::kScheduler, spec.scheduler));
  TRY(check_there(Family::kPlanner, spec.planner));
  StudySpec checked = spec;
  checked.search = TRY(complete(Family::kSearcher, spec.search));
  checked.scheduler = TRY(complete(Family::kScheduler, spec.scheduler));
  checked.planner = TRY(complete(Family::kPlanner, spec.planner));
  TRY(check_scheduler(checked));
  return OwnedPolicies{make_searcher(checked), make_scheduler(checked), make_planner(checked)};
}

}  // namespace clavier::app
