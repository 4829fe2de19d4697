#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/planner.h"
#include "cluster/rollout.h"
#include "cluster/speed_model.h"

namespace clavier::cluster {

struct RulePlannerOptions {
  Steps target = 0;    ///< Where every trial ends, unless it is stopped before. Required.
  Steps interval = 1;  ///< Between two evaluations, as the rules of the sources cut their work.
  /// The slots' declared speeds are true, at least relative to each other; else they are learned
  /// from nothing.
  bool speeds_known = false;
  /// Steps between two reports, where alone stretches end, as believed until one shows how often
  /// trials report. Who believes in too few begins trials on slots too slow for them.
  Steps report_every = 1;
  double seconds_per_step = 1;  ///< At speed 1; believed until something was measured.
  /// Trials stay together: none is brought further than so many intervals beyond the last full one
  /// of the least advanced (paused ones aside). 0: each on its own.
  Steps window = 0;
};

/// Lets a rule that was written for rollouts plan a running study: keeps the rule's picture of
/// trials and slots in step with the log, and turns its dispatches into stretches.
///
/// What the rule dispatches to a slot that is still being left by another trial is a promise, kept
/// as soon as both are there. Speeds come from what workers measured (`SlotState::step_seconds`),
/// and so do the costs of trials where these turn out to be of different size.
/// When something happens that rollouts do not know (a trial added or resumed by the user), the
/// rule begins anew with what is learned.
class RulePlanner final : public Planner {
 public:
  using MakeRule = std::function<std::unique_ptr<RolloutRule>()>;

  RulePlanner(MakeRule make_rule, RulePlannerOptions options);

  Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime now) override;
  /// Everything, or it might choose what it was not shown; of new trials as many as there are idle
  /// slots, for these are all alike.
  std::size_t appetite(const ClusterState& cluster, const Supply& supply) const override;

 private:
  /// What the rule has dispatched to a slot.
  struct Assignment {
    int trial = -1;      ///< As the rule numbers them; -1: nothing.
    bool begun = false;  ///< It runs there; else it is promised.
    Steps from = 0;      ///< Where it began.
    Steps asked = 0;     ///< Its stretch ends at the first report from there on.
    double steps = 0;    ///< `SlotState::steps` then.
    double seconds = 0;  ///< `SlotState::step_seconds` then.
  };

  void sync(const Demand& demand, const ClusterState& cluster);
  void mark_bundles();
  void sync_trials(const Demand& demand, const ClusterState& cluster);
  bool sync_trial(const Trial& trial);
  bool foresee(const Demand& demand, const ClusterState& cluster);
  bool keep_together(const Demand& demand);
  void note_begun(std::size_t index, const SlotState& slot, const State& state);
  void sync_slot(std::size_t index, const ClusterState& cluster, const Demand& demand);
  void end(std::size_t index, const SlotState& slot, Steps done, const Trial* trial);
  void learn(std::size_t index, int trial, double seconds, double steps);
  void cancel(std::size_t index);
  void start_over();
  void ask();
  void assign(const Dispatch& dispatch);
  std::string why_it_leaves(TrialId trial, const Assignment& work) const;
  Steps stretch(std::size_t index, Steps until) const;
  void learn_grid(const Trial& trial, int number, Steps from);
  void expect(std::size_t index);
  bool holds_up(const State& state) const;
  void catch_up(std::size_t index, const Trial& trial);
  void offer(const Demand& demand, const ClusterState& cluster, Plan& plan);
  int number_of(TrialId trial) const;
  std::size_t index_of(SlotId slot) const;

  MakeRule make_rule_;
  RulePlannerOptions options_;
  std::unique_ptr<RolloutRule> rule_;
  RolloutView view_;
  SpeedModel speeds_ = {};
  std::vector<SlotId> slots_ = {};  ///< By the rule's number.
  std::map<SlotId, std::size_t> index_ = {};
  std::vector<const SlotState*> states_ = {};  ///< By the rule's number; only within `plan`.
  std::vector<Assignment> work_ = {};          ///< By the rule's number of the slot.
  std::vector<TrialId> trial_of_ = {};         ///< By the rule's number; invalid: not created yet.
  std::vector<int> number_of_ = {};            ///< By trial; -1: not known.
  std::vector<TrialId> open_ = {};             ///< Not known to have ended, ascending.
  std::set<int> unnamed_ = {};                 ///< Numbers of trials that are not created yet.
  bool all_wanted_ = true;                     ///< All of these are.
  /// How often trials report, where alone a stretch can end (`RolloutCosts::grid`), is known.
  bool grid_known_ = false;
  std::vector<std::int64_t> reports_ = {};  ///< By the rule's number: when it last stopped.
  Steps limit_ = 0;                         ///< With a window: nobody goes further for now.
  std::vector<bool> waits_ = {};            ///< By the rule's number: it is finished only for now.
};

}  // namespace clavier::cluster
