#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "worker/checkpoint_writer.h"
#include "worker/protocol.h"
#include "worker/trial_context.h"

namespace clavier::worker {

/// The two directions between one running trial and the tuner: a socket, or queues within one
/// process. Used by the trial's thread only.
class Link {
 public:
  enum class Wait { kNo, kYes };

  virtual ~Link() = default;
  /// May block while the tuner is behind. What cannot be sent any more is dropped: `receive` then
  /// says QuitLine.
  virtual void send(ReportLine report) = 0;
  virtual void send(CheckpointLine saved) = 0;
  /// Of a trial that leaves before others of its launch.
  virtual void send(ExitedLine exited) = 0;
  /// The next message; QuitLine once the tuner is gone. Nothing only with Wait::kNo.
  virtual std::optional<ToWorker> receive(Wait wait) = 0;
};

/// Seconds from any origin, never backwards.
using Stopwatch = std::function<double()>;
double steady_seconds();
/// Returns no earlier than the stopwatch shows `until`.
using Sleep = std::function<void(double until)>;
void steady_sleep(double until);

/// What TrialContext promises, once, for processes and threads alike: where to wait, when to
/// save, what to obey. Not thread-safe, as the interface says.
///
/// Where the disk is full, a trial goes on without a checkpoint; before a pause, which would cost
/// the steps since the last one, it waits for room, ten minutes at most.
///
/// Where a slower machine is emulated (`StartLine::step_seconds`), a report is sent no earlier than
/// its step would have been done there: so many steps after the launch's start, or after the
/// moment when a trial that waited for a decision heard it. What was late for one deadline is made
/// up for before the next, so that a machine that is busy with other things emulates no slower one.
class TrialSession : public TrialContext {
 public:
  /// `link` must outlive it; what comes from it is for this trial.
  TrialSession(StartLine start, Link& link, Stopwatch stopwatch = steady_seconds,
               Sleep sleep = steady_sleep);

  /// `report` in two halves, for trials that report together: all say, and then each settles what
  /// is to become of it.
  void say(const std::vector<Metric>& metrics, std::optional<Steps> step, const Save& save);
  Verdict settle(const Save& save);
  /// How it left: its training has come to an end, or to this error.
  ExitedLine leave() const;
  ExitedLine fail(std::string_view error) const;

  TrialId trial() const override { return start_.trial; }
  const Config& config() const override { return start_.config; }
  const std::filesystem::path& directory() const override;
  std::optional<std::filesystem::path> checkpoint() const override;
  int takeovers() const override { return takeovers_; }
  double width() const override { return start_.width; }
  Verdict report(const std::vector<Metric>& metrics, std::optional<Steps> step,
                 const Save& save) override;
  bool should_stop() const override;
  Steps step() const override { return start_.step; }
  Steps until() const override { return until_; }

 private:
  enum class Told { kNothing, kStop, kPause, kQuit };

  void take(ToWorker message) const;
  void take_all_that_came() const;
  bool wait_for_decision();
  double wait_for_pace(Steps steps);
  void take_over(ExploitLine exploit);
  bool due(Steps step) const;
  bool is_best(const std::vector<Metric>& metrics);
  std::string save_now(const Save& save);
  std::string save_when_there_is_room(const Save& save);
  void save_on_leaving(const Save& save);
  Status check_report(const std::vector<Metric>& metrics, Steps step) const;
  ExitedLine exited(ExitKind kind) const;

  StartLine start_;  ///< Kept current: `checkpoint`, `config` and `step` change on take-over.
  Link& link_;
  Stopwatch stopwatch_;
  Sleep sleep_;
  std::filesystem::path directory_;
  Steps last_;              ///< Step of the last report, else where it resumed.
  bool saved_last_ = true;  ///< A checkpoint of step `last_` exists, or nothing was trained yet.
  int takeovers_ = 0;
  static constexpr int kMaxWaitsForRoom = 600;
  static constexpr double kSecondsBetweenTries = 1;

  bool left_ = false;  ///< A report has answered kLeave.
  double done_ = 0;    ///< When the step was done that was last said.
  double since_;       ///< When the present stretch of training began.
  double due_;         ///< When step `last_` was to be done at the emulated speed.
  // Looking for messages changes what is known, not what this is.
  mutable bool directory_exists_ = false;
  mutable Told told_ = Told::kNothing;
  mutable Steps until_;
  mutable std::optional<ExploitLine> exploit_;
  mutable std::string failure_;  ///< Of ours, on the trial's behalf: a checkpoint not written.
};

}  // namespace clavier::worker
