#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "study/checkpoint.h"
#include "study/config.h"
#include "study/report.h"
#include "study/time.h"

namespace clavier {

enum class TrialStatus {
  kPending,    ///< Runnable: waits for a slot (never run, or to be retried).
  kRunning,    ///< Named by a live launch.
  kPaused,     ///< Released its slot; waits for the scheduler or the user.
  kCompleted,  ///< Ended well.
  kStopped,    ///< Ended early by decision.
  kFailed,     ///< Ended by failure, retries used up.
};
inline constexpr int kTrialStatuses = 6;

constexpr bool ended(TrialStatus status) { return status >= TrialStatus::kCompleted; }
std::string_view name(TrialStatus status);

/// Begins the reason of a stop that says nothing about the trial.
inline constexpr std::string_view kStudyEnds = "the study ends: ";

/// What was decided about a running trial whose worker has not left yet. Under the last three it
/// goes on later: until it has left, its reports count and are decided upon as ever.
enum class Decided { kNone, kStop, kComplete, kPause, kHold, kRequeue };

/// What such a trial still reports is late: it came after its end.
constexpr bool ends(Decided decided) {
  return decided == Decided::kStop || decided == Decided::kComplete;
}

/// One report as policies remember it.
struct Point {
  Steps step = 0;
  double value = 0;
  float seconds = 0;
};

/// One exploit: whose weights the trial took over, and what it was before.
struct Takeover {
  Checkpoint donor;
  Config before;
  Steps at = 0;  ///< Its own step then.
};

/// The best that a trial has reported: value, step, configuration and weights of one moment. Of
/// several objectives no moment need be the best; a trial then stands with its last report in which
/// all are finite.
struct Best {
  Steps step = 0;
  double value = 0;                           ///< Finite.
  std::vector<double> further = {};           ///< Of the other objectives; all finite.
  std::optional<Config> config = {};          ///< Where the trial has got another since.
  std::optional<Checkpoint> checkpoint = {};  ///< Of that step, as long as it is kept.
};

/// Weights to take for a trial's best.
struct Model {
  const Checkpoint* checkpoint = nullptr;  ///< Null: none is left.
  const Config* config = nullptr;          ///< They were trained with it. Never null.
  bool of_best_step = false;               ///< Else of the kept step nearest to it.
};

/// The fold of everything the log says about one trial.
struct Trial {
  TrialId id;
  Config config;
  double width = 1;
  int bracket = 0;
  std::optional<TrialId> origin = {};
  std::string directory;

  TrialStatus status = TrialStatus::kPending;
  Decided decided = Decided::kNone;
  bool held = false;         ///< Paused by the user: only the user resumes it.
  bool parked = false;       ///< Paused by its scheduler since its launch: that one resumes it.
  LaunchId launch = {};      ///< The live one; else the last.
  SlotId slot = {};          ///< Of the live or last launch.
  Steps step = 0;            ///< Last reported.
  Steps until = kForever;    ///< Where its scheduler is asked next.
  Steps stretch = kForever;  ///< Where its planner is asked next, if that is earlier.
  Steps furthest = 0;        ///< Reported by any attempt.
  std::int64_t reports = 0;
  std::vector<Metric> metrics = {};  ///< Of the last report; empty where the log was skimmed.
  /// Reports that carried the objectives, later attempts replacing what they repeat.
  std::vector<Point> history = {};
  /// What these said of the objectives beyond the first, one after the other.
  std::vector<double> further = {};
  std::optional<Best> best = {};
  std::vector<Checkpoint> checkpoints = {};  ///< Kept ones, oldest first.
  /// Told to take over others' weights and not heard of since: what its worker may have saved in
  /// the meantime, outside a report, are the weights it is to give up.
  bool taking_over = false;
  std::vector<Takeover> takeovers = {};  ///< Oldest first.

  int attempts = 0;
  int failures = 0;
  int losses = 0;
  int stuck = 0;              ///< Losses since it last got further, but for those with the tuner.
  std::string reason = {};    ///< Of the last decision or the last error.
  std::string log_tail = {};  ///< Of the last failure.
  StudyTime created{};
  StudyTime started{};  ///< Of the first launch.
  StudyTime ended_at{};
  StudyDuration busy{};     ///< Time spent in launches that have ended.
  StudyTime launched{};     ///< Of the live launch.
  StudyTime waits_since{};  ///< That it could run, if it is neither live nor ended.

  /// Where its worker waits.
  Steps waits_at() const { return until < stretch ? until : stretch; }
  bool live() const { return status == TrialStatus::kRunning; }
  /// Live, and nothing that was decided keeps it from going on, now or later: what it reports
  /// counts, and what is decided about it takes effect, at the latest at its next launch.
  bool open() const { return live() && !ends(decided); }
  /// Its values are the study's: one of a smaller model only tells how the others may do.
  bool counts_for_best() const { return width == 1; }
  /// Of the other objectives, at a point of the history.
  std::vector<double> further_at(std::size_t point) const;
  const Checkpoint* latest_checkpoint() const {
    return checkpoints.empty() ? nullptr : &checkpoints.back();
  }
  /// What the best value was reached with.
  const Config& best_config() const { return best && best->config ? *best->config : config; }
  /// The weights of the best step; if these are not kept, of the nearest step that the same
  /// training has left, and none if others' weights were taken over since.
  Model best_model() const;
  /// A kept checkpoint of the present weights and configuration, from `step`, else from nearest to
  /// it; null if there is none.
  const Checkpoint* nearest_checkpoint(Steps step) const;
  /// Where it goes on if it is to be decided upon at `until`: never there, nor beyond. A checkpoint
  /// that is, because the report of its step did not count, is passed over: that way is gone again.
  const Checkpoint* newest_before(Steps until) const {
    for (auto each = checkpoints.rbegin(); each != checkpoints.rend(); ++each)
      if (each->step < until) return &*each;
    return nullptr;
  }
};

}  // namespace clavier
