#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "study/config.h"
#include "study/ids.h"
#include "study/objective.h"
#include "study/report.h"
#include "study/signal.h"

/// The wire between tuner and workers: JSON lines in both directions (docs/worker-protocol.md).
/// Decoders take any bytes and answer with an error; encoders append one line with its '\n'.
namespace clavier::worker {

inline constexpr int kProtocolVersion = 1;
inline constexpr std::size_t kMaxMetrics = 1000;  ///< Per report.
inline constexpr std::size_t kMaxMetricNameBytes = 256;
inline constexpr std::size_t kMaxCheckpointNameBytes = 255;
inline constexpr std::size_t kMaxErrorBytes = 4096;  ///< Of `ExitedLine::error`; cut beyond.

// --- worker to tuner ---

/// Which launches a worker takes, besides those of one trial in one process.
struct Takes {
  std::int64_t members = 1;  ///< At most so many trials at once, trained as one.
  std::int64_t shares = 1;   ///< At most so many processes for one trial.
  bool elastic = false;      ///< Of those, the others go on when one is lost.
  friend bool operator==(const Takes&, const Takes&) = default;
};
struct HelloLine {
  int version = kProtocolVersion;
  bool resume = false;
  bool several = false;  ///< Takes trial after trial.
  bool exploit = false;
  std::string name = {};
  std::int64_t pid = 0;
  bool paced = false;  ///< Obeys `StartLine::step_seconds`.
  Takes takes = {};
  friend bool operator==(const HelloLine&, const HelloLine&) = default;
};
/// No trial or launch: the current one is meant.
struct ReportLine {
  std::optional<TrialId> trial = {};
  std::optional<LaunchId> launch = {};
  std::optional<Steps> step = {};      ///< None: the last step + 1.
  std::optional<double> seconds = {};  ///< None: to be measured by the reader.
  std::vector<Metric> metrics = {};
  std::string checkpoint = {};  ///< A name inside the trial's directory; empty: none.
  bool more = false;            ///< Other trials of its launch report at the same boundary.
  friend bool operator==(const ReportLine&, const ReportLine&) = default;
};
struct CheckpointLine {
  std::optional<TrialId> trial = {};
  std::optional<LaunchId> launch = {};
  std::optional<Steps> step = {};  ///< None: the last reported step.
  std::string checkpoint = {};
  std::string error = {};  ///< There is none: the disk had no room for it.
  friend bool operator==(const CheckpointLine&, const CheckpointLine&) = default;
};
struct ExitedLine {
  std::optional<TrialId> trial = {};
  std::optional<LaunchId> launch = {};
  ExitKind kind = ExitKind::kCompleted;  ///< Never kLost or kRefused.
  std::string error = {};
  bool leaving = false;  ///< The worker takes no further trial, whatever its hello said.
  friend bool operator==(const ExitedLine&, const ExitedLine&) = default;
};
using FromWorker = std::variant<HelloLine, ReportLine, CheckpointLine, ExitedLine>;

// --- tuner to worker ---

/// When the study wants checkpoints besides those before a pause.
struct CheckpointRules {
  Steps every = 0;  ///< At every so many steps; 0: not for this reason.
  bool at_end = true;
  std::optional<Objective> best = {};  ///< At each report that is its best by this.
  friend bool operator==(const CheckpointRules&, const CheckpointRules&) = default;
};
struct StartLine {
  TrialId trial{0};
  LaunchId launch{0};
  int attempt = 1;
  Config config = {};
  std::string directory = {};   ///< Absolute.
  std::string checkpoint = {};  ///< Absolute directory to resume from; empty: from scratch.
  Steps step = 0;               ///< Of that checkpoint.
  Steps until = kForever;
  double width = 1;
  CheckpointRules checkpoints = {};
  std::optional<double> best = {};  ///< Its best value before this launch, by `checkpoints.best`.
  std::int64_t slots = 1;           ///< Of this machine, which it has at once.
  /// What each of its steps takes at least, because a slower machine is emulated; 0: nothing.
  double step_seconds = 0;
  std::int64_t members = 1;  ///< Of its launch; their StartLines follow each other.
  std::int64_t shares = 1;   ///< Processes that train its launch;
  std::int64_t rank = 0;     ///< which of them this one is.
  friend bool operator==(const StartLine&, const StartLine&) = default;
};
/// No trial: the launch has only one.
struct ContinueLine {
  Steps until = kForever;
  std::optional<TrialId> trial = {};
  friend bool operator==(const ContinueLine&, const ContinueLine&) = default;
};
struct StopLine {
  std::optional<TrialId> trial = {};
  friend bool operator==(const StopLine&, const StopLine&) = default;
};
struct PauseLine {
  std::optional<TrialId> trial = {};
  friend bool operator==(const PauseLine&, const PauseLine&) = default;
};
struct ExploitLine {
  std::string checkpoint = {};  ///< Absolute directory.
  Config config = {};
  Steps step = 0;
  Steps until = kForever;
  std::optional<TrialId> trial = {};
  friend bool operator==(const ExploitLine&, const ExploitLine&) = default;
};
struct QuitLine {
  friend bool operator==(const QuitLine&, const QuitLine&) = default;
};
using ToWorker = std::variant<StartLine, ContinueLine, StopLine, PauseLine, ExploitLine, QuitLine>;

/// Whom a message names; nobody: the only trial, or it is for the worker.
std::optional<TrialId> addressee(const ToWorker& message);

// --- codec ---

void encode(const FromWorker& message, std::string& out);
void encode(const ToWorker& message, std::string& out);
/// For senders without a variant at hand.
void encode(const ReportLine& report, std::string& out);

/// `line` without its '\n'. The error says what is wrong, for the trial's log.
Result<FromWorker> decode_from_worker(std::string_view line);
/// Nothing for a message of a type this version does not know.
Result<std::optional<ToWorker>> decode_to_worker(std::string_view line);

/// A line of a worker's standard output that counts as a report (a JSON object with at least one
/// number besides `step`); nothing for all others, which are the log. Never fails.
std::optional<ReportLine> scan_plain(std::string_view line);
/// What is wrong with a line that begins like such a report; empty if nothing is, or if it does
/// not.
std::string why_no_report(std::string_view line);

/// What every report must keep to: at most kMaxMetrics, names of 1 to kMaxMetricNameBytes bytes of
/// UTF-8 without control characters. The decoders check it; so must reports that take no wire.
Status check_metrics(const std::vector<Metric>& metrics);
/// The first line that is not empty, at most kMaxErrorBytes, always UTF-8: for `ExitedLine::error`.
std::string one_line(std::string_view text);

/// "checkpoint_000005_12".
std::string checkpoint_name(Steps step, LaunchId launch);
/// One part of a path, not hidden: what a worker may name.
bool valid_checkpoint_name(std::string_view name);

}  // namespace clavier::worker
