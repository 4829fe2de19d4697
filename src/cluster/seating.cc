#include "cluster/seating.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>

/// A value that is copied freely: a planner takes seats on a copy to learn who would be left out,
/// and then on the real one. Whoever is leaving counts as busy for a moment yet (kAtOnce), so that
/// "free" means that nobody is there, not that somebody is predicted to be gone.
/// What is kept for a claim may be lent to whoever will have left in time. The borrower's seats
/// count as busy until then, so nothing is lent twice.
namespace clavier::cluster {
namespace {

/// Who is leaving has not left.
constexpr double kAtOnce = 1e-9;

}  // namespace

Seating::Seating(const Demand& demand, const ClusterState& cluster, const Durations& durations)
    : durations_(&durations) {
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
      seat.free_in = std::max(kAtOnce, launch == free_in.end() ? 0 : launch->second);
    }
    table->seats.push_back(seat);
  }
  for (auto& [node, each] : tables) {
    std::ranges::stable_sort(each.seats, std::greater{}, &Seat::speed);
    each.free = static_cast<std::size_t>(std::ranges::count(each.seats, 0.0, &Seat::free_in));
    tables_.push_back(std::move(each));
  }
}

std::size_t Seating::free() const {
  std::size_t free = 0;
  for (const Table& table : tables_) free += table.free;
  return free;
}

std::size_t Seating::largest_here() const {
  std::size_t largest = 0;
  for (const Table& table : tables_) largest = std::max(largest, table.seats.size());
  return largest;
}

std::size_t Seating::largest_known() const {
  std::size_t largest = 0;
  for (const Table& table : tables_) largest = std::max(largest, table.known);
  return largest;
}

std::vector<SlotId> Seating::take(const Want& want) {
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
  const double until = std::max(kAtOnce, durations_->of_rest(want, speed(best)));
  for (std::size_t i = wanted; i-- > 0;) {
    best[i]->free_in = until;
    slots.push_back(best[i]->slot);
  }
  return slots;
}

/// Free, fastest first; those that are kept for somebody else if it will have left them in time.
/// REQUIRES: enough are free.
std::vector<Seating::Seat*> Seating::usable(Table& table, const Want& want) const {
  std::vector<Seat*> seats, open;
  for (Seat& seat : table.seats) {
    if (seat.free_in > 0) continue;
    seats.push_back(&seat);
    if (!seat.kept) open.push_back(&seat);
  }
  const Seat& slowest = *seats[static_cast<std::size_t>(want.slots) - 1];
  return durations_->of_rest(want, slowest.speed) <= lent_for_ ? seats : open;
}

std::vector<Seating::Seat*> Seating::soonest(Table& table, std::size_t wanted) {
  std::vector<Seat*> seats;
  for (Seat& seat : table.seats) seats.push_back(&seat);
  std::ranges::stable_sort(seats, {}, &Seat::free_in);
  seats.resize(wanted);
  return seats;
}

Seating::Kept Seating::keep(const Want& want, bool to_itself) {
  const auto wanted = static_cast<std::size_t>(want.slots);
  Kept kept;
  std::vector<Seat*> best;
  for (Table& table : tables_) {
    if (table.seats.size() < wanted) continue;
    std::vector<Seat*> seats = soonest(table, wanted);
    if (!best.empty() && seats.back()->free_in >= best.back()->free_in) continue;
    best = std::move(seats);
    kept.node = table.node;
  }
  for (Seat* seat : best) {
    seat->kept = true;
    kept.free += seat->free_in == 0;
  }
  kept.free_in = best.back()->free_in;
  lent_for_ = to_itself ? -1 : kept.free_in;
  return kept;
}

}  // namespace clavier::cluster
