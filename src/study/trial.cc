#include "study/trial.h"

#include <cstdlib>

namespace clavier {

std::string_view name(TrialStatus status) {
  switch (status) {
    case TrialStatus::kPending: return "pending";
    case TrialStatus::kRunning: return "running";
    case TrialStatus::kPaused: return "paused";
    case TrialStatus::kCompleted: return "completed";
    case TrialStatus::kStopped: return "stopped";
    case TrialStatus::kFailed: return "failed";
  }
  return "unknown";
}

std::vector<double> Trial::further_at(std::size_t point) const {
  const auto each = static_cast<std::ptrdiff_t>(further.size() / history.size());
  const auto first = further.begin() + each * static_cast<std::ptrdiff_t>(point);
  return {first, first + each};
}

const Checkpoint* Trial::nearest_checkpoint(Steps step) const {
  const Checkpoint* nearest = nullptr;
  // Newest first: what stands before others' weights was trained before these were taken over.
  for (auto each = checkpoints.rbegin(); each != checkpoints.rend() && each->trial == id; ++each)
    if (!nearest || std::abs(each->step - step) < std::abs(nearest->step - step)) nearest = &*each;
  return nearest;
}

Model Trial::best_model() const {
  if (!best) return {nearest_checkpoint(step), &config, false};
  if (best->checkpoint) return {&*best->checkpoint, &best_config(), true};
  return {best->config ? nullptr : nearest_checkpoint(best->step), &best_config(), false};
}

}  // namespace clavier
