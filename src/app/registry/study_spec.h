#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "study/gang.h"
#include "study/node.h"
#include "study/objective.h"
#include "study/space.h"
#include "study/state.h"
#include "study/time.h"
#include "study/trial_stop.h"

namespace clavier::app {

class StudySource;

/// A searcher, scheduler or planner by its registered name with its own options, not yet checked.
struct AlgorithmSpec {
  std::string algorithm;
  Config options = {};  ///< Every other key of the table, in file order.
  friend bool operator==(const AlgorithmSpec&, const AlgorithmSpec&) = default;
};

/// A program as worker: each argument may hold {lr}, {trial}, {dir}, {checkpoint}, {until}.
struct WorkerSpec {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment = {};
  bool warm = true;             ///< One process may take trial after trial, if its hello says so.
  bool restart_paused = false;  ///< A program that cannot resume may start anew after a pause.
  friend bool operator==(const WorkerSpec&, const WorkerSpec&) = default;
};

/// The best value has not improved by more than `min_delta` over the last `trials` ended trials.
struct Plateau {
  std::int64_t trials = 0;
  double min_delta = 0;
  friend bool operator==(const Plateau&, const Plateau&) = default;
};

/// The study ends when one of these holds.
struct StudyStop {
  std::optional<double> metric = {};  ///< The objective has reached this value.
  std::optional<StudyDuration> time = {};
  std::optional<std::int64_t> trials = {};  ///< So many trials have ended.
  std::optional<Plateau> plateau = {};
  std::optional<double> cost = {};  ///< By the slots' prices.
  friend bool operator==(const StudyStop&, const StudyStop&) = default;
};

struct TrialSpec {
  Resources resources = {};  ///< Of each of its slots.
  GangSize gang = {};
  std::int64_t first = 0;  ///< The number that programs are told for the first trial.
  TrialStop stop = {};
  RetryLimits retries = {};
  std::optional<StudyDuration> time_limit = {};  ///< Wall time of one attempt; then it failed.
  std::int64_t log_limit_bytes = 64 << 20;       ///< Of a trial's stdout and stderr, each.
};

/// Trials trained as one, on one slot.
struct FusionSpec {
  static constexpr std::int64_t kLearned = 0;
  static constexpr std::int64_t kMostLearned = 64;
  std::int64_t members = 1;  ///< At most; kLearned: as many as turn out to be best.
  /// In which parameters they agree; none: what the built-in trainer says.
  std::optional<std::vector<std::string>> shared = {};
};

struct CheckpointSpec {
  Steps every = 0;  ///< At every so many steps; 0: only before a pause and `at_end`.
  bool at_end = true;
  bool best = true;     ///< At each step that is its trial's best so far.
  int keep = 1;         ///< Newest ones kept per trial besides the best; 0: all.
  std::string best_by;  ///< Metric whose best step is kept as well; empty: the objective.
};

struct ReportSpec {
  StudyDuration every = std::chrono::seconds(10);  ///< Between two plain-line tables when piped.
  bool directories = true;                         ///< Trial directories in Ray's layout.
};

/// Slots that the study file declares; each runs one trial at a time. What is not said of their
/// resources is what one trial asks for.
struct SlotSpec {
  int count = 1;
  std::string node = {};  ///< Another machine, for `plan` and `simulate`; empty: this host.
  std::optional<double> cpus = {}, gpus = {};
  std::optional<std::int64_t> memory_mb = {};
  std::optional<std::map<std::string, double>> custom = {};
  /// Relative to the study's reference; a slot of this host emulates it.
  std::optional<double> speed = {};
  double price_per_hour = 0;
  /// At most so many trials share its GPUs; how many is decided while the study runs.
  int pack = 1;
  /// What 1, 2, … of them do in total, relative to one; for `plan` and `simulate`.
  std::vector<double> sharing = {};
  std::string where = {};  ///< In the study file, for messages.
};

/// What each of these slots has; where trials are packed, each place: its part of everything but
/// the GPUs.
Resources resources_of(const SlotSpec& slot, const Resources& trial);

struct ClusterSpec {
  int workers = 0;  ///< Discovered slots of this host; 0: as many as its resources carry.
  std::optional<bool> discover = {};  ///< Discovered slots besides the declared; none: if none are.
  std::vector<SlotSpec> slots = {};
  double price_per_hour = 0;    ///< Of each discovered slot.
  double seconds_per_step = 1;  ///< At speed 1; believed until something was measured.
  double move_seconds = 0;      ///< To start a trial where its checkpoint is not; the same.
  int max_per_gpu = 0;          ///< Trials that may share one device; 0: as many as fit.
  /// Slots of whole cores onto cores of their own; none: if no other study holds too many of them.
  std::optional<bool> pin = {};

  bool discovers() const { return discover.value_or(slots.empty()); }
};

/// Something that changes in a simulated cluster.
struct SimulateEvent {
  StudyDuration at{};
  std::string node = {};                  ///< Its slots, or
  std::optional<std::int64_t> slot = {};  ///< this one, as they are numbered.
  std::optional<double> speed = {};       ///< From then on so many times the declared one.
  std::optional<bool> here = {};          ///< It is lost, or it comes (back).
};

/// The world of `clavier simulate` besides [cluster]. Nothing of it shapes a real run.
struct SimulateSpec {
  std::string curve = "power-law";  ///< Or "table", "study".
  std::string from = {};            ///< The table's file, or the study's name or folder.
  double curve_noise = 0;           ///< Deviation of a power law's losses.
  Steps report_every = 1;
  std::optional<double> seconds_per_step = {};  ///< None: as [cluster] says; also the next.
  std::optional<double> move_seconds = {};
  double cost_spread = 1;         ///< A step of one trial may cost so many times another's.
  double evaluation_seconds = 0;  ///< Of a report, at speed 1.
  double save_seconds = 0;        ///< Of a checkpoint.
  double noise = 0;               ///< Of durations, relative.
  double start_seconds = 0;       ///< Of a worker, at speed 1.
  double report_seconds = 0;
  double command_seconds = 0;
  std::vector<double> arrays = {};  ///< What arrays of 1, 2, … trials do in total, relative to one.
  double failure_probability = 0;               ///< Of a trial, per step.
  std::optional<StudyDuration> mtbf = {};       ///< Mean time between failures of a node.
  std::optional<StudyDuration> slot_mtbf = {};  ///< Of a slot by itself.
  StudyDuration repair = {};                    ///< Until it is back.
  std::optional<std::int64_t> seed = {};        ///< None: the study's.
  std::vector<SimulateEvent> events = {};
};

/// Stands in a recorded study for what a function of the C++ program computes.
inline constexpr std::string_view kComputedByProgram = "computed by the program";

/// Why nothing can run the trials of a study that has neither a trainer nor a worker.
inline constexpr std::string_view kNothingToRun =
    "nothing to run: add a [worker] with a command, or a [trainer]; without, `clavier ask` hands "
    "out the trials";

/// A study file, read and validated, with every default filled in.
struct StudySpec {
  std::string name;
  Objectives objective = {};
  std::int64_t trials = 0;  ///< 0: as many as the grid has, else 1.
  std::uint64_t seed = 0;
  std::uint64_t data_seed = 0;
  bool fail_fast = false;
  bool power_safe = false;  ///< Every step is forced to the disk.

  Space space = {};
  AlgorithmSpec search{"random"};
  /// Nothing was said about it: a study that was begun otherwise goes on as it was.
  bool search_by_default = false;
  std::vector<std::string> warm_start = {};  ///< Where `space.known` comes from.
  AlgorithmSpec scheduler{"fifo"};
  AlgorithmSpec planner{"first-fit"};

  /// At most one of the two; without, its trials are asked for. The trainer's table as read, or
  /// whole (`resolve_trainer`).
  std::optional<Json> trainer = {};
  std::optional<WorkerSpec> worker = {};

  TrialSpec trial = {};
  FusionSpec fusion = {};
  StudyStop stop = {};
  CheckpointSpec checkpoint = {};
  ReportSpec report = {};
  ClusterSpec cluster = {};
  std::optional<SimulateSpec> simulate = {};

  /// What may not be meant: one line each, with its place.
  std::vector<std::string> notes = {};
  std::string text = {};                           ///< The file as read, with `--set` applied.
  std::shared_ptr<const StudySource> source = {};  ///< The same with its places; none: no file.
  std::filesystem::path working_directory = {};    ///< Of the study file: workers start there.

  /// Where a trial ends if nothing stops it; kForever if nothing says so.
  Steps trial_length() const;
};

}  // namespace clavier::app
