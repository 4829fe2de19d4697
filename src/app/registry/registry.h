#pragma once

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/registry/study_spec.h"
#include "base/result.h"
#include "cluster/planner.h"
#include "sched/scheduler.h"
#include "search/searcher.h"

/// Everything a study file can choose by name. A new algorithm is one entry of a table in
/// `registry_searchers.cc`, `registry_schedulers.cc` or `registry_planners.cc`; reading, checking,
/// showing and suggesting all come from there. Nothing outside the tables compares a name: what
/// follows from a choice elsewhere is among its traits.
namespace clavier::app {

/// One key of an algorithm's table. Its type is that of `fallback`: whole number, real, text
/// (one of `words`, if there are any), or true and false. `kForever` stands for "not set".
struct OptionSpec {
  std::string_view name;
  Value fallback;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words = {};
  std::string_view help = {};
};

/// What follows from the choice of an algorithm elsewhere. What is not said does not hold.
struct Traits {
  // Of a searcher or scheduler.
  bool several = false;  ///< Takes several objectives; else it compares trials by one number.
  // Of a searcher.
  bool learns = false;      ///< From what is known of trials.
  bool enumerates = false;  ///< Goes through every combination: their number is the study's.
  bool by_rungs = false;    ///< Learns at the rungs of its scheduler.
  // Of a scheduler.
  bool to_the_end = false;   ///< What a trial reports does not decide how far it comes.
  bool population = false;   ///< Trials take over each other's weights.
  bool peers = false;        ///< They learn from each other: who is far ahead, or behind, has none.
  bool replays = false;      ///< One trial, with the hyperparameters that were recorded of another.
  bool own_counter = false;  ///< Whoever takes over weights counts its own steps on.
  // Of a planner.
  bool multiplexes = false;  ///< Shares out the slots over time; else the scheduler sees to it.
  bool measures = false;     ///< Finds out how often trials report, and may keep them together.
};

/// One algorithm, or one variant of it. Variants differ in their options and defaults; a file
/// chooses with `variant = "…"`, and the first in the registry is the default.
struct AlgorithmInfo {
  std::string_view name;
  std::string_view variant;  ///< Empty if there is only one.
  std::string_view help;
  std::vector<OptionSpec> options = {};
  Traits traits = {};
  /// It is not there any more: what to use in its place. Studies that were begun with it are still
  /// read; nothing runs them.
  std::string_view instead = {};
};

enum class Family { kSearcher, kScheduler, kPlanner };

/// Its table in a study file: "search", "scheduler", "planner".
std::string_view table_of(Family family);
/// Those that can be chosen, in the order of the registry, variants of one name together; valid for
/// ever.
std::vector<const AlgorithmInfo*> algorithms(Family family);
/// The names, each once.
std::vector<std::string> algorithm_names(Family family);
/// The variants of one; empty if there is only one.
std::vector<std::string> variant_names(Family family, std::string_view name);
/// Also of those that are not there any more. Fails with the nearest name. An empty variant is the
/// default one.
Result<const AlgorithmInfo*> find_algorithm(Family family, std::string_view name,
                                            std::string_view variant = {});
/// Fails where it can be chosen no more, with what to use instead.
Status check_there(Family family, const AlgorithmSpec& spec);
/// Of an algorithm as a spec names it; nothing holds of one that is not registered.
Traits traits_of(Family family, const AlgorithmSpec& spec);
/// The option of this name; fails with the nearest one.
Result<const OptionSpec*> find_option(const AlgorithmInfo& algorithm, std::string_view name);
/// The value as the option's type; whole numbers become reals where those are wanted.
Result<Value> check_option(const OptionSpec& option, const Value& value);
/// Checks name, variant and options and fills in the defaults, in the registry's order; the variant
/// comes first.
Result<AlgorithmSpec> complete(Family family, const AlgorithmSpec& spec);
/// The same for a scheduler, whose trials are complete at `last_step` (`[trial.stop] steps`) where
/// it does not say itself how long they are.
Result<AlgorithmSpec> complete_scheduler(AlgorithmSpec spec, Steps last_step);

/// What only the whole study shows to be wrong with its checked scheduler: nothing in the space
/// that it may change, an interval beyond the budget, checkpoints that miss its boundaries.
Status check_scheduler(const StudySpec& spec);
/// What compares trials by one number, where the study has several metrics.
Status check_objectives(const StudySpec& spec);
/// What would run, but cannot be meant: trials that end before the first of them is judged, a
/// searcher that learns at rungs where there are none.
Status check_sense(const StudySpec& spec);
/// The same of its planner: trials without an end, a scheduler that shares out the slots itself.
Status check_planner(const StudySpec& spec);
/// Whether its trials can be handed to whoever asks, who has one slot each and no checkpoints.
Status check_asked(const StudySpec& spec);
/// Every so many steps its trials must save themselves; 0: it does not care.
Steps checkpoints_needed(const StudySpec& spec);
/// Where its checked scheduler compares trials, and their end: steps, ascending; empty: nowhere.
std::vector<Steps> rungs_of(const StudySpec& spec);

/// The name of its searcher; of one that chooses among others also which, and why: "auto: gp (…)".
/// `state`: as of the moment that is asked about. REQUIRES: as for `make_searcher`.
std::string explain_search(const StudySpec& spec, const State& state);

/// From a spec whose names and options were checked, by `parse_study` or `complete`.
std::unique_ptr<search::Searcher> make_searcher(const StudySpec& spec);
std::unique_ptr<sched::Scheduler> make_scheduler(const StudySpec& spec);
std::unique_ptr<cluster::Planner> make_planner(const StudySpec& spec);

}  // namespace clavier::app
