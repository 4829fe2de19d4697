#include "study/action.h"

namespace clavier {

TrialId subject(const Action& action) {
  return std::visit([](const auto& each) { return each.trial; }, action);
}

}  // namespace clavier
