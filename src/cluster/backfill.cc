#include "cluster/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cluster/seating.h"

/// Who could not even sit in an empty cluster is sorted out first, or it would hold the claim for
/// ever. Then the claimant is looked for on a copy in which everybody else takes their slots in
/// order: a claim is only needed by somebody whom the order itself would starve. Those that have
/// waited longer go before it, then it, then all others on what its claim leaves them.
/// The claim is not remembered: it follows from who waits since when, which the log tells.
/// Replaying a study asks nothing and still arrives at the same claims.
namespace clavier::cluster {
namespace {

std::string name(const Want& want) {
  return want.trial ? fmt::format("trial {}", want.trial->value) : "a new trial";
}

/// What is asked of the planner, and the answer as far as it is made.
class Question {
 public:
  Question(const BackfillOptions& options, const Demand& demand, const ClusterState& cluster,
           StudyTime now)
      : demand_(demand),
        cluster_(cluster),
        now_(now),
        durations_(options.seconds_per_step, options.length, demand.state, cluster),
        seating_(demand, cluster, durations_) {
    plan_.left_out.resize(demand.wants.size());
  }

  Plan answer() {
    std::vector<std::size_t> order = those_that_fit();
    const auto first = claimant(order);
    if (!first) {
      for (const std::size_t want : order) begin(want);
      return std::move(plan_);
    }
    std::erase(order, *first);
    const auto after = std::stable_partition(order.begin(), order.end(), [&](std::size_t want) {
      return has_waited_longer(want, *first);
    });
    for (auto want = order.begin(); want != after; ++want) begin(*want);
    if (!begin(*first)) keep_for(*first);
    for (auto want = after; want != order.end(); ++want) begin(*want);
    return std::move(plan_);
  }

 private:
  const Want& want(std::size_t index) const { return demand_.wants[index]; }

  /// On an empty cluster. Says of the others why they do not.
  std::vector<std::size_t> those_that_fit() {
    std::vector<std::size_t> fit;
    const auto here = static_cast<std::int64_t>(seating_.largest_here());
    const auto known = static_cast<std::int64_t>(seating_.largest_known());
    for (std::size_t i = 0; i < demand_.wants.size(); ++i) {
      const std::int64_t wanted = want(i).slots;
      if (wanted >= 1 && wanted <= here) {
        fit.push_back(i);
      } else if (wanted < 1) {
        plan_.left_out[i] = fmt::format(
            "{} asks for a number of slots that is no whole number from 1 on", name(want(i)));
      } else if (wanted <= known) {
        plan_.awaits_room = true;
        plan_.left_out[i] = fmt::format(
            "{} takes {} slots of one machine at once, and those that have them are away",
            name(want(i)), wanted);
      } else {
        plan_.left_out[i] =
            fmt::format("{} takes {} slots of one machine at once, and none has more than {}",
                        name(want(i)), wanted, known);
      }
    }
    return fit;
  }

  /// Who needs several slots, would not get them if everybody took theirs in order, and has waited
  /// longest.
  std::optional<std::size_t> claimant(const std::vector<std::size_t>& order) const {
    Seating everybody = seating_;
    std::optional<std::size_t> found;
    for (const std::size_t i : order) {
      if (!everybody.take(want(i)).empty() || want(i).slots == 1) continue;
      if (!found || has_waited_longer(i, *found)) found = i;
    }
    return found;
  }

  StudyTime waits_since(std::size_t index) const {
    return want(index).trial ? demand_.state.trial(*want(index).trial).waits_since : now_;
  }
  /// Ties go to the trial that was drawn first.
  bool has_waited_longer(std::size_t one, std::size_t other) const {
    const auto since = [&](std::size_t index) {
      return std::pair(waits_since(index), want(index).trial.value_or(TrialId{kForever}));
    };
    return since(one) < since(other);
  }

  bool begin(std::size_t index) {
    std::vector<SlotId> slots = seating_.take(want(index));
    if (!slots.empty()) {
      plan_.starts.push_back({.wants = {index}, .slots = std::move(slots)});
      return true;
    }
    if (!kept_.empty() && seating_.free() > 0)
      plan_.left_out[index] = kept_;
    else if (want(index).slots > 1)
      plan_.left_out[index] =
          fmt::format("it takes {} slots of one machine at once", want(index).slots);
    else
      plan_.left_out[index] = "every slot is busy";
    return false;
  }

  void keep_for(std::size_t index) {
    const double waited = seconds(now_ - waits_since(index));
    const auto kept = seating_.keep(want(index), waited > durations_.longest());
    const std::string& host = cluster_.nodes().at(kept.node).host;
    const std::string when = std::isfinite(kept.free_in)
                                 ? fmt::format(", all of them in about {:.3g} s", kept.free_in)
                                 : std::string();
    plan_.left_out[index] =
        fmt::format("it takes {} slots at once: {} of {} are free and kept for it{}",
                    want(index).slots, kept.free, host, when);
    kept_ = fmt::format("slots of {} are kept for {}, which takes {} at once", host,
                        name(want(index)), want(index).slots);
  }

  const Demand& demand_;
  const ClusterState& cluster_;
  StudyTime now_;
  Durations durations_;
  Seating seating_;
  Plan plan_ = {};
  std::string kept_ = {};  ///< For whom, in words; empty: for nobody.
};

}  // namespace

Plan Backfill::plan(const Demand& demand, const ClusterState& cluster, StudyTime now) {
  return Question(options_, demand, cluster, now).answer();
}

std::size_t Backfill::appetite(const ClusterState& cluster, const Supply& supply) const {
  if (cluster.free_count() == 0) return 0;
  return supply.single ? 1 : cluster.free_count() + kLookAhead;
}

}  // namespace clavier::cluster
