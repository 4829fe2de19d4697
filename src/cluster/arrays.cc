#include "cluster/arrays.h"

#include <algorithm>
#include <map>

/// A planner knows single wants and stays as it is: it is asked about one want of each array, and
/// what it says of that one holds for all. So arrays come wherever the planner would have put their
/// first member, and who waits waits for the same reason.
namespace clavier::cluster {
namespace {

using Array = std::vector<std::size_t>;  ///< Of wants, in their order.

/// A slot's fair part of all trials that run or are to run.
std::size_t fair_part(const Demand& demand, const ClusterState& cluster) {
  if (demand.new_trials == kForever) return demand.wants.size();
  const State& state = demand.state;
  const std::size_t all = state.count(TrialStatus::kRunning) + state.count(TrialStatus::kPending) +
                          state.count(TrialStatus::kPaused) +
                          static_cast<std::size_t>(demand.new_trials);
  const std::size_t slots = std::max<std::size_t>(1, cluster.alive_slots());
  return std::max<std::size_t>(1, (all + slots - 1) / slots);
}

/// In the order of their first members.
std::vector<Array> arrays_of(const Demand& demand, std::size_t fair) {
  std::vector<Array> arrays;
  std::map<std::string, std::size_t> open;  // Which array still takes such wants.
  for (std::size_t want = 0; want < demand.wants.size(); ++want) {
    const auto most = static_cast<std::size_t>(demand.wants[want].members);
    const auto [at, first] = open.try_emplace(demand.wants[want].alike, arrays.size());
    if (!first && arrays[at->second].size() >= std::min(most, fair)) at->second = arrays.size();
    if (at->second == arrays.size()) arrays.emplace_back();
    arrays[at->second].push_back(want);
  }
  return arrays;
}

}  // namespace

Plan plan_arrays(Planner& planner, const Demand& demand, const ClusterState& cluster,
                 StudyTime now) {
  std::vector<Array> arrays = arrays_of(demand, fair_part(demand, cluster));
  if (!arrays.empty())
    std::stable_sort(arrays.begin() + 1, arrays.end(),
                     [](const Array& a, const Array& b) { return a.size() > b.size(); });
  Demand whole{.state = demand.state, .new_trials = demand.new_trials};
  for (const Array& array : arrays) whole.wants.push_back(demand.wants[array.front()]);
  Plan plan = planner.plan(whole, cluster, now);
  for (Start& start : plan.starts) start.wants = arrays[start.wants.front()];
  std::vector<std::string> left_out(demand.wants.size());
  for (std::size_t i = 0; i < arrays.size(); ++i)
    for (const std::size_t want : arrays[i]) left_out[want] = plan.left_out[i];
  plan.left_out = std::move(left_out);
  return plan;
}

}  // namespace clavier::cluster
