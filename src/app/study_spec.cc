#include "app/study_spec.h"

#include <algorithm>

namespace clavier::app {

Steps StudySpec::trial_length() const {
  const Value* limit = scheduler.options.find("max_steps");
  const auto* steps = limit ? limit->as<std::int64_t>() : nullptr;
  return std::min(trial.stop.steps, steps ? *steps : kForever);
}

}  // namespace clavier::app
