#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/array_sizes.h"
#include "cluster/planner.h"
#include "sched/early_stop.h"
#include "sched/scheduler.h"
#include "search/searcher.h"
#include "study/fusion.h"
#include "study/gang.h"
#include "study/state.h"
#include "tuner/faults.h"
#include "tuner/retention.h"
#include "tuner/rules.h"

namespace clavier::tuner {

/// Everything about a study that shapes decisions, besides the policies themselves.
struct StudyOptions {
  std::string name = "study";
  Objectives objective = {};
  std::int64_t trials = 1;
  std::uint64_t seed = 0;
  RetryLimits retries = {};
  bool fail_fast = false;
  TrialStop trial_rules = {};
  Steps trial_length = kForever;  ///< Whoever comes there is complete, however bad it looks.
  StudyRules study_rules = {};
  KeepRules keep = {};
  Resources resources = {};
  GangSize gang = {};
  Fusion fusion = {};
  /// A worker that cannot resume may start anew after a pause.
  bool restart_paused = false;
  /// One trial runs alone until anything has worked once.
  bool careful_start = true;
};

/// The policies of one study. All must outlive whoever holds this.
struct Policies {
  search::Searcher& searcher;
  sched::Scheduler& scheduler;
  cluster::Planner& planner;
};

enum class Capacity { kUse, kLeave };

/// Turns inputs into steps: folds the state and the cluster, asks the policies, applies the stop
/// rules. No I/O, no clock: the tuner runs it, recovery replays it, `verify` runs it again and
/// compares. Single-threaded.
class Director {
 public:
  Director(StudyOptions options, Policies policies);

  const State& state() const { return state_; }
  const cluster::ClusterState& cluster() const { return cluster_; }
  const StudyOptions& options() const { return options_; }

  /// Folds the input and everything decided because of it.
  Turn decide(StepId id, StudyTime time, Input input);
  /// What starts because of `turn`; everything in the result is folded already. Only the last of
  /// several queued inputs uses the capacity there is.
  Fill fill(const Turn& turn, Capacity capacity);
  /// Folds a logged step as it is; policies are only told. kCorrupt if it cannot be folded.
  Status replay(const Step& step);

  /// Rules, limits and retention as of a new run. The objective cannot change.
  void change(StudyOptions options);

  /// The next time at which a rule may hold without anything happening; kNever if there is none.
  StudyTime deadline() const;
  /// The run is to close: live trials are being paused and nothing new starts.
  bool closing() const { return closing_; }
  /// Why a trial that could run does not, as its planner sees it now; empty if it does not say.
  std::string why_it_waits(TrialId trial) const;
  /// Before the tuner waits: policies may begin on threads of their own what they need next.
  void prepare() const { policies_.searcher.prepare(state_); }
  /// What users should hear of, besides the steps; each is said once.
  std::vector<std::string> take_notes() { return faults_.take_notes(); }
  /// After failures have ended the study: whoever failed, or ended without the study's metric. They
  /// run again when it goes on, for what was wrong has been mended.
  std::vector<TrialId> to_retry() const;
  /// Nothing would be left to do if the study were opened again with these options.
  std::optional<Finished> over() const;

 private:
  void fold_input(const Turn& turn);
  void fold_decisions(const Turn& turn);
  void update_at_rest(TrialId trial);
  bool closed(TrialId trial) const;
  void judge_exit(Input& input) const;
  bool leaves(const Turn& turn, TrialId trial) const;
  void judge_reports(Turn& turn) const;
  void judge_time(Turn& turn) const;
  void judge_fault(Turn& turn);
  void judge_pause(const Exited& exited, Turn& turn);
  void answer_the_waiting(Turn& turn) const;
  void lead_on(const Retry& again, Turn& turn) const;
  void obey(const UserCommand& command, Turn& turn);
  void end_study(Finished finished, Turn& turn);

  cluster::Plan ask_planner(const cluster::Demand& demand);
  cluster::Plan planned(const cluster::Demand& demand) const;
  /// Until one trial has shown that anything works, none is fused.
  bool fuses() const { return options_.fusion.on() && !careful(); }
  void ask_about_stretches(Turn& turn);
  void make_room(Turn& turn) const;
  cluster::Demand at_ends(const Turn& turn) const;
  /// Only who shares out slots over time has a memory, and is asked about ends of stretches.
  bool remembers() const { return policies_.planner.traits().multiplexes; }
  /// Until something has worked once, one trial at a time shows whether anything can. Who asks for
  /// trials sees for itself, and may ask for several before it tells of one.
  bool careful() const { return !faults_.proven() && options_.careful_start && !state_.asked(); }
  std::size_t appetite() const;
  cluster::Plan start_some(std::size_t appetite, Fill& fill);
  std::vector<sched::Runnable> drawn(const std::vector<sched::Runnable>& wanted, Fill& fill);
  std::int64_t slots_of(const sched::Runnable& runnable) const;
  void label(const sched::Runnable& runnable, cluster::Want& want) const;
  void fold_launch(const Launch& launch);
  cluster::Demand demand(const std::vector<sched::Runnable>& wanted) const;
  std::vector<sched::Runnable> runnables(std::size_t appetite) const;
  std::size_t new_trials_allowed() const;
  std::int64_t new_trials_wanted() const;
  bool launch(const std::vector<sched::Runnable>& wanted, const cluster::Start& start, Fill& fill);
  std::optional<Member> member(const sched::Runnable& wanted, Steps stretch, Fill& fill);
  std::optional<TrialId> create(const sched::New& wanted, Fill& fill, Steps until = kForever);
  void discard(const Turn& turn, Fill& fill);
  void settle(const cluster::Plan& plan, Fill& fill);
  void finish(Finished finished, Fill& fill);

  StudyOptions options_;
  Policies policies_;
  State state_;
  cluster::ClusterState cluster_;
  cluster::ArraySizes arrays_;
  /// Live, not told to leave, and come to where they wait: with thousands at work, only these are
  /// looked at when a planner is asked.
  std::set<TrialId> at_rest_;
  Retention retention_;
  Plateau plateau_;
  sched::Rival rival_;
  std::optional<Finished> ending_;  ///< Decided in the current turn, put into its fill.
  bool closing_ = false;
  Faults faults_;
  /// What a planner with a memory said when it was asked last, and when it was last offered
  /// something.
  StudyTime next_look_ = kNever;
  std::map<TrialId, std::string> left_out_ = {};
};

}  // namespace clavier::tuner
