#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sched/reports.h"
#include "sched/scheduler.h"

namespace clavier::sched {

/// Successive halving with barriers (Jamieson and Talwalkar, 2016), the yardstick of tests and
/// benchmarks: a rung is judged when all its trials are there, the best one in `reduction` go on.
/// Every trial must reach its rungs.
class SynchronousHalving final : public Scheduler {
 public:
  SynchronousHalving(std::size_t trials, std::vector<Steps> rungs, std::size_t reduction)
      : rungs_(std::move(rungs)), reduction_(reduction), expected_(trials), trials_(trials) {}

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override {
    std::vector<Runnable> runnables;
    for (const TrialId id : state.with_status(TrialStatus::kPaused))
      if (runnables.size() < appetite && go_on_.contains(id) && !there_.contains(id))
        runnables.push_back(Resume{id, rungs_[rung_]});
    for (std::size_t made = state.trials().size(); runnables.size() < appetite && made < trials_;
         ++made)
      runnables.push_back(New{.until = rungs_[0]});
    return runnables;
  }

  std::vector<Decision> decide(const Turn& turn, const State& state) const override {
    std::map<TrialId, double> there = there_;
    std::vector<Decision> decisions;
    const std::vector<TrialId> arrived = arrivals(turn, state, there);
    const bool full = there.size() == expected_;
    const std::set<TrialId> best = full ? best_of(there) : std::set<TrialId>{};
    for (const TrialId id : arrived) {
      if (rung_ + 1 == rungs_.size())
        decisions.push_back({Complete{id}, "the last rung"});
      else if (!full || best.contains(id))
        decisions.push_back({Pause{id}, "waits for the others"});
    }
    if (full && rung_ + 1 < rungs_.size())
      for (const auto& [id, value] : there)
        if (!best.contains(id)) decisions.push_back({Stop{id}, "others are better"});
    return decisions;
  }

  void observe(const Turn& turn, const State& state) override {
    const std::vector<TrialId> arrived = arrivals(turn, state, there_);
    if (arrived.empty() || there_.size() < expected_ || rung_ + 1 == rungs_.size()) return;
    go_on_ = best_of(there_);
    expected_ = go_on_.size();
    there_.clear();
    ++rung_;
  }

  bool finished(const State& state) const override { return next(state, 1).empty(); }

 private:
  /// Adds who came to the rung to `there`.
  std::vector<TrialId> arrivals(const Turn& turn, const State& state,
                                std::map<TrialId, double>& there) const {
    std::vector<TrialId> arrived;
    for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
      if (report.step < rungs_[rung_] || there.contains(trial.id)) return;
      there[trial.id] = state.objective().mode == Mode::kMin ? *report.value : -*report.value;
      arrived.push_back(trial.id);
    });
    return arrived;
  }
  std::set<TrialId> best_of(const std::map<TrialId, double>& there) const {
    std::vector<std::pair<double, TrialId>> order;
    for (const auto& [id, value] : there) order.emplace_back(value, id);
    std::ranges::sort(order);
    order.resize(std::max<std::size_t>(1, order.size() / reduction_));
    std::set<TrialId> best;
    for (const auto& [value, id] : order) best.insert(id);
    return best;
  }

  std::vector<Steps> rungs_;
  std::size_t reduction_;
  std::size_t expected_;  ///< Trials that this rung waits for.
  std::size_t trials_;
  std::size_t rung_ = 0;
  std::map<TrialId, double> there_ = {};
  std::set<TrialId> go_on_ = {};
};

}  // namespace clavier::sched
