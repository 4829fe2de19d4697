#pragma once

#include <cstddef>

#include "app/registry/study_spec.h"
#include "base/result.h"

namespace clavier::app {

/// What is wrong with `[trial] slots`: no such parameter, or not one of whole numbers; more slots
/// than a declared machine has; together with what gives a trial one slot. `space`: the study's.
Status check_gang(const StudySpec& spec, const Space& space);

/// What is wrong with `[fusion]`.
Status check_fusion(const StudySpec& spec, const Space& space);

/// Whether some machine has as many slots as the largest trial takes. `largest`: of the largest
/// one.
Status check_gang_fits(const StudySpec& spec, std::size_t largest);

}  // namespace clavier::app
