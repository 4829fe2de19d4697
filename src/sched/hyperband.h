#pragma once

#include <map>
#include <vector>

#include "sched/rung_records.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// A bracket's plan: at each rung, its step and how many trials come to it. Of a bracket that never
/// fills, the same parts of those it has, rounded down; at least one trial goes on.
struct BracketShape {
  std::vector<Steps> rungs = {};         ///< Ascending; who is at the last one is complete.
  std::vector<std::size_t> trials = {};  ///< As many entries.
  std::size_t goes_on(std::size_t made, std::size_t rung) const;
};

/// The brackets of Li et al. (JMLR 2018), the one that halves most often first. With s halvings:
/// rungs at max_steps / reduction^s, …, max_steps, each rounded, none below grace; at the first
/// ceil(B / (s + 1) · reduction^s) trials, B being the number of brackets, at rung i floor of that
/// / reduction^i. REQUIRES: as `Rungs`. `options.brackets` is not looked at.
std::vector<BracketShape> hyperband_brackets(const AshaOptions& options);
/// Those of Ray Tune's HyperBandScheduler (2.60), the one without halving first: its last milestone
/// is what the one before it leaves of max_steps, so 81 steps give 1, 3, 9, 27, 54.
std::vector<BracketShape> ray_hyperband_brackets(const AshaOptions& options);

/// HyperBand (Li et al., 2018): brackets of successive halving with barriers, from many short
/// trials to few long ones. Needs trainables that resume from a checkpoint.
///
/// New trials fill the youngest bracket; when it is full they begin the next one, whose shape is
/// the next of `shapes`, over and over. `Trial::bracket` counts brackets from 0. A trial that comes
/// to a rung is paused until all of its bracket that go on living have come there and the bracket
/// is full, or no more trials will come; then the best go on and the others are stopped (less is
/// better under kMin; NaN last; ties to the lower id). Not waited for is who has ended, is told to
/// end, or is held by the user. Who comes to a rung after it was judged goes on if it belongs to as
/// many best ones of all that came there.
///
/// A trial counts at a rung with its first report at or behind it that carries the objective, also
/// at those that a long stride has skipped.
class HyperBand final : public Scheduler {
 public:
  /// REQUIRES: shapes is not empty, nor is any of its rungs.
  HyperBand(Objective objective, std::vector<BracketShape> shapes);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

  std::int64_t visits() const;

 private:
  struct Bracket {
    std::size_t made = 0;                        ///< Trials in it.
    std::size_t rung = 0;                        ///< The next to be judged.
    std::vector<TrialId> expected = {};          ///< At that rung, as far as they live; by id.
    std::map<TrialId, std::size_t> passed = {};  ///< How many rungs each trial has come to.
    std::vector<Ranking> rankings = {};          ///< By rung.
    /// Who goes no further, and why, as long as nobody has stopped it.
    std::map<TrialId, std::string> out = {};
  };
  /// Whether it may still come to its rung.
  using Lives = std::function<bool(TrialId)>;

  const BracketShape& shape(std::size_t bracket) const { return shapes_[bracket % shapes_.size()]; }
  Steps next_rung(const Trial& trial, Steps step) const;
  void follow(const State& state) const;
  bool takes_more(std::size_t bracket, const State& state) const;
  std::vector<Arrival> arrivals(const Turn& turn, const State& state) const;
  static void record(Bracket& bracket, const Arrival& arrival);
  bool complete(std::size_t bracket, const State& state, const Lives& lives,
                const std::vector<Arrival>& coming) const;
  static void judge(Bracket& bracket, const BracketShape& shape, const Lives& lives);
  /// All brackets that are complete once those that are coming are there, as they are then.
  std::map<std::size_t, Bracket> judged(const State& state, const Lives& lives,
                                        const std::vector<Arrival>& coming) const;
  std::optional<Decision> answer(const Report& report, const Trial& trial,
                                 const std::vector<Arrival>& coming, const Bracket& now) const;
  std::vector<Runnable> resumes(const State& state, std::size_t appetite) const;

  Objective objective_;
  std::vector<BracketShape> shapes_;
  mutable std::vector<Bracket> brackets_;
  mutable std::size_t followed_ = 0;  ///< So many trials are in their brackets.
  std::size_t first_open_ = 0;        ///< Brackets before it have nothing left to judge.
  mutable std::int64_t visits_ = 0;
};

}  // namespace clavier::sched
