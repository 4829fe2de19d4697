#include "cluster/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace clavier::cluster {
namespace {

constexpr double kNobodyKnows = std::numeric_limits<double>::infinity();

struct Seat {
  SlotId slot;
  double speed = 1;
  double free_in = 0;  ///< Seconds from now, as predicted; 0: it is free.
  bool kept = false;   ///< For the claimant.
};

struct Table {
  NodeId node;
  std::vector<Seat> seats = {};  ///< Fastest first, then by id.
  std::size_t free = 0;          ///< Of them.
  std::size_t known = 0;         ///< Also those that are away.
};

/// How long trials take, as far as the log tells.
class Durations {
 public:
  Durations(const BackfillOptions& options, const State& state, const ClusterState& cluster)
      : options_(options), state_(state), cluster_(cluster) {
    for (const auto& [id, slot] : cluster.slots()) {
      if (slot.alive) slowest_ = std::min(slowest_, slot.slot.speed);
      worst_ = std::max(worst_, slot.usual_seconds * slot.slot.speed);
    }
    if (worst_ == 0) worst_ = options.seconds_per_step;
  }

  /// Until it ends by itself, on slots of this speed.
  double of_rest(const Want& want, double speed) const {
    if (options_.length == kForever) return kNobodyKnows;
    const Trial* trial = want.trial ? &state_.trial(*want.trial) : nullptr;
    const Checkpoint* from = trial ? trial->latest_checkpoint() : nullptr;
    const Steps done = from ? from->step : 0;
    return static_cast<double>(options_.length - std::min(done, options_.length)) *
           (trial ? cost(*trial) : worst_) / speed;
  }
  /// Until its scheduler is asked, or it ends by itself.
  double of_running(const Trial& trial) const {
    const Steps until = std::min(trial.until, options_.length);
    if (until == kForever) return kNobodyKnows;
    const double speed = cluster_.slots().at(trial.slot).slot.speed;
    return static_cast<double>(std::max<Steps>(0, until - trial.step)) * cost(trial, speed) / speed;
  }
  double longest() const {
    return options_.length == kForever ? 0
                                       : static_cast<double>(options_.length) * worst_ / slowest_;
  }

 private:
  double cost(const Trial& trial) const {
    const auto slot = cluster_.slots().find(trial.slot);
    return slot == cluster_.slots().end() ? worst_ : cost(trial, slot->second.slot.speed);
  }
  /// Seconds per step at speed 1: its own, on a slot of this speed; where it has none, the worst
  /// that was seen.
  double cost(const Trial& trial, double speed) const {
    if (trial.history.empty()) return worst_;
    const Point& last = trial.history.back();
    const Steps before = trial.history.size() > 1 ? (trial.history.end() - 2)->step : 0;
    if (last.step <= before) return worst_;
    return static_cast<double>(last.seconds) / static_cast<double>(last.step - before) * speed;
  }

  const BackfillOptions& options_;
  const State& state_;
  const ClusterState& cluster_;
  double worst_ = 0;
  double slowest_ = kNobodyKnows;
};

/// One question's picture of the cluster, on which wants take their seats.
class Seating {
 public:
  Seating(const Demand& demand, const ClusterState& cluster, const Durations& durations)
      : durations_(durations) {
    std::unordered_map<LaunchId, double> free_in;  // Only looked up.
    for (const TrialId id : demand.state.with_status(TrialStatus::kRunning))
      free_in[demand.state.trial(id).launch] = durations.of_running(demand.state.trial(id));
    std::map<NodeId, Table> tables;
    Table* table = nullptr;
    for (const auto& [id, slot] : cluster.slots()) {
      // The slots of a node mostly follow each other.
      if (!table || table->node != slot.slot.node) {
        table = &tables[slot.slot.node];
        table->node = slot.slot.node;
      }
      ++table->known;
      if (!slot.alive) continue;
      Seat seat{.slot = id, .speed = slot.slot.speed};
      if (slot.busy) {
        const auto launch = free_in.find(*slot.busy);
        // Who is leaving has not left.
        seat.free_in = std::max(1e-9, launch == free_in.end() ? 0 : launch->second);
      }
      table->seats.push_back(seat);
    }
    for (auto& [node, each] : tables) {
      std::ranges::stable_sort(each.seats, std::greater{}, &Seat::speed);
      each.free = static_cast<std::size_t>(std::ranges::count(each.seats, 0.0, &Seat::free_in));
      tables_.push_back(std::move(each));
    }
  }

  std::size_t free() const {
    std::size_t free = 0;
    for (const Table& table : tables_) free += table.free;
    return free;
  }
  std::size_t largest_here() const {
    std::size_t largest = 0;
    for (const Table& table : tables_) largest = std::max(largest, table.seats.size());
    return largest;
  }
  std::size_t largest_known() const {
    std::size_t largest = 0;
    for (const Table& table : tables_) largest = std::max(largest, table.known);
    return largest;
  }

  /// The slots it takes now, the slowest first; none if it does not fit.
  std::vector<SlotId> take(const Want& want) {
    const auto wanted = static_cast<std::size_t>(want.slots);
    Table* at = nullptr;
    std::vector<Seat*> best;
    const auto speed = [&](const std::vector<Seat*>& seats) { return seats[wanted - 1]->speed; };
    for (Table& table : tables_) {
      if (table.free < wanted) continue;
      std::vector<Seat*> seats = usable(table, want);
      if (seats.size() < wanted) continue;
      if (best.empty() || speed(seats) > speed(best) ||
          (speed(seats) == speed(best) && seats.size() < best.size())) {
        at = &table;
        best = std::move(seats);
      }
    }
    std::vector<SlotId> slots;
    if (best.empty()) return slots;
    at->free -= wanted;
    const double until = durations_.of_rest(want, speed(best));
    for (std::size_t i = wanted; i-- > 0;) {
      best[i]->free_in = std::max(until, 1e-9);
      slots.push_back(best[i]->slot);
    }
    return slots;
  }

  struct Kept {
    NodeId node;
    std::size_t free = 0;  ///< Of its seats, now.
    double free_in = 0;    ///< All of them.
  };
  /// Keeps the seats for it that will be free soonest. REQUIRES: it fits on some table.
  Kept keep(const Want& want, bool to_itself) {
    const auto wanted = static_cast<std::size_t>(want.slots);
    Table* best = nullptr;
    std::vector<std::size_t> chosen;
    for (Table& table : tables_) {
      if (table.seats.size() < wanted) continue;
      std::vector<std::size_t> order(table.seats.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::ranges::stable_sort(order, {}, [&](std::size_t i) { return table.seats[i].free_in; });
      order.resize(wanted);
      const auto in = [&](const Table& at, const std::vector<std::size_t>& seats) {
        return at.seats[seats.back()].free_in;
      };
      if (best && in(table, order) >= in(*best, chosen)) continue;
      best = &table;
      chosen = std::move(order);
    }
    Kept kept{.node = best->node, .free_in = best->seats[chosen.back()].free_in};
    for (const std::size_t i : chosen) {
      best->seats[i].kept = true;
      kept.free += best->seats[i].free_in == 0;
    }
    lent_for_ = to_itself ? -1 : kept.free_in;
    return kept;
  }

 private:
  /// Free, fastest first; those that are kept for somebody else if it will have left them in time.
  /// REQUIRES: enough are free.
  std::vector<Seat*> usable(Table& table, const Want& want) const {
    std::vector<Seat*> seats, open;
    for (Seat& seat : table.seats) {
      if (seat.free_in > 0) continue;
      seats.push_back(&seat);
      if (!seat.kept) open.push_back(&seat);
    }
    const Seat& slowest = *seats[static_cast<std::size_t>(want.slots) - 1];
    return durations_.of_rest(want, slowest.speed) <= lent_for_ ? seats : open;
  }

  const Durations& durations_;
  std::vector<Table> tables_;
  double lent_for_ = -1;  ///< Seconds; what is kept may be used for so long.
};

StudyTime waits_since(const Want& want, const State& state, StudyTime now) {
  return want.trial ? state.trial(*want.trial).waits_since : now;
}

/// Ties go to the trial that was drawn first.
bool has_waited_longer(const Want& one, const Want& other, const State& state, StudyTime now) {
  const auto since = [&](const Want& want) {
    return std::pair(waits_since(want, state, now), want.trial.value_or(TrialId{kForever}));
  };
  return since(one) < since(other);
}

std::string name(const Want& want) {
  return want.trial ? fmt::format("trial {}", want.trial->value) : "a new trial";
}

/// Everybody in order, as if nothing were kept for anybody.
std::vector<std::size_t> left_over(const Demand& demand, Seating seating) {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < demand.wants.size(); ++i)
    if (demand.wants[i].slots > 0 && seating.take(demand.wants[i]).empty()) left.push_back(i);
  return left;
}

/// Who needs several slots, does not get them, and has waited longest.
std::optional<std::size_t> claimant(const Demand& demand, const Seating& seating, StudyTime now) {
  std::optional<std::size_t> found;
  for (const std::size_t i : left_over(demand, seating)) {
    const Want& want = demand.wants[i];
    if (want.slots < 2 || static_cast<std::size_t>(want.slots) > seating.largest_here()) continue;
    if (!found || has_waited_longer(want, demand.wants[*found], demand.state, now)) found = i;
  }
  return found;
}

std::string never_fits(const Want& want, const Seating& seating) {
  if (want.slots < 1)
    return fmt::format("{} asks for a number of slots that is no whole number from 1 on",
                       name(want));
  const auto wanted = static_cast<std::size_t>(want.slots);
  if (wanted <= seating.largest_here()) return {};
  if (wanted <= seating.largest_known())
    return fmt::format(
        "{} takes {} slots of one machine at once, and those that have them are away", name(want),
        wanted);
  return fmt::format("{} takes {} slots of one machine at once, and none has more than {}",
                     name(want), wanted, seating.largest_known());
}

}  // namespace

Plan Backfill::plan(const Demand& demand, const ClusterState& cluster, StudyTime now) {
  const Durations durations(options_, demand.state, cluster);
  Seating seating(demand, cluster, durations);
  Plan plan;
  plan.left_out.assign(demand.wants.size(), {});
  const auto start = [&](std::size_t want) {
    std::vector<SlotId> slots = seating.take(demand.wants[want]);
    if (slots.empty()) return false;
    plan.starts.push_back({.want = want, .slot = slots.front()});
    plan.starts.back().further.assign(slots.begin() + 1, slots.end());
    return true;
  };

  std::vector<std::size_t> order;
  const auto first = claimant(demand, seating, now);
  const auto waited_longer = [&](std::size_t want) {
    return first && has_waited_longer(demand.wants[want], demand.wants[*first], demand.state, now);
  };
  std::string others_come_first;
  for (std::size_t i = 0; i < demand.wants.size(); ++i) {
    plan.left_out[i] = never_fits(demand.wants[i], seating);
    if (plan.left_out[i].empty() && i != first) order.push_back(i);
    plan.awaits_node = plan.awaits_node ||
                       (!plan.left_out[i].empty() && demand.wants[i].slots > 0 &&
                        static_cast<std::size_t>(demand.wants[i].slots) <= seating.largest_known());
  }
  const auto rest = std::stable_partition(order.begin(), order.end(), waited_longer);
  const auto begin_some = [&](auto from, auto to) {
    for (; from != to; ++from) {
      if (start(*from)) continue;
      plan.left_out[*from] =
          !others_come_first.empty() && seating.free() > 0 ? others_come_first
          : demand.wants[*from].slots > 1
              ? fmt::format("it takes {} slots of one machine at once", demand.wants[*from].slots)
              : "every slot is busy";
    }
  };
  begin_some(order.begin(), rest);
  if (first && !start(*first)) {
    const Want& want = demand.wants[*first];
    const double waited = seconds(now - waits_since(want, demand.state, now));
    const auto kept = seating.keep(want, waited > durations.longest());
    const std::string& host = cluster.nodes().at(kept.node).host;
    plan.left_out[*first] = fmt::format(
        "it takes {} slots at once: {} of {} are free and kept for it{}", want.slots, kept.free,
        host,
        std::isfinite(kept.free_in) ? fmt::format(", all of them in about {:.3g} s", kept.free_in)
                                    : std::string());
    others_come_first = fmt::format("slots of {} are kept for {}, which takes {} at once", host,
                                    name(want), want.slots);
  }
  begin_some(rest, order.end());
  return plan;
}

std::size_t Backfill::appetite(const ClusterState& cluster) const {
  return cluster.free_count() == 0 ? 0 : cluster.free_count() + kLookAhead;
}

}  // namespace clavier::cluster
