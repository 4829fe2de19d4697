#pragma once

#include <set>

#include "sched/rung_records.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// Asynchronous successive halving (Li et al., MLSys 2020), promotion variant, as the paper has it:
/// what looked bad at first is promoted later, once it belongs to the best of a rung that has
/// filled up. Needs trainables that resume from a checkpoint.
///
/// The rule. At each rung (`Rungs`) a trial is recorded. Of n values there, the best
/// floor(n / reduction) may go on (less is better under kMin; NaN last; ties to the lower id). A
/// trial that belongs to them as it arrives goes on at once, without a checkpoint; any other is
/// paused. A free slot takes the best paused trial that may go on, from the highest rung that has
/// one; if there is none, a new configuration.
///
/// When no configuration can come any more, nothing runs or is to be retried, nothing may go on and
/// no trial has completed yet, the best paused trial of the highest rung goes on all the same: so a
/// study of any size trains at least one trial to max_steps, as long as one lives. Trials that are
/// paused when `finished` holds stay so; ending them is the tuner's.
class AshaPromotion final : public Scheduler {
 public:
  AshaPromotion(Objective objective, AshaOptions options, std::uint64_t seed);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  std::int64_t visits() const { return records_.visits() + visits_; }

 private:
  struct Better {
    bool operator()(const Ranking::Entry& a, const Ranking::Entry& b) const {
      return Ranking::precedes(a, b);
    }
  };
  using Waiting = std::set<Ranking::Entry, Better>;

  Decision judge(const Arrival& arrival, const std::vector<Arrival>& together, Steps step) const;
  std::vector<Runnable> promotions(const State& state, std::size_t appetite) const;
  void promote_from(std::size_t rung, const State& state, std::size_t appetite,
                    std::vector<Runnable>& runnables) const;
  /// The best paused trial of the highest rung, if the study would else end without a whole one.
  std::optional<TrialId> last_hope(const State& state) const;
  Resume resume(TrialId trial, const State& state) const;
  Waiting* waiting_with(TrialId trial);
  /// The trial went past the rung it waited at, or ended.
  void leave(TrialId trial);

  AshaOptions options_;
  RungRecords records_;
  /// By bracket and rung: recorded there and not known to have gone on. Promoted trials are taken
  /// out at their first sign of life.
  std::vector<std::vector<Waiting>> waiting_;
  std::set<TrialId> strays_;  ///< Paused by somebody else, away from any rung.
  mutable std::int64_t visits_ = 0;
};

}  // namespace clavier::sched
