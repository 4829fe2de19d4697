#include "study/trial.h"

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

}  // namespace clavier
