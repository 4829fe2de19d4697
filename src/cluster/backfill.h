#pragma once

#include "cluster/planner.h"

namespace clavier::cluster {

struct BackfillOptions {
  double seconds_per_step = 1;  ///< At speed 1; believed until something was measured.
  Steps length = kForever;      ///< Where every trial ends, unless it is stopped before.
};

/// First-fit for trials that take several slots of one machine at once: all of them or none.
///
/// Who fits starts, in the scheduler's order, where its slowest slot is fastest; ties to the
/// machine that has the fewest slots free. Of those that need several slots and do not fit, the one
/// that has waited longest has a claim: the slots of one machine that will be free soonest are kept
/// for it. Until they are all there, others may use them if they will have ended by then (EASY
/// backfill; Lifka, JSSPP 1995). Who has waited longer than the claimant goes first.
///
/// Bounded wait: once the claimant has waited for as long as the longest trial takes, nothing is
/// started any more on what is kept for it, however wrong predictions are. What then runs there
/// ends or comes to where its scheduler is asked. Without a memory: everything is in the log.
class Backfill : public Planner {
 public:
  explicit Backfill(BackfillOptions options) : Planner({}), options_(options) {}

  Plan plan(const Demand& demand, const ClusterState& cluster, StudyTime now) override;
  /// Some more than there are slots: whoever waits for several must not hide those that need one.
  std::size_t appetite(const ClusterState& cluster, const Supply& supply) const override;

  static constexpr std::size_t kLookAhead = 4;

 private:
  BackfillOptions options_;
};

}  // namespace clavier::cluster
